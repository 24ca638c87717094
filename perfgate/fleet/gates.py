"""A fleet file as a list of gates: patterns expanded, defaults filled in, every gate with a name of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from perfgate.errors import UsageError
from perfgate.fleet.schema import Common, FleetFile, FleetModel
from perfgate.scenario.mistakes import explain, usage_error
from perfgate.scenario.toml_file import read_toml

_PLAIN = ("priority", "budget_s", "replicas", "cores", "memory_mib", "demand_rps", "headroom")
"""Keys that a gate takes as they are."""
_PATTERN = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class FleetGate:
    """One model under one scenario: what is measured and judged."""

    gate_id: str
    """Unique in the fleet, and fit for a directory's name: `ranker--bursty`."""
    model_name: str
    model: str
    """Path of the model."""
    scenario: str | None
    """Name or file of the scenario; None: the default one."""
    scenario_name: str
    baseline: str | None
    """Name of the stored baseline; None if `against` is set, or nothing is compared."""
    against: str | None
    """Path of the model to compare with."""
    owner: str = ""
    priority: int = 0
    budget_s: float | None = None
    replicas: int | None = None
    cores: int = 2
    memory_mib: float = 0.0
    resources: Mapping[str, float] = field(default_factory=dict)
    demand_rps: float | None = None
    headroom: float = 0.3


def read_fleet(file: Path) -> FleetFile:
    """Read a fleet file; UsageError with file, dotted key and remedy, for all mistakes at once."""
    data = read_toml(file, "fleet")
    if isinstance(data.get("models"), dict):
        raise UsageError(f"{file}: models must be an array of tables", "write [[models]], with double brackets")
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", file.stem).strip("-._") or "fleet"
    try:
        return FleetFile.model_validate({"name": stem, **data})
    except ValidationError as error:
        mistakes = tuple(explain(each, FleetFile) for each in error.errors(include_url=False))
        raise usage_error(str(file), mistakes) from error


def gates_of(fleet: FleetFile, file: Path) -> tuple[FleetGate, ...]:
    """List the gates, in the order of the file; UsageError where a pattern matches nothing, or two gates collide."""
    folder, found = file.parent, dict[str, dict[str, FleetGate]]()
    exact = [each for each in fleet.models if not _PATTERN.search(each.model)]
    for each in (*(each for each in fleet.models if each not in exact), *exact):
        one_name = bool(each.name) and len(list(_paths(each, folder))) > 1
        if one_name:
            raise UsageError(f"{file}: {each.model} matches several models, which cannot all be {each.name}", "no name")
        for path in _paths(each, folder):
            own = _gates(_merged(each, fleet), each.name or _name(path), path, folder)
            if each in exact or str(path) not in found:
                found[str(path)] = own
            else:
                found[str(path)] |= own
    gates = tuple(gate for own in found.values() for gate in own.values())
    seen: dict[str, FleetGate] = {}
    for gate in gates:
        if (other := seen.setdefault(gate.gate_id, gate)) is not gate:
            problem = f"{file}: {other.model} and {gate.model} are both {gate.model_name}"
            raise UsageError(problem, "set a different `name` for one of them")
    return gates


def _paths(entry: FleetModel, folder: Path) -> Iterator[Path]:
    if not _PATTERN.search(entry.model):
        yield folder / entry.model
        return
    pattern, root = entry.model, folder
    if pattern.startswith("/"):
        pattern, root = pattern.lstrip("/"), Path("/")
    matches = sorted(path for path in root.glob(pattern) if path.is_dir() or path.suffix == ".keras")
    if not matches:
        raise UsageError(f"no model matches {json.dumps(entry.model)} in {folder}", "correct the pattern, or remove it")
    yield from matches


def _name(path: Path) -> str:
    """Return a model's name; a version directory such as `ranker/3` is named after its base path."""
    last = path.name.removesuffix(".keras")
    named = f"{path.parent.name}-{last}" if last.isdigit() and path.parent.name else last
    return re.sub(r"[^A-Za-z0-9._-]+", "-", named).strip("-._") or "model"


def _merged(entry: FleetModel, fleet: FleetFile) -> dict[str, Any]:
    """Return an entry's values; the three ways to name a baseline exclude each other, so one replaces the others."""
    ways = {"baseline", "against", "objectives_only"}
    given = {name: getattr(fleet.defaults, name) for name in Common.model_fields}
    if ways & entry.model_fields_set:
        given |= {name: Common.model_fields[name].default for name in ways}
    own = {name: getattr(entry, name) for name in entry.model_fields_set & set(Common.model_fields)}
    return given | own


def _gates(values: Mapping[str, Any], name: str, path: Path, folder: Path) -> dict[str, FleetGate]:
    against = _filled(values["against"], name)
    gates = {}
    scenarios: tuple[str | None, ...] = values["scenarios"] or (None,)
    for scenario in scenarios:
        scenario_name, found = _scenario(scenario, folder)
        gates[scenario_name] = FleetGate(
            gate_id=f"{name}--{scenario_name}",
            model_name=name,
            model=str(path),
            scenario=found,
            scenario_name=scenario_name,
            baseline=None if against or values["objectives_only"] else _filled(values["baseline"], name),
            against=str(folder / against) if against else None,
            owner=_filled(values["owner"], name),
            resources=dict(values["resources"]),
            **{key: values[key] for key in _PLAIN},
        )
    return gates


def _scenario(given: str | None, folder: Path) -> tuple[str, str | None]:
    """Return a scenario's name, and how it is found: by name, or by its file."""
    if given is None:
        return "default", None
    is_file = given.endswith(".toml") or "/" in given
    return (Path(given).stem, str(folder / given)) if is_file else (given, given)


def _filled(text: str, name: str) -> str:
    return text.replace("{name}", name)
