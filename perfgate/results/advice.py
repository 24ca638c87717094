"""Predictions for a run, from a stored calibration."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from math import inf, isnan
from typing import Any

from perfgate import formatting
from perfgate.baseline.calibration import Calibration
from perfgate.cautions import CautionKind
from perfgate.gate.power import Power, powers, slowest
from perfgate.results.calibration import plan_for
from perfgate.scenario.schema import Scenario
from perfgate.trials import Caution


@dataclass(frozen=True, slots=True)
class Advice:
    """A stored calibration applied to what is going to be measured."""

    sentence: str = ""
    """Message for the user; empty if there is nothing to report."""
    plan: dict[str, Any] = field(default_factory=dict)
    """Entries for the result's plan: the calibration's date under `calibration`, and what each gated metric needs."""
    cautions: tuple[Caution, ...] = ()


def advice_of(calibration: Calibration, scenario: Scenario) -> Advice:
    """Return how much time the scenario needs here for its gate; no advice if no gated metric was calibrated."""
    found = powers(calibration.components, scenario, plan_for(scenario, scenario.budget.replicas))
    if not found:
        return Advice()
    most = slowest(found)
    date, measure_s = calibration.created_utc[:10], scenario.budget.measure_s
    words = {
        "created_utc": calibration.created_utc,
        "runs": len(calibration.runs),
        "overhead_s": calibration.overhead_s,
        "metrics": [asdict(each) for each in found],
    }
    return Advice(
        sentence=f"calibrated here on {date}: {needs(most, calibration.overhead_s)}" if most else "",
        plan={"calibration": words},
        cautions=tuple(_too_short(each, date, measure_s) for each in found if each.detectable > each.catch),
    )


def needs(power: Power, overhead_s: float) -> str:
    """Return the time needed to catch one metric's regression: `this scenario needs about 70 s to catch 5% of …`.

    The time must be known, or known to be unlimited.
    """
    what = f"to catch {formatting.limit(power.catch, power.metric)} of {power.metric}"
    if power.needs_s < inf:
        whole = formatting.duration(float(_rounded(power.needs_s + overhead_s)))
        parts = f"{formatting.duration(float(_rounded(power.needs_s)))} of measuring, plus start-up and warm-up"
        return f"this scenario needs about {whole} {what} ({parts})"
    return f"no measuring time is enough {what} with this number of servers: {_more_servers(power)}"


def _more_servers(power: Power) -> str:
    return f"use --replicas {power.needs_replicas}" if power.needs_replicas else "use a larger catch"


def _too_short(power: Power, date: str, measure_s: float) -> Caution:
    caught, asked = (formatting.limit(each, power.metric) for each in (power.detectable, power.catch))
    words = {
        "date": date,
        "measured": formatting.duration(measure_s),
        "metric": power.metric,
        "caught": caught,
        "asked": asked,
    }
    if isnan(power.needs_s):
        return CautionKind.POWER_UNKNOWN.caution(**words)
    if power.needs_s < inf:
        return CautionKind.POWER.caution(**words, budget_s=_rounded(power.needs_s))
    if power.needs_replicas:
        return CautionKind.POWER_NEEDS_SERVERS.caution(**words, replicas=power.needs_replicas)
    return CautionKind.POWER_OUT_OF_REACH.caution(**words)


def _rounded(seconds: float) -> int:
    """Round up to the precision of a prediction: 5 s, or two digits."""
    step = 5 if seconds < 100 else 10 ** (len(str(int(seconds))) - 2)
    return int(-(-seconds // step) * step)
