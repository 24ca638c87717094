"""Hand-made effects and cases."""

from __future__ import annotations

from dataclasses import replace
from math import expm1, inf, log1p

from perfgate.gate.case import Case
from perfgate.gate.tolerance import tolerance_of
from perfgate.metrics import BY_NAME, Scale
from perfgate.scenario.schema import Gate
from perfgate.scenario.severity import Severity
from perfgate.stats.contrast import half_width
from perfgate.stats.effect import Effect
from perfgate.stats.proportion import Counts
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
    metric: str,
    change: float,
    se: float,
    *,
    severity: Severity = Severity.ERROR,
    gate: Gate | None = None,
    baseline: float = 100.0,
    replicas: int = 2,
) -> Case:
    found = effect(metric, change, se, baseline=baseline)
    found = replace(found, baseline_replicas=(0.0,) * replicas, candidate_replicas=(found.log_change,) * replicas)
    return Case(BY_NAME[metric], found, tolerance_of(BY_NAME[metric], gate or Gate(), found.baseline_value), severity)


def apart(metric: str, change: float, se: float, *, gate: Gate | None = None) -> Case:
    """Compare by difference, in the metric's unit."""
    half = half_width(se, 22.0, 0.01)
    found = replace(
        effect(metric, 0.0, se),
        scale=Scale.DIFFERENCE,
        change=change,
        lower=change - half,
        upper=change + half,
        log_change=change,
    )
    return Case(BY_NAME[metric], found, tolerance_of(BY_NAME[metric], gate or Gate(), 0.0))


def counted(counts: Counts) -> Case:
    """Compare error rates, at the default tolerance of 1 pp."""
    one = apart("error_rate", counts.difference, counts.se)
    found = replace(
        one.effect, counts=counts, df=inf, lower=counts.lower(0.01), upper=counts.upper(0.01), source="load/request"
    )
    return replace(one, effect=found)
