"""The gate's output: verdicts, effects and decisions as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import nan

from perfgate.errors import ExitCode
from perfgate.scenario.severity import Severity
from perfgate.stats.effect import Effect


class Verdict(StrEnum):
    """Per metric and overall."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"


URGENCY = (Verdict.FAIL, Verdict.INVALID, Verdict.INCONCLUSIVE, Verdict.PASS)
"""In which order readers want to see them."""
EXIT_CODES: dict[Verdict, ExitCode] = {
    Verdict.PASS: ExitCode.PASS,
    Verdict.FAIL: ExitCode.FAIL,
    Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    Verdict.INVALID: ExitCode.INVALID,
}


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted regression with which a metric was judged: it raises the tolerance to `up_to`."""

    up_to: float
    """The accepted change, in the same form as the tolerance."""
    reason: str
    """Why the regression is accepted."""
    author: str
    """Who accepts the regression."""
    expires: str
    """The last day on which the entry applies, in UTC (ISO 8601)."""
    own_tolerance: float
    """The metric's own tolerance."""
    own_verdict: Verdict
    """The verdict of the same measurement by the metric's own tolerance."""


@dataclass(frozen=True, slots=True)
class MetricVerdict:
    """The decision on one metric of a comparison."""

    metric: str
    """Name in the metrics table."""
    gated: bool
    """Whether the metric is judged; `severity` says whether a failure fails the run."""
    verdict: Verdict
    """Verdict on this metric alone."""
    tolerance: float
    """Accepted change for the worse: a share or an amount in the metric's unit, like the change; always positive."""
    effect: Effect
    """The change by which the metric was judged."""
    detectable: float
    """Smallest true regression that this measurement detects with 80 % power, in the same form as the tolerance."""
    reason: str
    """The reason for the verdict, such as `+12.4% is above the tolerance of 5%`."""
    more: str
    """What would decide, such as `about 3 times the measuring time (--budget 135s)`; empty if decided."""
    level: float = nan
    """One-sided level, over all looks, at which a failure is declared: for gated metrics, alpha divided by the number
    of metrics and objectives with the same severity (Holm)."""
    severity: Severity = Severity.ERROR
    """How much a failure counts; `off` if the metric is not gated."""
    accepted: Accepted | None = None
    """The accepted regression that raised the tolerance; None if the tolerance is the metric's own."""
    required: bool = True
    """Whether the run is inconclusive if this metric is; otherwise it is judged only if the run can decide it."""

    @property
    def counts(self) -> bool:
        """Whether this counts towards the run's verdict."""
        return self.gated and self.severity is Severity.ERROR

    @property
    def warns(self) -> bool:
        """Whether this is judged and shown, but does not count towards the run's verdict."""
        return self.gated and self.severity is Severity.WARN

    @property
    def left_open(self) -> bool:
        """Whether this is undecided without making the run inconclusive."""
        return self.gated and not self.required and self.verdict is Verdict.INCONCLUSIVE

    @property
    def needs_acceptance(self) -> bool:
        """Whether this passes only because of an accepted regression."""
        return (
            self.accepted is not None and self.verdict is Verdict.PASS and self.accepted.own_verdict is not Verdict.PASS
        )

    @property
    def settled(self) -> bool:
        """Whether more measuring would decide nothing further, including whether an accepted regression is needed."""
        if self.accepted is None or self.verdict is not Verdict.PASS:
            return self.verdict is not Verdict.INCONCLUSIVE
        return self.accepted.own_verdict is not Verdict.INCONCLUSIVE


@dataclass(frozen=True, slots=True)
class ObjectiveVerdict:
    """The decision on one absolute bound of the candidate."""

    metric: str
    """Name in the metrics table."""
    verdict: Verdict
    """Verdict on this objective alone."""
    bound: float
    """The bound, in the metric's unit."""
    is_maximum: bool
    """Whether the value must be at most the bound, not at least."""
    value: float
    """Point estimate for the candidate, in the metric's unit; NaN if there are too few data."""
    lower: float
    """Lower one-sided bound of the value, in the metric's unit, at the level of the look that decides: that of the
    gate, or the stricter level that failures share if it fails or nearly fails."""
    upper: float
    """Upper one-sided bound of the value."""
    reason: str
    """The reason for the verdict."""
    more: str
    """What would decide; empty unless inconclusive."""
    severity: Severity = Severity.ERROR
    """How much a missed objective counts."""

    @property
    def counts(self) -> bool:
        """Whether this counts towards the run's verdict."""
        return self.severity is Severity.ERROR

    @property
    def warns(self) -> bool:
        """Whether this is judged and shown, but does not count towards the run's verdict."""
        return self.severity is Severity.WARN


@dataclass(frozen=True, slots=True)
class Judgement:
    """The whole decision."""

    verdict: Verdict
    """Verdict on the whole run."""
    headline: str
    """The final line without the verdict word and the report's path: `service_mean_ms +12.4% [+8.1, +16.9] > 5%`."""
    metrics: tuple[MetricVerdict, ...]
    """Decisions on all compared metrics."""
    objectives: tuple[ObjectiveVerdict, ...]
    """Decisions on all objectives."""
    reasons: tuple[str, ...]
    """What decided the verdict, one clause each; if inconclusive, what would decide; if invalid, what was wrong."""
    warnings: tuple[str, ...] = ()
    """Warn-only failures, and warn-only metrics that could not be judged, one clause each."""
