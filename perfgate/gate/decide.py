"""The three-way decision on effects: fail, pass or inconclusive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, expm1, inf

from perfgate.gate.looks import History, Look, Seen, history
from perfgate.gate.tolerance import Tolerance
from perfgate.gate.verdict import MetricVerdict, Verdict
from perfgate.metrics import Direction, Metric
from perfgate.stats.contrast import half_width
from perfgate.stats.effect import Effect

POWER = 0.8
_LEAST_LEVEL = 1e-12
"""Of a first look, which hardly decides anything."""
MOST_TIMES = 20
"""More than so many times the measuring time is no advice."""


@dataclass(frozen=True, slots=True)
class Case:
    """One effect, what it may be, and how it looked on the way."""

    metric: Metric
    effect: Effect
    tolerance: Tolerance
    gated: bool = True
    looks: tuple[Look, ...] = ()

    @property
    def _lower_is_better(self) -> bool:
        return self.metric.direction is Direction.LOWER

    @property
    def history(self) -> History:
        """The looks at this metric, or one: what the effect is now."""
        effect = self.effect
        now = Seen(self.metric.name, effect.log_change, effect.log_se, effect.df)
        return history(self.metric.name, effect.source, now, self.looks)

    @property
    def beyond(self) -> float:
        """How far the point estimate lies beyond the tolerance, log scale; negative within it."""
        worse = self.effect.log_change if self._lower_is_better else -self.effect.log_change
        return worse - self.tolerance.log

    def half(self, alpha: float) -> float:
        """One-sided half-width of the effect's interval at the last look, log scale."""
        return half_width(self.effect.log_se, self.effect.df, max(self.history.level(alpha), _LEAST_LEVEL))

    def is_worse(self, alpha: float) -> bool:
        """Say whether a look declared at overall level alpha that the true effect is beyond the tolerance."""
        limit = self.tolerance.log
        return self.history.above(limit, alpha) if self._lower_is_better else self.history.below(-limit, alpha)

    def is_within(self, alpha: float) -> bool:
        """Say whether a look declared at overall level alpha that the true effect is within the tolerance."""
        limit = self.tolerance.log
        return self.history.below(limit, alpha) if self._lower_is_better else self.history.above(-limit, alpha)

    def bounded(self, alpha: float) -> Effect:
        """Give the effect with the bounds that decide: those of all looks."""
        lower, upper = (self.metric.scale.change_of(end) for end in self.history.bounds(alpha))
        return replace(self.effect, lower=lower, upper=upper)


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
        more=_more(case, alpha, strict_alpha) if verdict is Verdict.INCONCLUSIVE else "",
    )


def detectable(case: Case, alpha: float) -> float:
    """Give the smallest true regression that fails with 80 % power, as a share.

    log(1 + tolerance) + (t[1 - alpha] + t[0.8]) x standard error: the usual approximation to the non-central t
    (Chow, Shao & Wang, Sample Size Calculations in Clinical Research, 2008, section 3.2).
    """
    distance = case.half(alpha) + case.half(1 - POWER)
    return expm1(min(case.tolerance.log + distance, 700.0))


def percent(share: float) -> str:
    """Print a signed change: `+12.4%`."""
    return f"{_tenths(share):+.1f}%"


def interval(effect: Effect) -> str:
    """Print the two one-sided bounds: `[+8.1, +16.9]`."""
    return f"[{_tenths(effect.lower):+.1f}, {_tenths(effect.upper):+.1f}]"


def amount(value: float, unit: str) -> str:
    """Give a value in its metric's unit: a share in percent, a count (unit 1) as it is."""
    if unit == "share":
        return f"{100 * value:.4g}%"
    return f"{value:.4g}" if unit == "1" else f"{value:.4g} {unit}"


def _tenths(share: float) -> float:
    return round(100 * share, 1) + 0.0  # + 0.0 turns -0.0 into 0.0


def _reason(case: Case, verdict: Verdict, alpha: float) -> str:
    change, above = percent(case.effect.change), case.metric.direction is Direction.LOWER
    tolerance = f"the tolerance of {100 * case.tolerance.share:.3g}%"
    if verdict is Verdict.FAIL:
        text = f"{change} is {'above' if above else 'below'} {tolerance}"
    elif verdict is Verdict.PASS:
        text = f"{change} is within {tolerance}"
    elif case.is_worse(alpha):
        text = f"{change} is beyond {tolerance} on its own, but not surely so among all gated metrics"
    else:
        text = f"{change} {interval(case.effect)} lies on both sides of {tolerance}"
    return f"{text} ({case.tolerance.note})" if case.tolerance.note else text


def _more(case: Case, alpha: float, strict_alpha: float) -> str:
    """Say how much longer would decide if the estimate stayed: the half-width shrinks as one over the root of time."""
    half = case.half(strict_alpha if case.beyond > 0 else alpha)
    times = (half / case.beyond) ** 2 if case.beyond else inf
    if times > MOST_TIMES:
        return "too near the tolerance for any practical measuring time, set another tolerance or more replicas"
    return times_longer(times)


def times_longer(times: float) -> str:
    """Print a factor on the measuring time, rounded up."""
    rounded = max(1.5, ceil(2 * times) / 2) if times < 5 else ceil(times)
    return f"about {rounded:g} times the measuring time"
