"""Looks: the estimates of the gated metrics at planned times, and what they decide.

Student's t comes from `scipy.special`: `scipy.stats` returns the same numbers, but takes a hundred times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, inf, isfinite

from scipy import special

from perfgate.gate.verdict import ObjectiveVerdict, Verdict
from perfgate.metrics import Source
from perfgate.stats.effect import Effect
from perfgate.stats.proportion import Counts
from perfgate.stats.sequential import crosses, nominal_levels


@dataclass(frozen=True, slots=True)
class Seen:
    """One metric in one interim analysis."""

    metric: str
    """Name in the metrics table."""
    log_change: float
    """The change on the metric's scale: a log, or the difference itself."""
    log_se: float
    """Standard error of the change, on the same scale."""
    df: float
    """Degrees of freedom of the standard error."""
    counts: Counts | None = None
    """Counts for a share of requests, whose tests and bounds are exact; None for other metrics."""

    @staticmethod
    def of(effect: Effect) -> Seen:
        """Extract from an effect what a look needs."""
        return Seen(effect.metric, effect.log_change, effect.log_se, effect.df, effect.counts)

    def p_above(self, log_limit: float) -> float:
        """Return the p-value of H0: the true change is at most the limit; by Student's t, or exact for counts."""
        if self.counts is not None:
            return self.counts.p_above(log_limit)
        if self.log_se == 0:
            return self._least_p if self.log_change > log_limit else 1.0
        return float(special.stdtr(self.df, (log_limit - self.log_change) / self.log_se))

    def p_below(self, log_limit: float) -> float:
        """Return the p-value of H0: the true change is at least the limit; without spread, the limit is within."""
        if self.counts is not None:
            return self.counts.p_below(log_limit)
        if self.log_se == 0:
            return self._least_p if self.log_change <= log_limit else 1.0
        return float(special.stdtr(self.df, (self.log_change - log_limit) / self.log_se))

    @property
    def _least_p(self) -> float:
        """Smallest p-value of values without spread: that of a permutation test over the replicas.

        Of the (n choose n/2) ways to assign n replicas to two arms, one separates the arms as far. 0 if the value is
        known without measuring.
        """
        replicas = round(self.df) + 2 if isfinite(self.df) else 0
        return 1 / comb(replicas, replicas // 2) if replicas else 0.0

    def bounds(self, level: float) -> tuple[float, float]:
        """Return the one-sided bounds at the level; infinite if the level is 0."""
        if level <= 0:
            return (-inf, inf) if self.log_se or self._least_p else (self.log_change, self.log_change)
        if self.counts is not None:
            return self.counts.lower(level), self.counts.upper(level)
        if not self.log_se and self._least_p > level:
            return -inf, inf
        half = float(-special.stdtrit(self.df, level)) * self.log_se if self.log_se else 0.0
        return self.log_change - half, self.log_change + half


@dataclass(frozen=True, slots=True)
class Look:
    """An interim analysis: all gated metrics and objectives that one source decides, at one planned time."""

    source: Source
    """The lane and depth that decide these metrics."""
    fraction: float
    """Share of the lane's planned time that had passed: the information fraction."""
    at_s: float
    """Time since the run began."""
    seen: tuple[Seen, ...]
    """The gated metrics."""
    objectives: tuple[ObjectiveVerdict, ...] = ()
    """The objectives."""


@dataclass(frozen=True, slots=True)
class LookHistory:
    """One metric at all looks at its source, in order; at least one."""

    seen: tuple[Seen, ...]
    fractions: tuple[float, ...]

    def above(self, log_limit: float, alpha: float) -> bool:
        """Return whether some look declared at overall level alpha that the true change is above the limit."""
        return crosses([each.p_above(log_limit) for each in self.seen], self.fractions, alpha)

    def below(self, log_limit: float, alpha: float) -> bool:
        """Return whether some look declared at overall level alpha that the true change is below the limit."""
        return crosses([each.p_below(log_limit) for each in self.seen], self.fractions, alpha)

    def level(self, alpha: float) -> float:
        """Return the nominal level of the last look."""
        return nominal_levels(self.fractions, alpha)[-1]

    def bounds(self, alpha: float) -> tuple[float, float]:
        """Return the one-sided bounds on the log scale, each at overall level alpha whenever measuring stops.

        Repeated confidence intervals, the narrowest ends of all looks (Jennison & Turnbull, Journal of the Royal
        Statistical Society B 51 (1989) 305); only those of the last look if the looks contradict each other. If
        the last estimate lies outside, the interval is extended to include it; a wider interval is valid too.
        """
        levels = nominal_levels(self.fractions, alpha)
        ends = [seen.bounds(level) for seen, level in zip(self.seen, levels, strict=True)]
        lower, upper = max(low for low, _ in ends), min(high for _, high in ends)
        estimate = self.seen[-1].log_change
        return (min(lower, estimate), max(upper, estimate)) if lower <= upper else ends[-1]


def history(metric: str, source: str, now: Seen, looks: Sequence[Look]) -> LookHistory:
    """Collect the looks at a metric in its source; without any, the current estimate is the only look."""
    found = [
        (seen, look.fraction) for look in looks if look.source == source for seen in look.seen if seen.metric == metric
    ]
    if not found:
        return LookHistory((now,), (1.0,))
    return LookHistory(tuple(seen for seen, _ in found), tuple(fraction for _, fraction in found))


def decided_before(objective: str, looks: Sequence[Look]) -> ObjectiveVerdict | None:
    """Return the first decision that a look made on an objective; None if it is still undecided."""
    every = (each for look in looks for each in look.objectives if each.metric == objective)
    return next((each for each in every if each.verdict is not Verdict.INCONCLUSIVE), None)


@dataclass(frozen=True, slots=True)
class NominalLevels:
    """One-sided levels at which one look may decide an objective."""

    passing: float
    failing: float
    """The stricter one: failures share alpha with everything gated at the same severity."""

    @staticmethod
    def of(alpha: float, family: int, fractions: tuple[float, ...] = (1.0,)) -> NominalLevels:
        """Return the levels of the last look; `family`: how many metrics and objectives share alpha (Bonferroni)."""
        return NominalLevels(nominal_levels(fractions, alpha)[-1], nominal_levels(fractions, alpha / family)[-1])


def levels_of(objective: str, alpha: float, family: int, looks: Sequence[Look]) -> NominalLevels:
    """Return the levels of the last look at an objective; without looks, those of a single look."""
    last = next((look for look in reversed(looks) if any(o.metric == objective for o in look.objectives)), None)
    fractions = (1.0,) if last is None else fractions_of(last.source, looks)
    return NominalLevels.of(alpha, family, fractions)


def fractions_of(source: Source, looks: Sequence[Look]) -> tuple[float, ...]:
    """Return the information fractions of the looks at a source."""
    return tuple(look.fraction for look in looks if look.source is source)
