"""The scenario inside a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perfgate.scenario.effective import EffectiveScenario


def scenario_of(recorded: Mapping[str, Any]) -> EffectiveScenario:
    """Read the scenario as measured: a single address is one replica an arm, which no scenario file may request."""
    budget = {**recorded.get("budget", {})}
    replicas = budget.pop("replicas", None)
    scenario = EffectiveScenario.model_validate({**recorded, "budget": budget})
    if replicas is None:
        return scenario
    return scenario.model_copy(update={"budget": scenario.budget.model_copy(update={"replicas": replicas})})
