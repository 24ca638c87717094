"""Advice before a run, from a stored calibration of this scenario on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perfgate.baseline.calibration import Calibration, find_calibration, nearest_calibration
from perfgate.baseline.commands import calibrating
from perfgate.baseline.fingerprint import fingerprint
from perfgate.errors import PerfgateError
from perfgate.pipeline.comparison import Comparison
from perfgate.results.advice import Advice, advice_of
from perfgate.scenario.schema import Scenario


def advise(store_url: str, comparison: Comparison, environment: Mapping[str, Any]) -> Advice:
    """Return the advice of the nearest calibration in the store; an unreadable store never ends a run."""
    scenario = comparison.scenario
    try:
        here = fingerprint(environment, scenario.server.model_dump(mode="json"))
        if (calibration := find_calibration(store_url, here, comparison.scenario_digest)) is not None:
            return advice_of(calibration, scenario)
        if (nearest := nearest_calibration(store_url, here)) is not None:
            return Advice(f"{_other(nearest, scenario)}: `{calibrating(store_url, comparison.scenario_given)}`")
    except Exception as error:  # noqa: BLE001 - a store's library raises errors of its own, and this is only advice
        problem = error.problem if isinstance(error, PerfgateError) else f"{type(error).__name__}: {error}"
        return Advice(f"no calibration was read: {problem}")
    return Advice()


def _other(nearest: Calibration, scenario: Scenario) -> str:
    if nearest.scenario_name == scenario.name:
        return f"calibrated here before scenario {scenario.name} was changed"
    return f"calibrated here for scenario {nearest.scenario_name}, not for {scenario.name}"
