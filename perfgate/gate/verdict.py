"""What the gate says: verdicts, effects and decisions as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import nan

from perfgate.errors import ExitCode
from perfgate.stats.effect import Effect


class Verdict(StrEnum):
    """Per metric and overall."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"


EXIT_CODES: dict[Verdict, ExitCode] = {
    Verdict.PASS: ExitCode.PASS,
    Verdict.FAIL: ExitCode.FAIL,
    Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    Verdict.INVALID: ExitCode.INVALID,
}


@dataclass(frozen=True, slots=True)
class MetricVerdict:
    """The decision on one metric of a comparison."""

    metric: str
    """Name in the metrics table."""
    gated: bool
    """Whether it takes part in the verdict of the run."""
    verdict: Verdict
    """Of this metric alone."""
    tolerance: float
    """Accepted change, as a share or in the metric's unit, like the effect's; positive, in the direction of worse."""
    effect: Effect
    """The change that it was judged by."""
    detectable: float
    """Smallest true regression that this measurement fails with 80 % power, like the tolerance."""
    reason: str
    """One clause, for instance `+12.4 % is above the tolerance of 5 %`."""
    more: str
    """When inconclusive, what would decide: `about 3 times the measuring time (--budget 135s)`; else empty."""
    level: float = nan
    """One-sided level, over all looks, that a failure is held to: of gated metrics alpha over their number (Holm)."""


@dataclass(frozen=True, slots=True)
class ObjectiveVerdict:
    """The decision on one absolute bound of the candidate."""

    metric: str
    """Name in the metrics table."""
    verdict: Verdict
    """Of this bound alone."""
    bound: float
    """The bound, in the metric's unit."""
    is_maximum: bool
    """Whether the value must be at most the bound, not at least."""
    value: float
    """Point estimate of the candidate, in the metric's unit; NaN where the sample cannot support one."""
    lower: float
    """Lower one-sided bound of the value, at the gate's level, in the metric's unit."""
    upper: float
    """The upper one."""
    reason: str
    """One clause that says why."""
    more: str
    """When inconclusive, what would decide; else empty."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The whole decision."""

    verdict: Verdict
    """Of the whole run."""
    headline: str
    """The final line without the verdict word and the report's path: `service_mean_ms +12.4% [+8.1, +16.9] > 5%`."""
    metrics: tuple[MetricVerdict, ...]
    """Every compared metric."""
    objectives: tuple[ObjectiveVerdict, ...]
    """Every absolute bound."""
    reasons: tuple[str, ...]
    """Why it is no plain pass or fail, a sentence each; what is wrong with an invalid run."""
