"""Fleet files: read, and described to editors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from perfgate.errors import UsageError
from perfgate.fleet.schema import FleetFile
from perfgate.scenario.files import with_forms, without_null
from perfgate.scenario.mistakes import Mistake, explain, usage_error
from perfgate.scenario.toml_file import read_toml


def read_fleet(file: Path) -> FleetFile:
    """Read a fleet file; UsageError with file, dotted key and remedy, for all mistakes at once."""
    data = read_toml(file, "fleet")
    if isinstance(data.get("models"), dict):
        raise UsageError(f"{file}: models must be an array of tables", "write [[models]], with double brackets")
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", file.stem).strip("-._")[:100] or "fleet"
    try:
        return FleetFile.model_validate({"name": stem, **data})
    except ValidationError as error:
        details = [each for each in error.errors(include_url=False) if not _follows(each)]
        details.sort(key=_is_missing)  # after `modles: unknown key`
        raise usage_error(str(file), tuple(map(_mistake, details))) from error


def json_schema() -> dict[str, Any]:
    """Describe fleet files as JSON Schema, with the written forms of shares and times."""
    schema: dict[str, Any] = without_null(FleetFile.model_json_schema())
    for table in (schema, *schema["$defs"].values()):
        with_forms(table)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _follows(detail: ErrorDetails) -> bool:
    """Return whether an error only follows from others: an array whose wrong items pydantic leaves out is too short."""
    return detail["type"] == "too_short" and bool(detail["input"])


def _is_missing(detail: ErrorDetails) -> bool:
    return detail["type"] == "missing"


def _mistake(detail: ErrorDetails) -> Mistake:
    if detail["type"] == "missing" and detail["loc"] == ("models",):
        return Mistake("it lists no models", 'add [[models]] with model = "PATH" for each')
    if detail["type"] == "missing" and detail["loc"][-1] == "model":
        return Mistake(
            f"models[{detail['loc'][1]}]: model is missing", "set it: a directory, a .keras file, or a pattern"
        )
    return explain(detail, FleetFile)
