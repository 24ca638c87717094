"""What the gate says: verdicts, effects and decisions as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import nan

from perfgate.errors import ExitCode
from perfgate.scenario.severity import Severity
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
class Accepted:
    """An accepted regression under which a metric was judged: it raises the tolerance to `up_to`, and no further."""

    up_to: float
    """Like the tolerance."""
    reason: str
    """Why it is accepted."""
    author: str
    """Who accepts it."""
    expires: str
    """The last day on which it holds, in UTC, as ISO 8601 writes it."""
    own_tolerance: float
    """The metric's tolerance without it."""
    own_verdict: Verdict
    """What the metric's own tolerance says of the same measurement."""


@dataclass(frozen=True, slots=True)
class MetricVerdict:
    """The decision on one metric of a comparison."""

    metric: str
    """Name in the metrics table."""
    gated: bool
    """Whether it is judged; `severity` says whether a failure fails the run."""
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
    """One-sided level, over all looks, that a failure is held to: of gated metrics alpha over the number of those and
    of objectives with the same severity (Holm)."""
    severity: Severity = Severity.ERROR
    """How much a failure counts; `off` where it is not gated."""
    accepted: Accepted | None = None
    """The accepted regression that raised the tolerance; None: the tolerance is the metric's own."""
    required: bool = True
    """Whether the run is inconclusive where this is; else it is judged where the run can decide it."""

    @property
    def counts(self) -> bool:
        """Whether it is part of the run's verdict."""
        return self.gated and self.severity is Severity.ERROR

    @property
    def warns(self) -> bool:
        """Whether it is judged and shown, and no part of the run's verdict."""
        return self.gated and self.severity is Severity.WARN

    @property
    def left_open(self) -> bool:
        """Whether it is undecided, and does not hold up the run's verdict."""
        return self.gated and not self.required and self.verdict is Verdict.INCONCLUSIVE

    @property
    def needs_acceptance(self) -> bool:
        """Whether it passes by an accepted regression alone."""
        return (
            self.accepted is not None and self.verdict is Verdict.PASS and self.accepted.own_verdict is not Verdict.PASS
        )

    @property
    def settled(self) -> bool:
        """Whether more measuring would tell nothing new: of an accepted regression, also whether it is needed."""
        if self.accepted is None or self.verdict is not Verdict.PASS:
            return self.verdict is not Verdict.INCONCLUSIVE
        return self.accepted.own_verdict is not Verdict.INCONCLUSIVE


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
    """Lower one-sided bound of the value, in the metric's unit, at the level of the look that decides: the gate's, or
    where it fails or nearly so the stricter one that it shares."""
    upper: float
    """The upper one."""
    reason: str
    """One clause that says why."""
    more: str
    """When inconclusive, what would decide; else empty."""
    severity: Severity = Severity.ERROR
    """How much it counts that it is broken."""

    @property
    def counts(self) -> bool:
        """Whether it is part of the run's verdict."""
        return self.severity is Severity.ERROR

    @property
    def warns(self) -> bool:
        """Whether it is judged and shown, and no part of the run's verdict."""
        return self.severity is Severity.WARN


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
    warnings: tuple[str, ...] = ()
    """Failures of severity `warn`, and metrics of that severity that could not be judged, a clause each."""
