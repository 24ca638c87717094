"""Interim analysis: looks at planned instants, and when a lane may stop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt

from perfgate.gate.case import Case
from perfgate.gate.decide import decide
from perfgate.gate.interim import Look, NominalLevels, Seen, decided_before, fractions_of
from perfgate.gate.objectives import judge_objective, judged_objectives
from perfgate.gate.tolerance import gated_metrics, is_required, severity_of, tolerance_of
from perfgate.gate.validity import has_numbers, is_in_reach
from perfgate.gate.verdict import MetricVerdict, ObjectiveVerdict, Verdict
from perfgate.metrics import BY_NAME, Estimator, Metric, Source
from perfgate.scenario.schema import Gate, Objective
from perfgate.scenario.severity import Severity
from perfgate.stats.contrast import half_width
from perfgate.stats.effect import Effect
from perfgate.stats.estimate import estimate
from perfgate.stats.table import TrialTable


@dataclass(frozen=True, slots=True)
class Standing:
    """How the gate stands after the looks so far."""

    metrics: tuple[MetricVerdict, ...] = ()
    """Those that were looked at, as they stand; what is decided stays so."""
    objectives: tuple[ObjectiveVerdict, ...] = ()
    total: int = 0
    """How many metrics and objectives there are to decide, looked at or not."""

    @property
    def decided(self) -> int:
        """Count those that are."""
        bounds = sum(each.verdict is not Verdict.INCONCLUSIVE for each in self.objectives)
        return sum(each.settled for each in self.metrics) + bounds


class InterimAnalysis:
    """The looks of one run, and what they decide.

    A metric or objective is decided by the first of its sources that the run has, in looks at that source alone.
    """

    def __init__(
        self,
        gate: Gate,
        objectives: Mapping[str, Objective],
        sources: Sequence[Source],
        *,
        compares: bool = True,
        longest: Source | None = None,
    ) -> None:
        """Begin; `sources` are those that the run's lanes will fill. One arm alone has nothing but objectives.

        `longest`: where each server has the most time, which is where a slope over its requests is known best.
        """
        self._gate, self._objectives, self._sources = gate, judged_objectives(objectives), tuple(sources)
        self._longest = longest
        self._gated = self._expected = gated_metrics(gate) if compares else ()
        self._cold = False
        self.taken: tuple[Look, ...] = ()
        self._effects: dict[str, Effect] = {}  # of each metric as it was at its last look

    def last(self, source: Source) -> float:
        """Return the fraction of a source's last look; 0 before the first."""
        return max(fractions_of(source, self.taken), default=0.0)

    def look(self, source: Source, fraction: float, at_s: float, table: TrialTable) -> tuple[MetricVerdict, ...]:
        """Look at what one source decides; gives all that was looked at so far, as it stands."""
        effects = [estimate(m, table, self._gate.alpha, cross_check=False) for m in self._gated if self._at(m, source)]
        found = [effect for effect in effects if effect is not None and effect.source == source]
        seen = tuple(map(Seen.of, found))
        fractions = (*fractions_of(source, self.taken), fraction)
        bounds = tuple(self._bounds(source, table, fractions))
        self.taken = (*self.taken, Look(source, fraction, at_s, seen, bounds))
        self._effects |= {effect.metric: effect for effect in found}
        self._cold = any(fact.cold_requests for fact in table.replicas)
        self._expected = tuple(m for m in self._gated if self._is_expected(m, source, fraction, table))
        return decide(tuple(map(self._case, self._effects.values())), self._gate.alpha, *self._severities)

    def standing(self, verdicts: Sequence[MetricVerdict]) -> Standing:
        """Sum up, with the metrics as the last look gave them."""
        bounds = {bound.metric: bound for look in self.taken for bound in look.objectives}
        total = len(self._expected) + len(self._objectives)
        return Standing(tuple(verdicts), tuple(bounds.values()), total)

    def settled(self, source: Source, verdicts: Sequence[MetricVerdict]) -> bool:
        """Return whether nothing is open that more of this source would decide, warnings included.

        Why warnings count: docs/explanation/method.md#severity.
        """
        cases = [self._case(effect) for effect in self._effects.values()]
        futile = {case.metric.name for case in cases if is_futile(case, self._family) or not case.is_waited_for}
        decided = {each.metric for each in verdicts if each.settled} | futile
        metrics = (metric.name in decided for metric in self._expected if self._waits_for(metric, source))
        bounds = (
            decided_before(name, self.taken) for name in self._objectives if self._waits_for(BY_NAME[name], source)
        )
        return all(metrics) and all(bounds)

    def _waits_for(self, metric: Metric, source: Source) -> bool:
        """Return whether the source may decide the metric: cold servers decide no time of warm ones (gate.judge)."""
        return self._at(metric, source) and not (self._cold and metric.is_steady_time)

    def _is_expected(self, metric: Metric, source: Source, fraction: float, table: TrialTable) -> bool:
        """Return whether there is something to wait for: of what is judged only where it can be, an effect."""
        if not is_required(metric, self._gate):
            comes = self._at(metric, source) and is_in_reach(metric, source, fraction, table)
            return comes or metric.name in self._effects
        return metric.name in self._gate.metrics or has_numbers(metric, table)

    @property
    def _family(self) -> int:
        return max(1, len(self._expected) + len(self._objectives))

    def _home(self, metric: Metric) -> Source | None:
        if metric.estimator is Estimator.REPLICA_SLOPE and self._longest in metric.sources:
            return self._longest
        return next((source for source in metric.sources if source in self._sources), None)

    def _at(self, metric: Metric, source: Source) -> bool:
        return self._home(metric) is source

    @property
    def _severities(self) -> tuple[list[Severity], list[Severity]]:
        """Return those of the gated metrics and of the objectives."""
        metrics = [severity_of(metric, self._gate) for metric in self._gated]
        return metrics, [objective.severity for objective in self._objectives.values()]

    def _bounds(self, source: Source, table: TrialTable, fractions: tuple[float, ...]) -> Iterator[ObjectiveVerdict]:
        metrics, objectives = self._severities
        for name, bound in self._objectives.items():
            family = metrics.count(bound.severity) + objectives.count(bound.severity)
            levels = NominalLevels.of(self._gate.alpha, family, fractions)
            if levels.failing > 0 and self._at(BY_NAME[name], source) and decided_before(name, self.taken) is None:
                yield judge_objective(BY_NAME[name], bound, table, levels)

    def _case(self, effect: Effect) -> Case:
        metric, gate = BY_NAME[effect.metric], self._gate
        tolerance = tolerance_of(metric, gate, effect.baseline_value)
        severity, required = severity_of(metric, gate), is_required(metric, gate)
        return Case(metric, effect, tolerance, severity, looks=self.taken, required=required)


