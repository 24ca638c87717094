"""A fleet file as a list of gates: patterns expanded, defaults filled in, every gate with a name of its own."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perfgate.errors import UsageError
from perfgate.fleet.patterns import is_pattern, matching
from perfgate.fleet.schema import Common, FleetFile, FleetModel

_PLAIN = ("priority", "budget_s", "replicas", "cores", "memory_mib", "demand_rps", "headroom", "capacity_s")
"""Keys that a gate takes as they are."""
_LONGEST_ID = 200
"""A file's name has at most 255 bytes."""


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
    capacity_s: float = 240.0


def gates_of(fleet: FleetFile, file: Path) -> tuple[FleetGate, ...]:
    """List the gates, in the order of the file; UsageError where a pattern matches nothing, or two gates collide."""
    folder, found = file.parent, dict[tuple[str, str], FleetGate]()
    listed = {_same(folder / each.model) for each in fleet.models if not is_pattern(each.model, folder)}
    for number, each in enumerate(fleet.models):
        many = is_pattern(each.model, folder)
        paths = matching(each.model, folder, file) if many else (folder / each.model,)
        if each.name and len(paths) > 1:
            problem = f"{file}: {each.model} matches {len(paths)} models, which cannot all be {each.name}"
            raise UsageError(problem, "remove `name`, or list the models one by one")
        for path in paths:
            if not (many and _same(path) in listed):
                for gate in _gates(each, fleet, path, file):
                    found[_same(path) if many else str(number), gate.scenario_name] = gate
    return _unique(found.values(), file)


def _same(path: Path) -> str:
    return os.path.normpath(path)


def _unique(gates: Iterable[FleetGate], file: Path) -> tuple[FleetGate, ...]:
    """Return the gates; UsageError if two have one name."""
    seen: dict[str, FleetGate] = {}
    for gate in gates:
        other = seen.setdefault(gate.gate_id, gate)
        if len(gate.gate_id) > _LONGEST_ID:
            raise UsageError(f"{file}: the name of {gate.model} and its scenario is too long", "set a shorter `name`")
        if other is gate:
            continue
        if _same(Path(other.model)) == _same(Path(gate.model)):
            problem = f"{file}: {gate.model} is listed twice, under scenario {gate.scenario_name}"
            raise UsageError(problem, "remove one entry, or set a different `name` in it")
        both = gate.model_name if gate.model_name == other.model_name else gate.gate_id
        raise UsageError(f"{file}: {other.model} and {gate.model} are both {both}", "set a different `name` for one")
    return tuple(seen.values())


def _name(path: Path) -> str:
    """Return a model's name; a version directory such as `ranker/3` is named after its base path."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100 - links are not followed: they are names, too
    last = whole.name.removesuffix(".keras")
    return _plain(f"{whole.parent.name}-{last}" if last.isdigit() and whole.parent.name else last) or "model"


def _plain(text: str) -> str:
    """Return the letters and digits of a name, without accents: it becomes a directory's, and part of a baseline's."""
    decomposed = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", decomposed).strip("-._")


def _merged(entry: FleetModel, fleet: FleetFile) -> dict[str, Any]:
    """Return an entry's values; the three ways to name a baseline exclude each other, so one replaces the others."""
    given = {name: getattr(fleet.defaults, name) for name in Common.model_fields}
    if entry.compared_by:
        given |= {name: Common.model_fields[name].default for name in ("baseline", "against", "objectives_only")}
    own = {name: getattr(entry, name) for name in entry.model_fields_set & set(Common.model_fields)}
    return given | own


def _gates(entry: FleetModel, fleet: FleetFile, path: Path, file: Path) -> Iterator[FleetGate]:
    values, name = _merged(entry, fleet), entry.name or _name(path)
    against = _filled(values["against"], name)
    scenarios: tuple[str | None, ...] = values["scenarios"] or (None,)
    seen: dict[str, str | None] = {}
    for scenario in scenarios:
        scenario_name, found = _scenario(scenario, file.parent)
        scenario_id = _plain(scenario_name) or "scenario"
        if scenario_id in seen:
            problem = f"{file}: {path}: scenarios {seen[scenario_id]} and {scenario} are both {scenario_id}"
            raise UsageError(problem, "remove one, or rename its file")
        seen[scenario_id] = scenario
        yield FleetGate(
            gate_id=f"{name}--{scenario_id}",
            model_name=name,
            model=str(path),
            scenario=found,
            scenario_name=scenario_name,
            baseline=None if against or values["objectives_only"] else _filled(values["baseline"], name),
            against=str(file.parent / against) if against else None,
            owner=_filled(values["owner"], name),
            resources=dict(values["resources"]),
            **{key: values[key] for key in _PLAIN},
        )


def _scenario(given: str | None, folder: Path) -> tuple[str, str | None]:
    """Return a scenario's name, and how it is found: by name, or by its file."""
    if given is None:
        return "default", None
    if given.endswith(".toml") or "/" in given or "\\" in given:
        return Path(given).stem, str(folder / given)
    beside = folder / "scenarios" / f"{given}.toml"
    return given, str(beside) if beside.is_file() else given


def _filled(text: str, name: str) -> str:
    return text.replace("{name}", name)
