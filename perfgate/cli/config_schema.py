"""The JSON Schema of `perfgate.toml`, made from its tables and the options of its keys."""

from __future__ import annotations

from typing import Any

import click

from perfgate.cli.config_file import KEYS, options_of
from perfgate.cli.options import CpuList, Duration
from perfgate.cli.run import command as run
from perfgate.gate.policy import PolicyTables
from perfgate.metrics import METRICS
from perfgate.scenario.files import with_forms, without_null
from perfgate.scenario.quantities import DURATION

_DURATION = {"type": "string", "pattern": f"^{DURATION}$", "examples": ["60s", "2min"]}
_CPUS = {"type": "string", "pattern": r"^\s*[0-9]+(-[0-9]+)?\s*(,\s*[0-9]+(-[0-9]+)?\s*)*$", "examples": ["1", "2-3"]}


def json_schema() -> dict[str, Any]:
    """Describe the file to editors (draft 2020-12)."""
    tables = without_null(PolicyTables.model_json_schema())
    for each in tables["$defs"].values():
        with_forms(each)
    names = {"enum": [metric.name for metric in METRICS]}
    tables["properties"]["severity"]["propertyNames"] = names
    tables["$defs"]["Accept"]["properties"]["metric"] |= names
    options = {key: _key(key, option) for key, option in options_of(run)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": tables["$defs"],
        "title": "perfgate.toml",
        "description": "Defaults of perfgate's options, severities of metrics, accepted regressions.",
        "type": "object",
        "properties": {**options, **tables["properties"]},
        "additionalProperties": False,
    }


def _key(key: str, option: click.Parameter) -> dict[str, Any]:
    said = option.help or "" if isinstance(option, click.Option) else ""
    words = said or f"Default of {KEYS[key]}."
    one = {"type": "boolean"} if getattr(option, "is_flag", False) else _type(option.type)
    if option.multiple:
        return {"anyOf": [one, {"type": "array", "items": one}], "description": words}
    return {**one, "description": words}


def _type(kind: click.ParamType[Any]) -> dict[str, Any]:
    if isinstance(kind, click.Choice):
        return {"enum": list(kind.choices)}
    if isinstance(kind, click.IntRange):
        limits = {"minimum": kind.min, "maximum": kind.max}
        return {"type": "integer", **{word: limit for word, limit in limits.items() if limit is not None}}
    if isinstance(kind, Duration):
        return {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, _DURATION]}
    if isinstance(kind, CpuList):
        return {"anyOf": [{"type": "integer", "minimum": 0}, _CPUS]}
    return {"type": "string"}