def due(planned: Sequence[float], last: float, elapsed: float) -> float | None:
    """Return the planned look that is due, of several that were missed the last one; None where none is."""
    return max((fraction for fraction in planned if last < fraction <= elapsed), default=None)


FIRST_FRACTION = 0.5
"""Of the lane's time: before, too little is known of what time buys."""
LUCK_SD = 1.64
"""So far the estimate may still move towards a decision: in one run of twenty it moves further."""


def is_futile(case: Case, family: int) -> bool:
    """Return whether the rest of the lane's time would decide in at most one run of twenty, if the estimate is right.

    It costs no level, for nothing is declared (non-binding futility: Jennison & Turnbull, Group Sequential Methods,
    2000, section 10). The squared standard error is what processes differ by, which time leaves, and the requests'
    noise, which falls with time. `family`: among so many metrics a failure is held to its share of alpha.
    """
    history, effect = case.history, case.effect
    fraction = history.fractions[-1]
    if case.effect.counts is not None or fraction < FIRST_FRACTION or not isfinite(effect.log_se):
        return False
    lasting = min(effect.lasting_se, effect.log_se) ** 2 if isfinite(effect.lasting_se) else 0.0
    noise = (effect.log_se**2 - lasting) * fraction  # at the end of the lane
    level = case.alpha / family if case.beyond > 0 else case.alpha
    half = half_width(sqrt(lasting + noise), effect.df, level)
    luck = LUCK_SD * sqrt(noise * (1 / fraction - 1))
    return abs(case.beyond) + luck < half
