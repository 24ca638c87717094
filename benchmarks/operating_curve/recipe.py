"""Properties of one model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Family(StrEnum):
    """Kinds of network; each is a file in `families/`."""

    RECURRENT = "recurrent"
    RANKER = "ranker"
    CONVOLUTIONAL = "convolutional"
    TRANSFORMER = "transformer"


@dataclass(frozen=True, slots=True)
class Recipe:
    """Properties of one model; those below `renamed` apply to the recurrent family only."""

    steps: int
    family: Family = Family.RECURRENT
    seed: int = 1
    """Seed of the weights."""
    renamed: bool = False
    """Other names for an input, the output and the variables."""
    switch: bool = False
    """The loop's length depends on the input `length`, by `heavy_steps` for each unit of the largest in a batch."""
    heavy_steps: int = 0
    random_share: float | None = None
    """Share of executions, at random, with `heavy_steps` more; None: without the operations that draw."""
    leak_bytes: int = 0
    """Memory kept for each request, for ever."""
    extra_mib: int = 0
    """Size of a variable that is loaded but not used."""
    load_products: int = 0
    """Matrix products that an initialiser computes while the model loads."""
    first_products: int | None = None
    """Matrix products computed in the first request; None: without the operations for it."""
