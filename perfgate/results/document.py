"""`result.json`: the result written as one readable, compact document, and read back."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
from pydantic import TypeAdapter, ValidationError

from perfgate.cautions import with_current_codes
from perfgate.errors import UsageError
from perfgate.results.described import described
from perfgate.results.result import SCHEMA_VERSION, Result, TrialColumns

FILE_NAME = "result.json"

_POWERS = np.array([float(10**n) for n in range(23)])


@cache
def _adapter() -> TypeAdapter[Result]:
    return TypeAdapter(Result)


def json_schema() -> dict[str, Any]:
    """Describe `result.json` as a JSON Schema (draft 2020-12)."""
    schema = described(_with_null(_adapter().json_schema(mode="serialization")), Result)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "perfgate result", **schema}


def _with_null(schema: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """Allow null for every number, in defaults too: it stands for NaN."""
    if isinstance(schema, list):
        return [_with_null(each) for each in schema]
    if not isinstance(schema, dict):
        return None if isinstance(schema, float) and math.isnan(schema) else schema
    found = {key: _with_null(value) for key, value in schema.items()}
    return {**found, "type": ["number", "null"]} if found.get("type") == "number" else found


def to_json(result: Result) -> str:
    """Write the result as JSON: one key a line in objects, one line a column; NaN and infinities are null."""
    tree = json.loads(_adapter().dump_json(replace(result, trials=TrialColumns())))
    tree["trials"] = _columns(result.trials)
    return _layout(tree, "") + "\n"


def from_json(text: str) -> Result:
    """Read a result; null is NaN where a number is required. UsageError if it is no result, or of a newer perfgate."""
    try:
        tree = json.loads(text)
    except ValueError as error:
        msg = f"not a perfgate result: {error}"
        raise UsageError(msg, "use a run's directory or its result.json") from None
    version = tree.get("schema_version") if isinstance(tree, dict) else None
    if not isinstance(version, int):
        msg = "not a perfgate result: it has no schema_version"
        raise UsageError(msg, "use a run's directory or its result.json")
    if version > SCHEMA_VERSION:
        msg = f"this result has schema version {version}, but this perfgate reads only up to {SCHEMA_VERSION}"
        raise UsageError(msg, "upgrade perfgate, or measure again with this version")
    return _validated(tree)


def write(result: Result, directory: Path) -> Path:
    """Write `result.json` atomically: readers see either the old file or the whole new one."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / FILE_NAME
    temporary = directory / f".{FILE_NAME}.{os.getpid()}.tmp"
    try:
        temporary.write_text(to_json(result), encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def read(run: Path) -> Result:
    """Read a run's result, from its directory or the file itself."""
    path = run / FILE_NAME if run.is_dir() else run
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        msg = f"cannot read the result {path}: {reason}"
        raise UsageError(msg, "use a run's directory or its result.json") from error
    return from_json(text)


def _validated(tree: dict[str, Any]) -> Result:
    try:
        result = _adapter().validate_python(_with_nan(tree, Result))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        msg = f"not a perfgate result: {place}: {first['msg']}"
        raise UsageError(msg, "the file is damaged or was edited: measure again") from None
    return replace(result, cautions=with_current_codes(result.cautions))


def _columns(trials: TrialColumns) -> dict[str, list[Any]]:
    is_float = {name for name, hint in _hints(TrialColumns).items() if float in _leaves(hint)}
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


def _layout(value: object, indent: str) -> str:
    inner = indent + " "
    if isinstance(value, dict) and value:
        lines = [f"{inner}{json.dumps(key)}: {_layout(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return "[\n" + ",\n".join(inner + _layout(item, inner) for item in value) + f"\n{indent}]"
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _leaves(hint: Any) -> tuple[Any, ...]:  # noqa: ANN401 - a type hint is any object
    parts = get_args(hint)
    return tuple(leaf for part in parts for leaf in _leaves(part)) if parts else (hint,)


def _with_nan(value: Any, hint: Any) -> Any:  # noqa: ANN401 - walks JSON along any type hint
    """Return `value` with NaN for each null whose type is a plain float."""
    if hint is float:
        return math.nan if value is None else value
    if isinstance(value, dict) and is_dataclass(hint) and isinstance(hint, type):
        hints = _hints(hint)
        return {key: _with_nan(item, hints.get(key)) for key, item in value.items()}
    arguments = get_args(hint)
    if isinstance(value, list) and get_origin(hint) is tuple and type(None) not in _leaves(hint):
        needs = is_dataclass(arguments[0]) or (arguments[0] is float and None in value)
        return [_with_nan(item, arguments[0]) for item in value] if needs else value
    if isinstance(value, dict) and get_origin(hint) is dict:
        return {key: _with_nan(item, arguments[1]) for key, item in value.items()}
    kinds = [kind for kind in arguments if is_dataclass(kind)]
    return _with_nan(value, kinds[0]) if kinds and isinstance(value, dict) else value
