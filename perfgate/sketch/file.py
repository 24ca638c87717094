"""Sketch files in TOML: read, with dimensions set, and described to editors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from perfgate.errors import UsageError
from perfgate.nearest import suggestion
from perfgate.scenario.files import without_null
from perfgate.scenario.mistakes import Mistake, explain, usage_error
from perfgate.scenario.toml_file import read_toml
from perfgate.sketch.dimensions import with_dimensions
from perfgate.sketch.schema import BLOCKS, Sketch
from perfgate.sketch.wiring import wired


def load_sketch(path: Path, values: Mapping[str, int]) -> Sketch:
    """Read a sketch, with other values for some of its dimensions.

    UsageError with file, dotted key and remedy: for all wrong keys at once, or for what cannot be wired.
    """
    data = read_toml(path, "sketch")
    sketch = _validated(path, data)
    if values:
        try:
            data = with_dimensions(data, values)
        except UsageError as error:
            raise UsageError(f"{path}: {error.problem}", error.remedy) from error
        sketch = _validated(path, data)
    wired(sketch, str(path))
    return sketch


def json_schema() -> dict[str, Any]:
    """Describe sketch files as JSON Schema."""
    schema: dict[str, Any] = without_null(Sketch.model_json_schema())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _validated(path: Path, data: dict[str, Any]) -> Sketch:
    try:
        return Sketch.model_validate(data)
    except ValidationError as error:
        raise usage_error(str(path), tuple(map(_mistake, error.errors(include_url=False)))) from error


def _mistake(detail: ErrorDetails) -> Mistake:
    """Explain one of pydantic's errors; inside a block it names the kind as well, which is no key of the file."""
    place = detail["loc"]
    if place[0] != "blocks" or len(place) < 2:
        return explain(detail, Sketch)
    block = f"blocks.{place[1]}"
    if detail["type"] == "union_tag_not_found":
        return Mistake(f"{block}: kind is missing", f"set it: {', '.join(BLOCKS)}")
    if detail["type"] == "union_tag_invalid":
        kind = str(detail["ctx"]["tag"])
        return Mistake(f'{block}.kind = "{kind}"', suggestion(kind, BLOCKS))
    if len(place) < 3:
        return explain(detail, Sketch)
    inner = explain({**detail, "loc": place[3:]}, BLOCKS[str(place[2])])
    joint = "." if inner.problem[:1].isalnum() else ""
    return Mistake(f"{block}{joint}{inner.problem}", inner.remedy)
