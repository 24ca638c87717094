"""What is special about one model."""

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
    """What is special about one model; what stands below `renamed` the recurrent family alone can do."""

    steps: int
    family: Family = Family.RECURRENT
    seed: int = 1
    """Of the weights."""
    renamed: bool = False
    """Other names for an input, the output and the variables."""
    switch: bool = False
    """The loop's length depends on the input `length`, by `heavy_steps` for each unit of the largest in a batch."""
    heavy_steps: int = 0
    random_share: float | None = None
    """Share of executions, at random, that do `heavy_steps` more; None: without the operations that draw."""
    leak_bytes: int = 0
    """Kept of each request, for ever."""
    extra_mib: int = 0
    """Of a variable that is loaded and not used."""
    load_products: int = 0
    """Matrix products computed by an initialiser while the model loads."""
    first_products: int | None = None
    """Matrix products computed in the first request; None: without the operations that see to it."""
