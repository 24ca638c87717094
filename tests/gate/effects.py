"""Hand-made effects and cases."""

from __future__ import annotations

from math import expm1, log1p

from perfgate.gate.decide import Case
from perfgate.gate.tolerance import tolerance_of
from perfgate.metrics import BY_NAME
from perfgate.scenario.schema import Gate
from perfgate.stats.contrast import half_width
from perfgate.stats.effect import Effect
from perfgate.trials import State


def effect(metric: str, change: float, se: float, df: float = 22.0, baseline: float = 100.0) -> Effect:
    centre, half = log1p(change), half_width(se, df, 0.01)
    return Effect(
        metric=metric,
        change=change,
        lower=expm1(centre - half),
        upper=expm1(centre + half),
        alpha=0.01,
        log_change=centre,
        log_se=se,
        df=df,
        baseline_value=baseline,
        candidate_value=baseline * (1 + change),
        baseline_replicas=(0.0, 0.0),
        candidate_replicas=(centre, centre),
        sign_flip_p=1.0,
        state=State.COLD,
        source="cost/execute",
    )


def case(
    metric: str, change: float, se: float, *, gated: bool = True, gate: Gate | None = None, baseline: float = 100.0
) -> Case:
    found = effect(metric, change, se, baseline=baseline)
    return Case(BY_NAME[metric], found, tolerance_of(BY_NAME[metric], gate or Gate(), found.baseline_value), gated)
