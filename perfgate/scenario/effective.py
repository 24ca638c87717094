"""The scenario that a run is judged by: a scenario file, and what `perfgate.toml` adds to its gate."""

from __future__ import annotations

from typing import TypeVar

from perfgate.scenario.forms import Table
from perfgate.scenario.project import Project
from perfgate.scenario.schema import Gate, Scenario

Wider = TypeVar("Wider", bound=Table)

_NOTHING = Project()


class EffectiveGate(Gate):
    """A scenario's gate with the project's severities and accepted regressions."""

    project: Project = _NOTHING
    """What perfgate.toml says."""


class EffectiveScenario(Scenario):
    """A scenario with its effective gate, as a result records it."""

    gate: EffectiveGate = EffectiveGate()
    """How differences are judged."""


def effective(scenario: Scenario, project: Project | None = None) -> EffectiveScenario:
    """Return the scenario with the project's part of its gate; without `project`, with the part that it has."""
    added = project_of(scenario.gate) if project is None else project
    gate = _as(EffectiveGate, scenario.gate, project=added)
    return _as(EffectiveScenario, scenario, gate=gate)


def project_of(gate: Gate) -> Project:
    """Return what the project adds to a gate; nothing, for one that comes from a scenario file alone."""
    return gate.project if isinstance(gate, EffectiveGate) else _NOTHING


def _as(kind: type[Wider], table: Table, **added: object) -> Wider:
    """Return the same values, already validated, as a subclass."""
    values = {name: getattr(table, name) for name in type(table).model_fields} | added
    return kind.model_construct(table.model_fields_set | added.keys(), **values)
