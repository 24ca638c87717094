"""Mistakes in a file, each as one line: where it is, what was given, what is allowed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from perfgate.errors import UsageError
from perfgate.metrics import BY_NAME
from perfgate.nearest import is_near, suggestion
from perfgate.scenario.amounts import AMOUNTS, amount_problem
from perfgate.scenario.schema import Scenario

Path = tuple[str | int, ...]

METRIC_TABLES: tuple[tuple[str, ...], ...] = (("gate", "metrics"), ("objectives",))
"""Tables of a scenario whose keys are metric names."""

SHARES = (*AMOUNTS, "up_to", "headroom")
"""Keys that also take a percentage in a string."""

_ALLOWED = {
    "model_attributes_type": "a table",
    "model_type": "a table",
    "dict_type": "a table",
    "tuple_type": "an array",
    "too_short": "a non-empty array",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "a string",
    "string_pattern_mismatch": "letters, digits, '.', '_' or '-', starting with a letter or digit",
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a scenario."""

    problem: str
    """Dotted key and the given value."""
    remedy: str


def usage_error(file: str, mistakes: tuple[Mistake, ...]) -> UsageError:
    """Raise the first mistake; its remedy and all further mistakes become the remedy, one a line."""
    first, *others = mistakes
    more = f" (and {len(others)} more)" if others else ""
    lines = [first.remedy, *(f"{m.problem}: {m.remedy}" for m in others)]
    return UsageError(f"{file}: {first.problem}{more}", "\n".join(lines))


def mistakes_in(data: Mapping[str, Any], error: ValidationError | None) -> tuple[Mistake, ...]:
    """List the errors of `data` by the schema and the metrics table, in the order of the keys' names."""
    details = error.errors(include_url=False) if error else []
    return (
        *(explain(d, Scenario) for d in details if not (d["type"] == "value_error" and d["loc"] in METRIC_TABLES)),
        *_unknown_metrics(data),
        *_wrong_amounts(data),
    )


def _unknown_metrics(data: Mapping[str, Any]) -> Iterator[Mistake]:
    for path in METRIC_TABLES:
        table: Any = data
        for part in path:
            table = table.get(part) if isinstance(table, dict) else None
        for name in table if isinstance(table, dict) else ():
            if name not in BY_NAME:
                yield Mistake(f"{_dotted((*path, name))}: unknown metric", suggestion(name, BY_NAME))


def _wrong_amounts(data: Mapping[str, Any]) -> Iterator[Mistake]:
    gate = data.get("gate")
    metrics = gate.get("metrics") if isinstance(gate, dict) else None
    for name, table in metrics.items() if isinstance(metrics, dict) else ():
        for key in AMOUNTS if isinstance(table, dict) else ():
            if problem := amount_problem(name, table.get(key)):
                yield Mistake(f"{_dotted(('gate', 'metrics', name, key))} = {json.dumps(table[key])}", problem)


def explain(detail: ErrorDetails, root: type[BaseModel]) -> Mistake:
    """Convert one of pydantic's errors about a file, read as `root`, to a message for users."""
    path, kind = detail["loc"], detail["type"]
    if kind == "extra_forbidden":
        return unknown_key(path, root)
    if kind == "missing":
        return Mistake(f"{_dotted(path[:-1])}: {path[-1]} is missing", f"set it: {_wanted(path, root)}")
    if kind == "value_error":
        said = str(detail["ctx"]["error"])
        if said.startswith("must be "):
            return Mistake(_given(detail), said)
        return Mistake(f"{_dotted(path)}: invalid combination of keys", said)
    allowed = _ALLOWED.get(kind) or detail["msg"].removeprefix("Input should be ")
    return Mistake(_given(detail), f"must be {allowed}{_forms(path, kind)}")


def _given(detail: ErrorDetails) -> str:
    given = json.dumps(detail["input"], default=str, ensure_ascii=False)
    return f"{_dotted(detail['loc'])} = {given if len(given) <= 60 else given[:57] + '...'}"


def _wanted(path: Path, root: type[BaseModel]) -> str:
    described = _table_at(path[:-1], root).model_fields[str(path[-1])].description or "required"
    return " ".join(described.split()).rstrip(".")


def _forms(path: Path, kind: str) -> str:
    """Return the written forms that a share or a time may take, if the given value has none of them."""
    key = str(path[-1])
    if kind not in {"float_parsing", "float_type"}:
        return ""
    if key in SHARES:
        return ', such as 0.05 or "5%"'
    return ' of seconds, or a duration such as "500ms", "45s", "2min", "1h"' if key.endswith("_s") else ""


def unknown_key(path: Path, root: type[BaseModel]) -> Mistake:
    """Return where an unknown key belongs, or which key is similar."""
    key = str(path[-1])
    known = [field.alias or name for name, field in _table_at(path[:-1], root).model_fields.items()]
    elsewhere = [table for table, fields in _tables(root) if key in fields]
    if elsewhere and not any(is_near(key, each) for each in known):
        return Mistake(f"{_dotted(path)}: unknown key", f"{key} belongs in {' or '.join(elsewhere)}")
    return Mistake(f"{_dotted(path)}: unknown key", suggestion(key, known))


def _table_at(path: Path, root: type[BaseModel]) -> type[BaseModel]:
    here: Any = root
    for part in path:
        if _is_table(here):
            here = _without_none(here.model_fields[str(part)].annotation)
        else:  # tables by name, or arrays of tables
            here = next(each for each in get_args(here)[::-1] if each is not Ellipsis)
    table: type[BaseModel] = here
    return table


def _is_table(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _without_none(annotation: Any) -> Any:  # noqa: ANN401 - a type as written
    """Return the table of `Table | None`; others as they are."""
    parts = get_args(annotation)
    return next(filter(_is_table, parts)) if NoneType in parts and any(map(_is_table, parts)) else annotation


def _tables(table: type[BaseModel], name: str = "", *, is_array: bool = False) -> Iterator[tuple[str, frozenset[str]]]:
    written = f"[[{name}]]" if is_array else f"[{name}]"
    yield written if name else "the top of the file", frozenset(table.model_fields)
    for key, field in table.model_fields.items():
        dotted = f"{name}.{key}".lstrip(".")
        annotation = _without_none(field.annotation)
        for inner in (annotation, *get_args(annotation)):
            if _is_table(inner):
                is_array = get_origin(annotation) is tuple
                is_named = inner is not annotation and not is_array
                yield from _tables(inner, f"{dotted}.NAME" if is_named else dotted, is_array=is_array)


def _dotted(path: Path) -> str:
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += "." + (part if part.replace("_", "").replace("-", "").isalnum() else json.dumps(part))
    return text.removeprefix(".")
