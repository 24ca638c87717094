"""The verdict on a run, from its trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import nan
from typing import TypeVar

import numpy as np

from perfgate.gate.case import Case
from perfgate.gate.decide import decide
from perfgate.gate.headline import headline
from perfgate.gate.interim import Look, decided_before, levels_of
from perfgate.gate.objectives import judge_objective, judged_objectives
from perfgate.gate.tolerance import gated_metrics, is_required, severity_of, tolerance_of
from perfgate.gate.validity import has_numbers, invalid_because, is_expected, why_missing
from perfgate.gate.verdict import Judgement, MetricVerdict, ObjectiveVerdict, Verdict
from perfgate.metrics import BY_NAME, METRICS, Metric
from perfgate.scenario.schema import Gate, Objective
from perfgate.scenario.severity import Severity
from perfgate.stats.estimate import estimate
from perfgate.stats.table import ARMS, TrialTable
from perfgate.trials import Arm


def judge(
    table: TrialTable,
    gate: Gate,
    objectives: Mapping[str, Objective],
    looks: Sequence[Look] = (),
    measure_s: float = nan,
) -> Judgement:
    """Decide on a finished run: invalid, fail, pass or inconclusive; without earlier looks, in one at the end.

    `measure_s`: measuring time of the run, from which the time that would decide is estimated.
    """
    compares = np.unique(table.columns.arm).size == len(ARMS)
    cases = [replace(case, measure_s=measure_s) for case in cases_of(METRICS, table, gate, looks, cross_check=True)]
    severities = [objective.severity for objective in objectives.values()]
    metrics = decide(cases, gate.alpha, objectives=severities, gates=gate.gates) if compares else ()
    missing = tuple(_missing(table, gate, metrics)) if compares else ()
    left_open = tuple(_not_seen(table, gate, metrics)) if compares else ()
    return conclude(metrics, missing, table, gate, objectives, looks, left_open)


Part = TypeVar("Part", MetricVerdict, ObjectiveVerdict)
Missing = tuple[Severity, str]
"""Severity of a metric that cannot be judged, and the reason."""


def conclude(  # noqa: PLR0913, PLR0917 - all inputs of a verdict
    metrics: tuple[MetricVerdict, ...],
    missing: Sequence[Missing],
    table: TrialTable,
    gate: Gate,
    objectives: Mapping[str, Objective],
    looks: Sequence[Look] = (),
    left_open: Sequence[str] = (),
) -> Judgement:
    """Add the objectives and the reasons why the run is invalid, and return the overall judgement.

    `left_open`: metrics without an effect, which a pass does not cover.
    """
    asked = judged_objectives(objectives)
    severities = [*(metric.severity for metric in metrics if metric.gated), *(each.severity for each in asked.values())]
    bounds = tuple(
        decided_before(name, looks)
        or judge_objective(
            BY_NAME[name],
            bound,
            table,
            levels_of(name, gate.alpha, gate.gates * severities.count(bound.severity), looks),
        )
        for name, bound in asked.items()
    )
    metrics = tuple(_unless_cold(each, table) for each in metrics)
    bounds = tuple(_unless_cold(each, table) for each in bounds)
    # An error rate beyond its own objective or tolerance is a failure of the candidate, not of the measurement.
    parts: tuple[MetricVerdict | ObjectiveVerdict, ...] = (*metrics, *bounds)
    broken = any(part.counts and part.metric == "error_rate" and part.verdict is Verdict.FAIL for part in parts)
    invalid = invalid_because(table, asked, (Arm.BASELINE,) if broken else ARMS)
    errors = [why for severity, why in missing if severity is Severity.ERROR]
    verdict = _overall(parts, errors, invalid)
    reasons = _reasons(verdict, parts, errors, invalid)
    unseen = (why for severity, why in missing if severity is Severity.WARN)
    warned = (_clause(part) for part in parts if part.warns and part.verdict is Verdict.FAIL)
    text = headline(verdict, metrics, bounds, reasons, left_open)
    return Judgement(verdict, text, metrics, bounds, reasons, (*warned, *unseen))


def cases_of(
    metrics: Sequence[Metric], table: TrialTable, gate: Gate, looks: Sequence[Look], *, cross_check: bool
) -> Iterator[Case]:
    """Estimate the metrics that have data; the cross-check takes 20 ms per metric."""
    for metric in metrics:
        effect = estimate(metric, table, gate.alpha, cross_check=cross_check)
        if effect is not None:
            tolerance = tolerance_of(metric, gate, effect.baseline_value)
            severity, required = severity_of(metric, gate), is_required(metric, gate)
            yield Case(metric, effect, tolerance, severity, looks=tuple(looks), required=required)


def _unless_cold(part: Part, table: TrialTable) -> Part:
    """Leave a steady-state metric undecided if servers were still paying the cost of first calls while measured."""
    cold = [fact.cold_requests for fact in table.replicas if fact.cold_requests]
    if not cold or not BY_NAME[part.metric].is_steady_time:
        return part
    servers = f"{len(cold)} of {len(table.replicas)} servers"
    reason = (
        f"is not judged: {servers} were still slowed by first calls, such as compilation, when warm-up ran out of time"
    )
    more = f"raise --budget, or record fewer distinct requests (up to {max(cold)} were not warm)"
    return replace(part, verdict=Verdict.INCONCLUSIVE, reason=reason, more=more)


def _missing(table: TrialTable, gate: Gate, metrics: Sequence[MetricVerdict]) -> Iterator[Missing]:
    """Return the gated metrics that cannot be judged."""
    judged = {verdict.metric for verdict in metrics}
    for metric in gated_metrics(gate):
        if metric.name not in judged and is_expected(metric, table, gate):
            yield severity_of(metric, gate), why_missing(metric, table)


def _not_seen(table: TrialTable, gate: Gate, metrics: Sequence[MetricVerdict]) -> Iterator[str]:
    """Return the metrics that are not required, were measured, and have too few numbers to be judged."""
    judged = {verdict.metric for verdict in metrics}
    for metric in gated_metrics(gate):
        counts = severity_of(metric, gate) is Severity.ERROR and not is_required(metric, gate)
        if counts and metric.name not in judged and has_numbers(metric, table):
            yield metric.name


def _overall(
    parts: Sequence[MetricVerdict | ObjectiveVerdict], missing: Sequence[str], invalid: Sequence[str]
) -> Verdict:
    """Combine the verdicts that count; if none does, a run in which only warn-only metrics were judged passes."""
    if invalid:
        return Verdict.INVALID
    verdicts = [part.verdict for part in parts if part.counts and not _is_left_open(part)]
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL
    judged_any = bool(verdicts) or any(part.warns for part in parts)
    decided = judged_any and not missing and all(verdict is Verdict.PASS for verdict in verdicts)
    return Verdict.PASS if decided else Verdict.INCONCLUSIVE


def _reasons(
    verdict: Verdict,
    parts: Sequence[MetricVerdict | ObjectiveVerdict],
    missing: Sequence[str],
    invalid: Sequence[str],
) -> tuple[str, ...]:
    """Return what decided; for an inconclusive run, what prevents a decision and what would decide."""
    if verdict is Verdict.INVALID:
        return tuple(invalid)
    found = [_clause(part) for part in parts if part.counts and part.verdict is verdict and not _is_left_open(part)]
    if verdict is Verdict.INCONCLUSIVE:
        found += missing
    if not found and any(part.warns for part in parts):
        return ("everything that was judged is warn-only",)
    return tuple(found) or ("nothing to judge: no gated metric was measured on both arms, and there are no objectives",)


def _is_left_open(part: MetricVerdict | ObjectiveVerdict) -> bool:
    return isinstance(part, MetricVerdict) and part.left_open


def _clause(part: MetricVerdict | ObjectiveVerdict) -> str:
    return f"{part.metric} {part.reason}" + (f": {part.more}" if part.more else "")
