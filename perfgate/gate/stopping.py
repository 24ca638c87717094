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
    """The state of the gate after the looks so far."""

    metrics: tuple[MetricVerdict, ...] = ()
    """Current verdicts of the metrics looked at; decisions are final."""
    objectives: tuple[ObjectiveVerdict, ...] = ()
    total: int = 0
    """Number of metrics and objectives to decide, whether looked at or not."""

    @property
    def decided(self) -> int:
        """Number of metrics and objectives that are decided."""
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
        """Start without looks; `sources`: those that the run's lanes will fill. A single arm has only objectives.

        `longest`: where each server has the most time, and a slope over its requests is therefore most precise.
        """
        self._gate, self._objectives, self._sources = gate, judged_objectives(objectives), tuple(sources)
        self._longest = longest
        self._gated = self._expected = gated_metrics(gate) if compares else ()
        self._cold = False
        self.taken: tuple[Look, ...] = ()
        self._effects: dict[str, Effect] = {}  # of each metric, at its last look

    def last(self, source: Source) -> float:
        """Return the fraction at the last look at a source; 0 before the first."""
        return max(fractions_of(source, self.taken), default=0.0)

    def look(self, source: Source, fraction: float, at_s: float, table: TrialTable) -> tuple[MetricVerdict, ...]:
        """Look at what one source decides; return the current verdicts of all metrics looked at so far."""
        effects = [estimate(m, table, self._gate.alpha, cross_check=False) for m in self._gated if self._at(m, source)]
        found = [effect for effect in effects if effect is not None and effect.source == source]
        seen = tuple(map(Seen.of, found))
        fractions = (*fractions_of(source, self.taken), fraction)
        bounds = tuple(self._bounds(source, table, fractions))
        self.taken = (*self.taken, Look(source, fraction, at_s, seen, bounds))
        self._effects |= {effect.metric: effect for effect in found}
        self._cold = any(fact.cold_requests for fact in table.replicas)
        self._expected = tuple(m for m in self._gated if self._is_expected(m, source, fraction, table))
        return self._decided()

    @property
    def failing(self) -> bool:
        """Whether something that counts had failed at the last look."""
        verdicts = self._decided()
        bounds = [bound for look in self.taken for bound in look.objectives]
        failed = [each.counts for each in verdicts if each.verdict is Verdict.FAIL]
        return any(failed) or any(bound.counts for bound in bounds if bound.verdict is Verdict.FAIL)

    def standing(self, verdicts: Sequence[MetricVerdict]) -> Standing:
        """Return the state of the gate, given the metrics' verdicts at the last look."""
        bounds = {bound.metric: bound for look in self.taken for bound in look.objectives}
        total = len(self._expected) + len(self._objectives)
        return Standing(tuple(verdicts), tuple(bounds.values()), total)

    def settled(self, source: Source, verdicts: Sequence[MetricVerdict]) -> bool:
        """Return whether more of this source would decide nothing further, including warnings.

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
        """Return whether the source may decide the metric; cold servers decide no steady-state time (gate.judge)."""
        return self._at(metric, source) and not (self._cold and metric.is_steady_time)

    def _is_expected(self, metric: Metric, source: Source, fraction: float, table: TrialTable) -> bool:
        """Return whether the metric is worth waiting for; one that is not required needs an effect, now or later."""
        if not is_required(metric, self._gate):
            comes = self._at(metric, source) and is_in_reach(metric, source, fraction, table)
            return comes or metric.name in self._effects
        return metric.name in self._gate.metrics or has_numbers(metric, table)

    @property
    def _family(self) -> int:
        return max(1, len(self._expected) + len(self._objectives)) * self._gate.gates

    def _home(self, metric: Metric) -> Source | None:
        if metric.estimator is Estimator.REPLICA_SLOPE and self._longest in metric.sources:
            return self._longest
        return next((source for source in metric.sources if source in self._sources), None)

    def _at(self, metric: Metric, source: Source) -> bool:
        return self._home(metric) is source

    @property
    def _severities(self) -> tuple[list[Severity], list[Severity]]:
        """Severities of the gated metrics and of the objectives."""
        metrics = [severity_of(metric, self._gate) for metric in self._gated]
        return metrics, [objective.severity for objective in self._objectives.values()]

    def _bounds(self, source: Source, table: TrialTable, fractions: tuple[float, ...]) -> Iterator[ObjectiveVerdict]:
        metrics, objectives = self._severities
        for name, bound in self._objectives.items():
            family = (metrics.count(bound.severity) + objectives.count(bound.severity)) * self._gate.gates
            levels = NominalLevels.of(self._gate.alpha, family, fractions)
            if levels.failing > 0 and self._at(BY_NAME[name], source) and decided_before(name, self.taken) is None:
                yield judge_objective(BY_NAME[name], bound, table, levels)

    def _decided(self) -> tuple[MetricVerdict, ...]:
        cases = tuple(map(self._case, self._effects.values()))
        return decide(cases, self._gate.alpha, *self._severities, gates=self._gate.gates)

    def _case(self, effect: Effect) -> Case:
        metric, gate = BY_NAME[effect.metric], self._gate
        tolerance = tolerance_of(metric, gate, effect.baseline_value)
        severity, required = severity_of(metric, gate), is_required(metric, gate)
        return Case(metric, effect, tolerance, severity, looks=self.taken, required=required)


def due(planned: Sequence[float], last: float, elapsed: float) -> float | None:
    """Return the planned look that is due; the last one if several were missed, None if none is due."""
    return max((fraction for fraction in planned if last < fraction <= elapsed), default=None)


FIRST_FRACTION = 0.5
"""Share of the lane's time before which too little is known about the effect of more time."""
LUCK_SD = 1.64
"""How far, in standard deviations, the estimate may still move towards a decision; it moves further in 1 of 20 runs."""


def is_futile(case: Case, family: int) -> bool:
    """Return whether the rest of the lane would decide in at most one run of twenty, if the estimate is correct.

    This spends no alpha, because nothing is declared (non-binding futility: Jennison & Turnbull, Group Sequential
    Methods, 2000, section 10). The squared standard error is the variance between processes, which time does not
    reduce, plus the requests' noise, which time does. `family`: number of metrics among which a failure shares alpha.
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
