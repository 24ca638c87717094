"""`result.json`: the result written as one readable, compact document, and read back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from perfgate.cautions import with_current_codes
from perfgate.results.capacity_document import with_ends
from perfgate.results.json_document import JsonDocument, hints, layout, leaves
from perfgate.results.result import SCHEMA_VERSION, Result, TrialColumns

FILE_NAME = "result.json"

_DOCUMENT = JsonDocument(Result, "result", FILE_NAME, SCHEMA_VERSION, "use a run's directory or its result.json")
_POWERS = np.array([float(10**n) for n in range(23)])


def json_schema() -> dict[str, Any]:
    """Describe `result.json` as a JSON Schema (draft 2020-12)."""
    return _DOCUMENT.json_schema()


def to_json(result: Result) -> str:
    """Write the result as JSON: one key a line in objects, one line a column; NaN and infinities are null."""
    tree = _DOCUMENT.tree(replace(result, trials=TrialColumns()))
    tree["trials"] = _columns(result.trials)
    return layout(tree)


def from_json(text: str) -> Result:
    """Read a result; null is NaN where a number is required. UsageError if it is no result, or of a newer perfgate."""
    result = _DOCUMENT.from_json(text)
    capacity = with_ends(result.capacity) if result.capacity else None
    return replace(result, cautions=with_current_codes(result.cautions), capacity=capacity)


def write(result: Result, directory: Path) -> Path:
    """Write `result.json` atomically: readers see either the old file or the whole new one."""
    return _DOCUMENT.write(to_json(result), directory)


def read(run: Path) -> Result:
    """Read a run's result, from its directory or the file itself."""
    return from_json(_DOCUMENT.read(run))


def _columns(trials: TrialColumns) -> dict[str, list[Any]]:
    is_float = {name for name, hint in hints(TrialColumns).items() if float in leaves(hint)}
    columns = {column.name: getattr(trials, column.name) for column in fields(trials)}
    return {name: _six_digits(column) if name in is_float else list(column) for name, column in columns.items()}


def _six_digits(column: Sequence[float | None]) -> list[float | None]:
    """Round to 6 significant digits, which halves the file; the raw samples keep full precision."""
    values = np.array(column, np.float64)
    size = np.abs(values)
    rounds = (size >= 1e-16) & (size < 1e20)
    plain = np.where(rounds, values, 1.0)
    digits = 5 - np.floor(np.log10(np.abs(plain))).astype(int)
    # Powers of ten up to 22 are exact doubles, so the quotient is the double nearest to the short decimal.
    up, down = (_POWERS[np.maximum(sign * digits, 0)] for sign in (1, -1))
    rounded = np.rint(plain * up / down) / up * down
    return [value if math.isfinite(value) else None for value in np.where(rounds, rounded, values).tolist()]
