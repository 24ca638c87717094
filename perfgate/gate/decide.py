"""The three-way decision on effects: fail, pass or inconclusive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from perfgate.gate.case import Case
from perfgate.gate.remedy import detectable, what_would_decide
from perfgate.gate.verdict import MetricVerdict, Verdict
from perfgate.gate.wording import change, interval, limit
from perfgate.metrics import Direction


def decide(cases: Sequence[Case], alpha: float, family: int = 0) -> tuple[MetricVerdict, ...]:
    """Decide each case; regressions of gated metrics are declared at family-wise level alpha (Holm).

    Passing needs no correction: the run passes only if every gated metric does (an intersection-union test).
    `family`: how many metrics are gated, where not all of them are among the cases yet.
    """
    gated = [case for case in cases if case.gated]
    family = max(family, len(gated))
    worse = holm(gated, alpha, family)
    return tuple(
        _decided(case, alpha, alpha / family, case.metric.name in worse)
        if case.gated
        else _decided(case, alpha, alpha, case.is_worse(alpha))
        for case in cases
    )


def holm(cases: Sequence[Case], alpha: float, family: int) -> frozenset[str]:
    """Name the metrics that are worse: Holm, Scandinavian Journal of Statistics 6 (1979) 65.

    For group-sequential tests each level is the overall one of all looks at a metric: Ye, Li, Liu & Yao, Statistics in
    Medicine 32 (2013) 1112.
    """
    worse: frozenset[str] = frozenset()
    while True:
        level = alpha / max(family - len(worse), 1)
        found = worse | {case.metric.name for case in cases if case.is_worse(level)}
        if found == worse:
            return worse
        worse = found


def _decided(case: Case, alpha: float, strict_alpha: float, rejected: bool) -> MetricVerdict:  # noqa: FBT001 - private
    verdict = Verdict.FAIL if rejected else Verdict.PASS if case.is_within(alpha) else Verdict.INCONCLUSIVE
    case = replace(case, effect=case.bounded(alpha))
    return MetricVerdict(
        metric=case.metric.name,
        gated=case.gated,
        verdict=verdict,
        tolerance=case.tolerance.share,
        effect=case.effect,
        detectable=detectable(case, strict_alpha),
        reason=_reason(case, verdict, alpha),
        more=what_would_decide(case, strict_alpha if case.beyond > 0 else alpha)
        if verdict is Verdict.INCONCLUSIVE
        else "",
        level=strict_alpha,
    )


def _reason(case: Case, verdict: Verdict, alpha: float) -> str:
    metric, effect = case.metric, case.effect
    seen, above = change(metric, effect.change), metric.direction is Direction.LOWER
    tolerance = f"the tolerance of {limit(metric, case.tolerance.share)}"
    if verdict is Verdict.FAIL:
        text = f"{seen} is {'above' if above else 'below'} {tolerance}"
    elif verdict is Verdict.PASS:
        text = f"{seen} is within {tolerance}"
    elif case.is_worse(alpha):
        text = f"{seen} is beyond {tolerance} on its own, but not surely so among all gated metrics"
    else:
        text = f"{seen} {interval(metric, effect)} lies on both sides of {tolerance}"
    return f"{text} ({case.tolerance.note})" if case.tolerance.note else text
