"""JSON that diffs well in a store: sorted keys, 6 significant digits, null for NaN."""

from __future__ import annotations

import json
import math
from typing import Any

from pydantic import ValidationError


def to_text(data: Any) -> str:  # noqa: ANN401 - any JSON
    """Write plain data, one key a line."""
    return json.dumps(_rounded(data), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def first_line(error: ValueError) -> str:
    """Describe in one line what is wrong with a document."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{where}: {first['msg']}" if where else first["msg"]
    return str(error).splitlines()[0]


def _rounded(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
