"""The three-way decision on effects: fail, pass or inconclusive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from perfgate.formatting import change, interval, limit
from perfgate.gate.case import Case
from perfgate.gate.remedy import minimum_detectable_effect, what_would_decide
from perfgate.gate.verdict import Accepted, MetricVerdict, Verdict
from perfgate.metrics import Direction
from perfgate.scenario.severity import Severity

_JUDGED = (Severity.ERROR, Severity.WARN)
_OWN_WORDS = {Verdict.FAIL: "beyond", Verdict.INCONCLUSIVE: "not clearly within", Verdict.PASS: "within"}


def decide(
    cases: Sequence[Case],
    alpha: float,
    expected: Sequence[Severity] = (),
    objectives: Sequence[Severity] = (),
    gates: int = 1,
) -> tuple[MetricVerdict, ...]:
    """Decide each case; regressions of one severity are declared at family-wise level alpha / gates (Holm).

    Warn-only metrics have a level of their own, so they do not make errors harder to detect. Passing needs no
    correction: the run passes only if every metric that counts passes (an intersection-union test).
    `expected`: severities of all gated metrics, if some of them are not among the cases yet; `objectives`: severities
    of the objectives, which share the level; `gates`: how many gates share it (Bonferroni).
    """
    by_severity = {each: [case for case in cases if case.severity is each] for each in _JUDGED}
    families = {
        each: max(1, expected.count(each), len(found)) + objectives.count(each) for each, found in by_severity.items()
    }
    worse = {each: holm(found, alpha / gates, families[each]) for each, found in by_severity.items()}
    return tuple(
        _decided(case, alpha, alpha / gates / families[case.severity], case.metric.name in worse[case.severity])
        if case.gated
        else _decided(case, alpha, alpha, case.is_worse(alpha))
        for case in cases
    )


def holm(cases: Sequence[Case], alpha: float, family: int) -> frozenset[str]:
    """Return the metrics that are worse: Holm, Scandinavian Journal of Statistics 6 (1979) 65.

    In group-sequential tests each level is the overall level of all looks at a metric: Ye, Li, Liu & Yao, Statistics in
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
    case, accepted = replace(case, effect=case.bounded(alpha)), _accepted(case, alpha, strict_alpha)
    return MetricVerdict(
        metric=case.metric.name,
        gated=case.gated,
        verdict=verdict,
        tolerance=case.tolerance.share,
        effect=case.effect,
        detectable=minimum_detectable_effect(case, strict_alpha),
        reason=_reason(case, verdict, alpha, accepted),
        more=what_would_decide(case, strict_alpha if case.beyond > 0 else alpha)
        if verdict is Verdict.INCONCLUSIVE
        else "",
        level=strict_alpha,
        severity=case.severity,
        accepted=accepted,
        required=case.required,
    )


def _accepted(case: Case, alpha: float, strict_alpha: float) -> Accepted | None:
    """Return what raised the tolerance, with the verdict without it; failures are judged at Holm's strictest level."""
    given, own = case.tolerance.acceptance, case.without_acceptance
    if given is None:
        return None
    worse = own.is_worse(strict_alpha)
    verdict = Verdict.FAIL if worse else Verdict.PASS if own.is_within(alpha) else Verdict.INCONCLUSIVE
    expires = given.expires.isoformat()
    return Accepted(given.up_to, given.reason, given.author, expires, own.tolerance.share, verdict)


def _reason(case: Case, verdict: Verdict, alpha: float, accepted: Accepted | None) -> str:
    text = _against_limit(case, verdict, alpha)
    notes = [_own_words(case, accepted), (case.tolerance.own or case.tolerance).note]
    return text + "".join(f" ({note})" for note in notes if note)


def _own_words(case: Case, accepted: Accepted | None) -> str:
    """Describe the change relative to the metric's own tolerance, if a larger one is accepted."""
    if accepted is None:
        return ""
    return f"{_OWN_WORDS[accepted.own_verdict]} its own tolerance of {limit(accepted.own_tolerance, case.metric.name)}"


def _limit_words(case: Case) -> str:
    words, given = limit(case.tolerance.share, case.metric.name), case.tolerance.acceptance
    raised = given is not None and case.tolerance.share == given.up_to  # the smallest change that counts may be larger
    return (
        f"the {words} accepted until {given.expires.isoformat()}" if given and raised else f"the tolerance of {words}"
    )


def _against_limit(case: Case, verdict: Verdict, alpha: float) -> str:
    metric, effect = case.metric, case.effect
    seen, above = change(effect.change, metric.name), metric.direction is Direction.LOWER
    tolerance = _limit_words(case)
    if (verdict is Verdict.FAIL and case.beyond <= 0) or (verdict is Verdict.PASS and case.beyond > 0):
        return f"an earlier look showed that it is {_OWN_WORDS[verdict]} {tolerance}; over the whole run it is {seen}"
    if verdict is Verdict.FAIL:
        return f"{seen} is {'above' if above else 'below'} {tolerance}"
    if verdict is Verdict.PASS:
        return f"{seen} is within {tolerance}"
    if case.is_worse(alpha):
        return f"{seen} is beyond {tolerance} on its own, but not significantly so with everything gated taken together"
    return f"{seen} {interval(effect.lower, effect.upper, metric.name)} is on both sides of {tolerance}"
