"""The three-way decision on effects: fail, pass or inconclusive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, expm1, inf

from scipy import stats

from perfgate.gate.tolerance import Tolerance
from perfgate.gate.verdict import MetricVerdict, Verdict
from perfgate.metrics import Direction, Metric
from perfgate.stats.contrast import half_width
from perfgate.stats.effect import Effect

POWER = 0.8
MOST_TIMES = 20
"""More than so many times the measuring time is no advice."""


@dataclass(frozen=True, slots=True)
class Case:
    """One effect and what it may be."""

    metric: Metric
    effect: Effect
    tolerance: Tolerance
    gated: bool = True

    @property
    def worse(self) -> float:
        """Log effect, positive where the candidate is worse."""
        return self.effect.log_change if self.metric.direction is Direction.LOWER else -self.effect.log_change

    @property
    def beyond(self) -> float:
        """How far the point estimate lies beyond the tolerance, log scale; negative within it."""
        return self.worse - self.tolerance.log

    def half(self, alpha: float) -> float:
        """One-sided half-width of the effect's interval, log scale."""
        return half_width(self.effect.log_se, self.effect.df, alpha)

    @property
    def p_value(self) -> float:
        """Test of H0: the true effect is no worse than the tolerance."""
        if self.effect.log_se == 0:
            return 0.0 if self.beyond > 0 else 1.0
        return float(stats.t.sf(self.beyond / self.effect.log_se, self.effect.df))


def decide(cases: Sequence[Case], alpha: float) -> tuple[MetricVerdict, ...]:
    """Decide each case; regressions of gated metrics are declared at family-wise level alpha (Holm).

    Passing needs no correction: the run passes only if every gated metric does (an intersection-union test).
    """
    gated = [case for case in cases if case.gated]
    rejected = dict(zip(map(id, gated), holm([case.p_value for case in gated], alpha), strict=True))
    return tuple(
        _decided(case, alpha, alpha / (len(gated) if case.gated else 1), rejected.get(id(case), case.p_value <= alpha))
        for case in cases
    )


def holm(p_values: Sequence[float], alpha: float) -> tuple[bool, ...]:
    """Say which hypotheses are rejected: Holm, Scandinavian Journal of Statistics 6 (1979) 65."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    rejected = [False] * len(p_values)
    for rank, i in enumerate(order):
        if not p_values[i] <= alpha / (len(p_values) - rank):
            break
        rejected[i] = True
    return tuple(rejected)


def _decided(case: Case, alpha: float, strict_alpha: float, rejected: bool) -> MetricVerdict:  # noqa: FBT001 - private
    if rejected:
        verdict = Verdict.FAIL
    else:
        verdict = Verdict.PASS if case.beyond + case.half(alpha) <= 0 else Verdict.INCONCLUSIVE
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
    elif case.beyond > case.half(alpha):
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
