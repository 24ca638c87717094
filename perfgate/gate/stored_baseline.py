"""The candidate alone, judged against the stored numbers of a baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from perfgate.gate.case import Case
from perfgate.gate.decide import decide
from perfgate.gate.judge import conclude
from perfgate.gate.remedy import MOST_TIMES, times_longer
from perfgate.gate.tolerance import gated_metrics, is_required, severity_of, tolerance_of
from perfgate.gate.validity import is_expected, why_missing
from perfgate.gate.verdict import Judgement, MetricVerdict, Verdict
from perfgate.metrics import METRICS, Estimator, Metric, Source
from perfgate.scenario.schema import Gate, Objective
from perfgate.scenario.severity import Severity
from perfgate.stats.effect import Effect
from perfgate.stats.estimate import effect_of, estimate
from perfgate.stats.gate_inputs import typical_of
from perfgate.stats.prediction import Occasion, StoredMetric, StoredNumbers, in_unit, predict
from perfgate.stats.summary import Typical
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm, State

_SHARED_MEMORY = "pss_mb"
"""Divides pages among the processes that share them, so it depends on the number of servers."""


def judge_stored(
    table: TrialTable, gate: Gate, objectives: Mapping[str, Objective], stored: StoredNumbers
) -> Judgement:
    """Decide on a finished run of only the candidate, in one look."""
    if stored.refusal:
        return conclude((), ((Severity.ERROR, f"{stored.refusal}: {stored.remedy}"),), table, gate, objectives)
    found = {metric: _compared(metric, table, stored, gate.alpha) for metric in METRICS}
    cases = [_case(metric, effect, gate) for metric, effect in found.items() if isinstance(effect, Effect)]
    missing = [
        (severity_of(metric, gate), why)
        for metric in gated_metrics(gate)
        if isinstance(why := found[metric], str) and is_expected(metric, table, gate)
    ]
    severities = [objective.severity for objective in objectives.values()]
    return conclude(_decided(cases, gate, severities), missing, table, gate, objectives)


def _case(metric: Metric, effect: Effect, gate: Gate) -> Case:
    tolerance = tolerance_of(metric, gate, effect.baseline_value)
    return Case(metric, effect, tolerance, severity_of(metric, gate), required=is_required(metric, gate))


def _compared(metric: Metric, table: TrialTable, stored: StoredNumbers, alpha: float) -> Effect | str:
    """Return the effect, or the reason why there is none."""
    if metric.estimator in {Estimator.CONSTANT, Estimator.PROPORTION}:
        return _without_replicas(metric, table, stored, alpha)
    then, now = stored.metrics.get(metric.name), typical_of(metric, Arm.CANDIDATE, table)
    if now is None or len(now.replicas) < 2:
        return why_missing(metric, table)
    if then is None:
        return f"{metric.name} has no numbers in the record: record the baseline again"
    if another_way := _another_way(then, now):
        return f"{metric.name} was measured differently {another_way}"
    if metric.name == _SHARED_MEMORY and stored.servers != {len(table.replicas)}:
        then_alive = " and ".join(map(str, sorted(stored.servers)))
        return f"{metric.name} depends on the number of running servers: {then_alive} then, {len(table.replicas)} now"
    return _effect(metric, then, now, alpha) or f"{metric.name} varies too much for an interval: use more replicas"


def _another_way(then: StoredMetric, now: Typical) -> str:
    """Return the difference in how the two were measured, and its remedy; empty if there is none."""
    if (then.state, then.source) != (now.state, now.source):
        was = f"{then.state}, {then.source} then and {now.state}, {now.source} now"
        same = "objectives" if now.source.startswith(Source.CAPACITY) else "budget shares"
        return f"({was}): use the same {same}, or record again"
    return "" if then.method == now.method else "(by another version of perfgate): record the baseline again"


def _without_replicas(metric: Metric, table: TrialTable, stored: StoredNumbers, alpha: float) -> Effect | str:
    if metric.estimator is Estimator.PROPORTION:
        return f"{metric.name} has no stored counts to compare: set objectives.{metric.name}"
    both = replace(table, sizes_mb={**table.sizes_mb, Arm.BASELINE: stored.size_mb})
    return estimate(metric, both, alpha) or why_missing(metric, table)


def _effect(metric: Metric, then: StoredMetric, now: Typical, alpha: float) -> Effect | None:
    if (candidate := Occasion.of(metric, now.replicas)) is None:
        return None
    result = predict(candidate, then.occasions, then.spread)
    effect = effect_of(
        metric,
        result,
        alpha,
        (in_unit(metric, candidate.mean - result.difference), in_unit(metric, candidate.mean)),
        (tuple(value for each in then.occasions for value in each.values), candidate.values),
        (State(now.state), now.source),
    )
    return None if effect is None else replace(effect, occasion=then.spread)


def _decided(cases: Sequence[Case], gate: Gate, objectives: Sequence[Severity]) -> tuple[MetricVerdict, ...]:
    verdicts = decide(cases, gate.alpha, objectives=objectives, gates=gate.gates)
    return tuple(
        replace(found, more=_more(case, found.level if case.beyond > 0 else gate.alpha))
        if found.verdict is Verdict.INCONCLUSIVE
        else found
        for case, found in zip(cases, verdicts, strict=True)
    )


def _more(case: Case, alpha: float) -> str:
    """Return what would decide at the same estimate: time reduces only the candidate's part of the variance."""
    own = Occasion(case.effect.candidate_replicas).variance
    wanted = (case.beyond * case.effect.log_se / case.half(alpha)) ** 2
    left = wanted - (case.effect.log_se**2 - own)
    if left > 0 and own / left <= MOST_TIMES:
        return times_longer(own / left)
    return "more replicas or time do not help: record the baseline on more days, or store its model"
