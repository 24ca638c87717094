"""The final line of a run, without the verdict word and the report's path."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, log1p

from perfgate.gate.decide import amount, interval, percent
from perfgate.gate.tolerance import signed_limit
from perfgate.gate.verdict import MetricVerdict, ObjectiveVerdict, Verdict
from perfgate.metrics import BY_NAME, Direction


def headline(
    verdict: Verdict, metrics: Sequence[MetricVerdict], objectives: Sequence[ObjectiveVerdict], reasons: Sequence[str]
) -> str:
    """Name what decided: every failure, the tightest pass, or what stands in the way of a decision."""
    gated = [m for m in metrics if m.gated and m.verdict is verdict]
    gated.sort(key=_excess if verdict is Verdict.FAIL else _nearness, reverse=True)
    bounds = [o for o in objectives if o.verdict is verdict]
    if verdict is Verdict.FAIL:
        also = [f"{m.metric} {percent(m.effect.change)}" for m in gated[1:]]
        also += [_objective(o) for o in bounds[0 if gated else 1 :]]
        first = _metric(gated[0]) if gated else _objective(bounds[0])
        return first + (f" (also {', '.join(also)})" if also else "")
    if verdict is Verdict.PASS:
        return _metric(gated[0]) if gated else _objective(bounds[0])
    return reasons[0]


def _excess(metric: MetricVerdict) -> float:
    """Point estimate over the tolerance, both as logs, so that unlike tolerances rank together."""
    return _worse(metric, metric.effect.change) / log1p(metric.tolerance)


def _nearness(metric: MetricVerdict) -> float:
    """Worst end of the interval over the tolerance: at 1 it only just passes."""
    return max(_worse(metric, metric.effect.lower), _worse(metric, metric.effect.upper)) / log1p(metric.tolerance)


def _worse(metric: MetricVerdict, change: float) -> float:
    log_change = log1p(change) if change > -1 else -inf
    return log_change if _lower_is_better(metric.metric) else -log_change


def _lower_is_better(name: str) -> bool:
    return BY_NAME[name].direction is Direction.LOWER


def _metric(metric: MetricVerdict) -> str:
    limit = signed_limit(BY_NAME[metric.metric], metric.tolerance)
    within = metric.verdict is Verdict.PASS
    relation = ("<=" if within else ">") if _lower_is_better(metric.metric) else (">=" if within else "<")
    return f"{metric.metric} {percent(metric.effect.change)} {interval(metric.effect)} {relation} {100 * limit:.3g}%"


def _objective(objective: ObjectiveVerdict) -> str:
    unit, within = BY_NAME[objective.metric].unit, objective.verdict is Verdict.PASS
    relation = ("<=" if within else ">") if objective.is_maximum else (">=" if within else "<")
    return f"{objective.metric} {amount(objective.value, unit)} {relation} {amount(objective.bound, unit)}"
