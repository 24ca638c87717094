"""The scenario inside a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perfgate.scenario.effective import EffectiveScenario, effective
from perfgate.scenario.forms import Table
from perfgate.scenario.schema import InputSpec, RequestClass, Scenario


def as_recorded(scenario: Scenario) -> dict[str, Any]:
    """Return it as results record it: with all defaults, but not in classes, which take theirs from `payload`."""
    classes = {name: each.model_dump(mode="json", exclude_unset=True) for name, each in scenario.classes.items()}
    return {**effective(scenario).model_dump(mode="json"), "classes": classes}


def scenario_of(recorded: Mapping[str, Any]) -> EffectiveScenario:
    """Read the scenario as measured: a single address is one replica an arm, which no scenario file may request.

    Defaults that were recorded count as not set where that has a meaning: in inputs, which refuse settings of other
    types, and in classes of older results, which recorded all keys.
    """
    budget = {**recorded.get("budget", {})}
    replicas = budget.pop("replicas", None)
    classes = {name: _with_inputs(_as_set(each)) for name, each in recorded.get("classes", {}).items()}
    payload = _with_inputs(recorded.get("payload", {}))
    scenario = EffectiveScenario.model_validate({**recorded, "budget": budget, "payload": payload, "classes": classes})
    if replicas is None:
        return scenario
    return scenario.model_copy(update={"budget": scenario.budget.model_copy(update={"replicas": replicas})})


def _as_set(one: Mapping[str, Any]) -> Mapping[str, Any]:
    return _without_defaults(one, RequestClass) if one.keys() >= RequestClass.model_fields.keys() else one


def _with_inputs(payload: Mapping[str, Any]) -> dict[str, Any]:
    inputs = {name: _without_defaults(each, InputSpec) for name, each in payload.get("inputs", {}).items()}
    return {**payload, **({"inputs": inputs} if inputs else {})}


def _without_defaults(values: Mapping[str, Any], table: type[Table]) -> dict[str, Any]:
    defaults = {name: field.get_default(call_default_factory=True) for name, field in table.model_fields.items()}
    return {name: value for name, value in values.items() if name not in defaults or value != defaults[name]}
