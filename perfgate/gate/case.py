"""One metric to be decided: its effect, its tolerance, and its looks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import nan

from perfgate.gate.interim import Look, LookHistory, Seen, history
from perfgate.gate.tolerance import Tolerance
from perfgate.metrics import Direction, Metric
from perfgate.scenario.severity import Severity
from perfgate.stats.contrast import half_width
from perfgate.stats.effect import Effect

LEAST_LEVEL = 1e-12
"""Lower limit of a look's level: a first look may have almost none."""


@dataclass(frozen=True, slots=True)
class Case:
    """One effect, its tolerance, and its looks."""

    metric: Metric
    effect: Effect
    tolerance: Tolerance
    severity: Severity = Severity.ERROR
    looks: tuple[Look, ...] = ()
    measure_s: float = nan
    """Measuring time of the run; NaN if unknown."""
    required: bool = True
    """Whether the run is inconclusive if this is."""

    @property
    def alpha(self) -> float:
        """One-sided level of each bound, over all looks."""
        return self.effect.alpha

    @property
    def gated(self) -> bool:
        """Whether the metric is judged at all."""
        return self.severity is not Severity.OFF

    @property
    def without_acceptance(self) -> Case:
        """The same case with the metric's own tolerance."""
        return self if self.tolerance.own is None else replace(self, tolerance=self.tolerance.own)

    @property
    def _lower_is_better(self) -> bool:
        return self.metric.direction is Direction.LOWER

    @property
    def history(self) -> LookHistory:
        """The looks at this metric; without any, the current effect as the only look."""
        return history(self.metric.name, self.effect.source, Seen.of(self.effect), self.looks)

    @property
    def beyond(self) -> float:
        """Distance of the point estimate beyond the tolerance, on the metric's scale; negative within the tolerance."""
        worse = self.effect.log_change if self._lower_is_better else -self.effect.log_change
        return worse - self.tolerance.log

    @property
    def is_waited_for(self) -> bool:
        """Whether a lane continues for this metric; one that is not required is waited for if it may have regressed."""
        return self.required or self.beyond > -self.tolerance.log / 2

    def half(self, alpha: float) -> float:
        """Return the one-sided half-width of the effect's interval at the last look, on the metric's scale."""
        return half_width(self.effect.log_se, self.effect.df, max(self.history.level(alpha), LEAST_LEVEL))

    def is_worse(self, alpha: float) -> bool:
        """Return whether a look declared at overall level alpha that the true effect is beyond the tolerance."""
        limit = self.tolerance.log
        return self.history.above(limit, alpha) if self._lower_is_better else self.history.below(-limit, alpha)

    def is_within(self, alpha: float) -> bool:
        """Return whether a look declared at overall level alpha that the true effect is within the tolerance."""
        limit = self.tolerance.log
        return self.history.below(limit, alpha) if self._lower_is_better else self.history.above(-limit, alpha)

    def bounded(self, alpha: float) -> Effect:
        """Return the effect with the bounds that decide: those over all looks."""
        lower, upper = (self.metric.scale.change_of(end) for end in self.history.bounds(alpha))
        return replace(self.effect, lower=lower, upper=upper)
