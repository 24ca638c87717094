"""The forms in which files give numbers, and what all of their tables have in common."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def as_share(value: object) -> object:
    """Turn `"5%"` into 0.05; leave numbers alone. ValueError for true and false, which would be 1 and 0."""
    if isinstance(value, bool):
        raise ValueError('must be a number, such as 0.05 or "5%"')  # noqa: TRY004 - pydantic takes no TypeError
    if isinstance(value, str) and (match := re.fullmatch(r"\s*([0-9.]+)\s*%\s*", value)):
        return float(match[1]) / 100
    return value


_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def as_seconds(value: object) -> object:
    """Turn `"60s"`, `"500ms"`, `"2min"` into seconds; leave numbers alone. ValueError for true and false, as above."""
    if isinstance(value, bool):
        raise ValueError('must be a number of seconds, or such as "500ms", "45s"')  # noqa: TRY004 - as above
    if isinstance(value, str) and (match := re.fullmatch(r"\s*([0-9.]+)\s*(ms|s|min|m|h)\s*", value)):
        return float(match[1]) * _UNITS_S[match[2]]
    return value


Amount = Annotated[float, BeforeValidator(as_share), Field(gt=0)]
Part = Annotated[float, BeforeValidator(as_share), Field(ge=0, le=1)]
Seconds = Annotated[float, BeforeValidator(as_seconds), Field(gt=0)]


class Table(BaseModel):
    """A table of a file: no unknown keys, no infinities, frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)
