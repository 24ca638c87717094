"""What was built from a sketch."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SketchFacts:
    """A sketch, and the untrained model that was built from it."""

    given: str
    """As given: a path, or `FILE.py:FUNCTION`."""
    kind: str
    """`toml`, `python` or `keras`."""
    digest: str
    """SHA-256 of the file, `sha256:…`."""
    dimensions: dict[str, int]
    """Its named dimensions, with the values that were built."""
    parameters: int
    """Weights of the model."""
    path: str
    """The SavedModel that was measured."""
    model_digest: str
    """SHA-256 of its files, `sha256:…`."""
    size_mb: float
    """Size of its files, MiB."""
    build_s: float
    """Time that building took."""
    cardinalities: dict[str, int] = field(default_factory=dict)
    """Inputs that carry ids, with the number of different ids that their tables have."""
    batch: int | None = None
    """Rows of a request, if the sketch says so."""
