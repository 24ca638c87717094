"""One metric to be decided: its effect, its tolerance, and how it looked on the way."""

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
"""Of a first look, which hardly decides anything."""


@dataclass(frozen=True, slots=True)
class Case:
    """One effect, what it may be, and how it looked on the way."""

    metric: Metric
    effect: Effect
    tolerance: Tolerance
    severity: Severity = Severity.ERROR
    looks: tuple[Look, ...] = ()
    measure_s: float = nan
    """Measuring time that it had; NaN where that is not known."""
    required: bool = True
    """Whether the run is inconclusive where this is."""

    @property
    def alpha(self) -> float:
        """One-sided level of each bound, over all looks."""
        return self.effect.alpha

    @property
    def gated(self) -> bool:
        """Whether it is judged at all."""
        return self.severity is not Severity.OFF

    @property
    def without_acceptance(self) -> Case:
        """The same under the metric's own tolerance."""
        return self if self.tolerance.own is None else replace(self, tolerance=self.tolerance.own)

    @property
    def _lower_is_better(self) -> bool:
        return self.metric.direction is Direction.LOWER

    @property
    def history(self) -> LookHistory:
        """The looks at this metric, or one: what the effect is now."""
        return history(self.metric.name, self.effect.source, Seen.of(self.effect), self.looks)

    @property
    def beyond(self) -> float:
        """How far the point estimate lies beyond the tolerance, on the metric's scale; negative within it."""
        worse = self.effect.log_change if self._lower_is_better else -self.effect.log_change
        return worse - self.tolerance.log

    @property
    def is_waited_for(self) -> bool:
        """Whether a lane goes on for it: of what is judged only where it can be, where it looks like a regression."""
        return self.required or self.beyond > -self.tolerance.log / 2

    def half(self, alpha: float) -> float:
        """One-sided half-width of the effect's interval at the last look, on the metric's scale."""
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
        """Return the effect with the bounds that decide: those of all looks."""
        lower, upper = (self.metric.scale.change_of(end) for end in self.history.bounds(alpha))
        return replace(self.effect, lower=lower, upper=upper)
