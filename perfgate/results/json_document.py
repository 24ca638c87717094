"""Frozen dataclasses as JSON files: compact, replaced in one step, described by a schema, and read back."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from perfgate.errors import UsageError
from perfgate.results.described import described
from perfgate.whole_file import write_whole

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class JsonDocument(Generic[Kind]):
    """One kind of document; NaN and infinities are written as null, and null is NaN where a number is required."""

    kind: type[Kind]
    """A frozen dataclass with a field `schema_version`."""
    noun: str
    """What it is called in messages: `result`."""
    file_name: str
    version: int
    """The newest schema version that can be read."""
    place: str
    """What a user should name to read one."""

    def json_schema(self) -> dict[str, Any]:
        """Describe the document as a JSON Schema (draft 2020-12)."""
        schema = described(_with_null(_adapter(self).json_schema(mode="serialization")), self.kind)
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"perfgate {self.noun}", **schema}

    def tree(self, value: Kind) -> dict[str, Any]:
        """Convert a document to objects, arrays and scalars."""
        tree: dict[str, Any] = json.loads(_adapter(self).dump_json(value))
        return tree

    def to_json(self, value: Kind) -> str:
        """Write a document as JSON."""
        return layout(self.tree(value))

    def from_json(self, text: str) -> Kind:
        """Read a document. UsageError if it is none, or of a newer perfgate."""
        noun = self.noun
        try:
            tree = json.loads(text)
        except (ValueError, RecursionError) as error:
            msg = f"not a perfgate {noun}: {error}"
            raise UsageError(msg, self.place) from None
        version = tree.get("schema_version") if isinstance(tree, dict) else None
        if not isinstance(version, int):
            msg = f"not a perfgate {noun}: it has no schema_version"
            raise UsageError(msg, self.place)
        if version > self.version:
            msg = f"this {noun} has schema version {version}, but this perfgate reads only up to {self.version}"
            raise UsageError(msg, "upgrade perfgate, or measure again with this version")
        return self._validated(tree)

    def _validated(self, tree: dict[str, Any]) -> Kind:
        try:
            found: Kind = _adapter(self).validate_python(_with_nan(tree, self.kind))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            msg = f"not a perfgate {self.noun}: {place}: {first['msg']}"
            raise UsageError(msg, "the file is damaged or was edited: measure again") from None
        return found

    def write(self, text: str, directory: Path) -> Path:
        """Write the file atomically: readers see either the old file or the whole new one."""
        return write_whole(directory / self.file_name, text)

    def read(self, place: Path) -> str:
        """Read a file's text, from its directory or the file itself."""
        path = place / self.file_name if place.is_dir() else place
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            msg = f"cannot read the {self.noun} {path}: {reason}"
            raise UsageError(msg, self.place) from error


@cache
def _adapter(document: JsonDocument[Kind]) -> TypeAdapter[Kind]:
    return TypeAdapter(document.kind)


def layout(tree: dict[str, Any]) -> str:
    """Lay JSON out: one key a line in objects, one line an array of scalars."""
    return _laid_out(tree, "") + "\n"


def _laid_out(value: object, indent: str) -> str:
    inner = indent + " "
    if isinstance(value, dict) and value:
        lines = [f"{inner}{json.dumps(key)}: {_laid_out(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return "[\n" + ",\n".join(inner + _laid_out(item, inner) for item in value) + f"\n{indent}]"
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _with_null(schema: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """Allow null for every number, in defaults too: it stands for NaN."""
    if isinstance(schema, list):
        return [_with_null(each) for each in schema]
    if not isinstance(schema, dict):
        return None if isinstance(schema, float) and math.isnan(schema) else schema
    found = {key: _with_null(value) for key, value in schema.items()}
    return {**found, "type": ["number", "null"]} if found.get("type") == "number" else found


@cache
def hints(kind: type) -> dict[str, Any]:
    """Return the type of each field."""
    return get_type_hints(kind)


def leaves(hint: Any) -> tuple[Any, ...]:  # noqa: ANN401 - a type hint is any object
    """Return the types that a type is made of."""
    parts = get_args(hint)
    return tuple(leaf for part in parts for leaf in leaves(part)) if parts else (hint,)


def _with_nan(value: Any, hint: Any) -> Any:  # noqa: ANN401 - walks JSON along any type hint
    """Return `value` with NaN for each null whose type is a plain float."""
    if hint is float:
        return math.nan if value is None else value
    if isinstance(value, dict) and is_dataclass(hint) and isinstance(hint, type):
        known = hints(hint)
        return {key: _with_nan(item, known.get(key)) for key, item in value.items()}
    arguments = get_args(hint)
    if isinstance(value, list) and get_origin(hint) is tuple and type(None) not in leaves(hint):
        needs = is_dataclass(arguments[0]) or (arguments[0] is float and None in value)
        return [_with_nan(item, arguments[0]) for item in value] if needs else value
    if isinstance(value, dict) and get_origin(hint) is dict:
        return {key: _with_nan(item, arguments[1]) for key, item in value.items()}
    kinds = [kind for kind in arguments if is_dataclass(kind)]
    return _with_nan(value, kinds[0]) if kinds and isinstance(value, dict) else value
