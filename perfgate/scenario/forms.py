"""The forms of numbers in files, and the base class of all their tables."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from perfgate.scenario.quantities import seconds_in, share_in


def as_share(value: object) -> object:
    """Convert `"5%"` to 0.05; numbers are unchanged. ValueError for true and false, which would be 1 and 0."""
    if isinstance(value, bool):
        raise ValueError('must be a number, such as 0.05 or "5%"')  # noqa: TRY004 - pydantic takes no TypeError
    read = share_in(value) if isinstance(value, str) else None
    return value if read is None else read


def as_seconds(value: object) -> object:
    """Convert `"60s"`, `"500ms"`, `"2min"` to seconds; numbers are unchanged. ValueError for true and false."""
    if isinstance(value, bool):
        raise ValueError('must be a number of seconds or a duration such as "500ms", "45s"')  # noqa: TRY004 - as above
    read = seconds_in(value) if isinstance(value, str) else None
    return value if read is None else read


Amount = Annotated[float, BeforeValidator(as_share), Field(gt=0)]
Part = Annotated[float, BeforeValidator(as_share), Field(ge=0, le=1)]
Seconds = Annotated[float, BeforeValidator(as_seconds), Field(gt=0)]


class Table(BaseModel):
    """A table of a file: no unknown keys, no infinities, frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)
