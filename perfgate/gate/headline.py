"""The final line of a run, without the verdict word and the report's path."""

from __future__ import annotations

from collections.abc import Sequence

from perfgate.formatting import bound, change, limit, quantity, seen
from perfgate.gate.verdict import MetricVerdict, ObjectiveVerdict, Verdict
from perfgate.metrics import BY_NAME, Direction


def headline(
    verdict: Verdict,
    metrics: Sequence[MetricVerdict],
    objectives: Sequence[ObjectiveVerdict],
    reasons: Sequence[str],
    left_open: Sequence[str] = (),
) -> str:
    """Return what decided: every failure, the closest pass, or what prevents a decision.

    After it comes what must not be overlooked: what a pass does not cover (metrics in `left_open` have no effect),
    accepted regressions, and warn-only failures.
    """
    text = _decisive(verdict, metrics, objectives, reasons)
    if verdict is Verdict.INVALID:
        return text
    remarks = (_left_open(verdict, metrics, left_open), _accepted(metrics), _warned(metrics, objectives))
    return "; ".join(part for part in (text, *remarks) if part)


def _decisive(
    verdict: Verdict, metrics: Sequence[MetricVerdict], objectives: Sequence[ObjectiveVerdict], reasons: Sequence[str]
) -> str:
    gated = [m for m in metrics if m.counts and m.verdict is verdict and not m.left_open]
    gated.sort(key=_excess if verdict is Verdict.FAIL else _nearness, reverse=True)
    bounds = [o for o in objectives if o.counts and o.verdict is verdict]
    if verdict is Verdict.FAIL:
        also = [f"{m.metric} {change(m.effect.change, m.metric)}" for m in gated[1:]]
        also += [_objective(o) for o in bounds[0 if gated else 1 :]]
        first = _metric(gated[0]) if gated else _objective(bounds[0])
        return first + (f" (also {', '.join(also)})" if also else "")
    if verdict is Verdict.PASS and (gated or bounds):
        return _metric(gated[0]) if gated else _objective(bounds[0])
    return reasons[0]


def _left_open(verdict: Verdict, metrics: Sequence[MetricVerdict], others: Sequence[str]) -> str:
    """List what a pass does not cover."""
    found = [*(each.metric for each in metrics if each.counts and each.left_open), *others]
    return f"not decided: {', '.join(found)}" if found and verdict is Verdict.PASS else ""


def _accepted(metrics: Sequence[MetricVerdict]) -> str:
    found = []
    for each in metrics:
        if each.gated and each.accepted and each.needs_acceptance:
            own = limit(each.accepted.own_tolerance, each.metric)
            terms = f"until {each.accepted.expires}, own tolerance {own}"
            found.append(f"{each.metric} {change(each.effect.change, each.metric)} ({terms})")
    return f"accepted: {', '.join(found)}" if found else ""


def _warned(metrics: Sequence[MetricVerdict], objectives: Sequence[ObjectiveVerdict]) -> str:
    found = [_metric(each) for each in metrics if each.warns and each.verdict is Verdict.FAIL]
    found += [_objective(each) for each in objectives if each.warns and each.verdict is Verdict.FAIL]
    return f"warning: {', '.join(found)}" if found else ""


def _excess(metric: MetricVerdict) -> float:
    """Return the point estimate in tolerances, on the metric's scale, so that different tolerances are comparable."""
    return _worse(metric, metric.effect.change)


def _nearness(metric: MetricVerdict) -> float:
    """Return the worst end of the interval in tolerances; at 1 the metric only just passes."""
    return max(_worse(metric, metric.effect.lower), _worse(metric, metric.effect.upper))


def _worse(metric: MetricVerdict, value: float) -> float:
    scale = BY_NAME[metric.metric].scale
    place = scale.of_change(value) / scale.of_change(metric.tolerance)
    return place if _lower_is_better(metric.metric) else -place


def _lower_is_better(name: str) -> bool:
    return BY_NAME[name].direction is Direction.LOWER


def _metric(verdict: MetricVerdict) -> str:
    return f"{verdict.metric} {against_tolerance(verdict)}"


def against_tolerance(verdict: MetricVerdict) -> str:
    """Format a decided metric's change against its tolerance: `+12.4% [+8.1, +16.9] > 5%`."""
    name, effect, within = verdict.metric, verdict.effect, verdict.verdict is Verdict.PASS
    relation = ("<=" if within else ">") if _lower_is_better(name) else (">=" if within else "<")
    return f"{seen(effect.change, effect.lower, effect.upper, name)} {relation} {limit(verdict.tolerance, name)}"


def _objective(objective: ObjectiveVerdict) -> str:
    return f"{objective.metric} {against_bound(objective)}"


def against_bound(objective: ObjectiveVerdict) -> str:
    """Format a decided objective's value against its bound: `24.1 ms > 20 ms`."""
    name, within = objective.metric, objective.verdict is Verdict.PASS
    relation = ("<=" if within else ">") if objective.is_maximum else (">=" if within else "<")
    return f"{quantity(objective.value, name)} {relation} {bound(objective.bound, name)}"
