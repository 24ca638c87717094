"""Scenario files: find, read and identify them, and describe them to editors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from perfgate.errors import UsageError
from perfgate.metrics import METRICS
from perfgate.nearest import suggestion
from perfgate.scenario.batching_file import batching_of
from perfgate.scenario.mistakes import METRIC_TABLES, SHARES, mistakes_in, usage_error
from perfgate.scenario.quantities import DURATION, PERCENTAGE
from perfgate.scenario.schema import Scenario
from perfgate.scenario.toml_file import read_toml

FOLDERS = (Path("scenarios"),)
"""Folders in which a scenario is looked up by its bare name."""
DIGEST_VERSION = 1
"""Part of every digest. Increment it when a default of the schema changes, because defaults are not digested."""

_FILE_KEYS = (
    ("payload", "file"),
    ("classes", "*", "file"),
    ("load", "trace"),
    ("server", "batching_parameters_file"),
    ("target", "tls_ca_file"),
)
"""Keys that name a file, relative to the scenario file's directory; `*` is any table."""


def load_scenario(name_or_file: str | None, search: Sequence[Path]) -> Scenario:
    """Read a scenario by file (`x.toml`, `a/b`) or by bare name from the `search` folders.

    None, and `default` if no folder holds a `default.toml`, is the scenario with all defaults; a file without a name
    uses its stem. UsageError with file, dotted key and remedy, for all mistakes at once.
    """
    if name_or_file is None:
        return Scenario()
    if name_or_file.endswith(".toml") or "/" in name_or_file or "\\" in name_or_file:
        return _read(Path(name_or_file))
    for folder in search:
        if (file := folder / f"{name_or_file}.toml").is_file():
            return _read(file)
    if name_or_file == Scenario().name:
        return Scenario()
    there = {file.stem for folder in search for file in folder.glob("*.toml")}
    folders = ", ".join(str(folder) for folder in search)
    nowhere = "use an existing name or a .toml file; `perfgate config` shows where the name is set"
    near = suggestion(name_or_file, there) if there else nowhere
    listing = f" Available: {', '.join(sorted(there))}." if near.startswith("did") else ""
    raise UsageError(f"no scenario {name_or_file} in {folders}", near + listing)


def scenario_digest(scenario: Scenario, contents: Mapping[str, str] | None = None) -> str:
    """Digest what is measured, as `sha256:…`: name, payload, classes, load, target and server; not how it is judged.

    Files count by their content, wherever they are; UsageError if one cannot be read. `contents` are digests of what
    the scenario takes from elsewhere, by kind.
    """
    # Defaults are left out, so that a key added to the schema later does not change the digests of stored records.
    measured = scenario.model_dump(
        mode="json", include={"name", "payload", "classes", "load", "target", "server"}, exclude_defaults=True
    )
    measured.get("target", {}).pop("signature_from", None)  # the requests made from it count instead
    for table, key, dotted in _named_files(measured):
        table[key] = _content_digest(table[key], dotted)
    measured |= {"contents": dict(contents)} if contents else {}
    canonical = json.dumps(
        {"version": DIGEST_VERSION, "name": scenario.name, **measured}, sort_keys=True, separators=(",", ":")
    )
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


def json_schema() -> dict[str, Any]:
    """Describe scenario files as JSON Schema, with metric names and the written forms of shares and times."""
    schema: dict[str, Any] = without_null(Scenario.model_json_schema())
    for table in schema["$defs"].values():
        with_forms(table)
    names = {"enum": [metric.name for metric in METRICS]}
    for *parents, last in METRIC_TABLES:
        table = schema["$defs"][parents[0].title()] if parents else schema
        table["properties"][last]["propertyNames"] = names
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _read(file: Path) -> Scenario:
    data = read_toml(file, "scenario")
    named = list(_named_files(data))
    for table, key, _ in named:
        table[key] = str((file.parent / table[key]).absolute())
    target = data.get("target")
    if isinstance(target, dict) and isinstance(named_model := target.get("signature_from"), str):
        target["signature_from"] = str((file.parent / named_model).absolute())
    scenario = _validated(file, {"name": file.stem, **data})
    for table, key, dotted in named:
        if not Path(table[key]).is_file():
            raise UsageError(f"{file}: {dotted}: no such file: {table[key]}", f"paths are relative to {file.parent}")
    batching_of(scenario.server)  # reports an invalid file now, not after the servers' start
    return scenario


def _named_files(tree: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Find the keys of a scenario, read or dumped, that name a file: the table, the key in it, the dotted key."""
    for *path, key in _FILE_KEYS:
        tables: list[tuple[str, Any]] = [("", tree)]
        for part in path:
            inside = [(dotted, table) for dotted, table in tables if isinstance(table, dict)]
            tables = [
                (f"{dotted}{name}.", table[name])
                for dotted, table in inside
                for name in (table if part == "*" else (part,))
                if name in table
            ]
        for dotted, table in tables:
            if isinstance(table, dict) and isinstance(table.get(key), str):
                yield table, key, dotted + key


def _content_digest(file: str, dotted: str) -> str:
    try:
        with Path(file).open("rb") as stream:
            return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
    except OSError as error:
        raise UsageError(
            f"{dotted}: cannot read {file}: {error.strerror or error}", "check that the file still exists"
        ) from error


def _validated(file: Path, data: dict[str, Any]) -> Scenario:
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        raise usage_error(str(file), mistakes_in(data, error)) from error


def without_null(node: Any) -> Any:  # noqa: ANN401 - any JSON
    """Drop nulls, which TOML cannot express, and titles, which only repeat the keys."""
    if isinstance(node, list):
        return [without_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "anyOf" in node:
        options = [without_null(option) for option in node["anyOf"] if option != {"type": "null"}]
        around = without_null({key: value for key, value in node.items() if key != "anyOf"})
        return {**(options[0] if len(options) == 1 else {"anyOf": options}), **around}
    kept = {key: value for key, value in node.items() if key != "title" and value is not None}
    return {key: without_null(value) for key, value in kept.items()}


def with_forms(table: dict[str, Any]) -> None:
    """Add the written forms of shares and times to a table's keys."""
    for key, value in table.get("properties", {}).items():
        table["properties"][key] = _with_forms(key, value)


def _with_forms(key: str, value: dict[str, Any]) -> dict[str, Any]:
    if key not in SHARES and not key.endswith(("_s", "_share")):
        return value
    is_time = key.endswith("_s")
    pattern = f"^{DURATION if is_time else PERCENTAGE}$"
    text = {"type": "string", "pattern": pattern, "examples": ["500ms", "2min"] if is_time else ["5%"]}
    words = {"gt": "exclusiveMinimum", "lt": "exclusiveMaximum", "ge": "minimum", "le": "maximum"}
    around = {word: thing for word, thing in value.items() if word in {"default", "description"}}
    number = {words.get(word, word): limit for word, limit in value.items() if word not in around}
    return {"anyOf": [number, text], **around}
