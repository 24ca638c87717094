"""Descriptions of a result's keys: its fields' docstrings, put into its JSON Schema."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from itertools import pairwise
from typing import Any, get_args, get_type_hints


def described(schema: dict[str, Any], root: type) -> dict[str, Any]:
    """Add a description to every key of a dataclass's JSON Schema; `root` is the class of the schema."""
    kinds = {kind.__name__: kind for kind in _dataclasses(root, set())}
    tables = {name: _table(table, kinds[name]) for name, table in schema["$defs"].items() if name in kinds}
    return _table({**schema, "$defs": {**schema["$defs"], **tables}}, root)


def field_docs(kind: type) -> dict[str, str]:
    """Return the docstring below each field or enumeration member that has one, as one line."""
    (definition,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(definition, ast.ClassDef)  # noqa: S101 - the source of a class
    return {
        ast.unparse(field.target if isinstance(field, ast.AnnAssign) else field.targets[0]): " ".join(text.split())
        for field, below in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign | ast.Assign) and (text := _docstring(below))
    }


def _docstring(statement: ast.stmt) -> str:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return str(statement.value.value)
    return ""


def _table(schema: dict[str, Any], kind: type) -> dict[str, Any]:
    docs = field_docs(kind)
    keys = {key: {"description": _in_json(docs[key]), **value} for key, value in schema["properties"].items()}
    return {**schema, "properties": keys}


def _in_json(text: str) -> str:
    return re.sub(r"\b(None|NaN)\b", "null", text)


def _dataclasses(kind: type, seen: set[type]) -> Iterator[type]:
    if kind in seen:
        return
    seen.add(kind)
    yield kind
    for hint in get_type_hints(kind).values():
        for leaf in _leaves(hint):
            if is_dataclass(leaf) and isinstance(leaf, type):
                yield from _dataclasses(leaf, seen)


def _leaves(hint: Any) -> Iterator[Any]:  # noqa: ANN401 - a type hint is any object
    parts = get_args(hint)
    if not parts:
        yield hint
    for part in parts:
        yield from _leaves(part)
