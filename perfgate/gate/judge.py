"""Trials in, verdict out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import nan

import numpy as np

from perfgate.gate.case import Case
from perfgate.gate.decide import decide
from perfgate.gate.headline import headline
from perfgate.gate.looks import Look, decided_before, level_of
from perfgate.gate.missing import has_numbers, why_missing
from perfgate.gate.objectives import judge_objective
from perfgate.gate.tolerance import gated_metrics, tolerance_of
from perfgate.gate.validity import invalid_because
from perfgate.gate.verdict import Judgement, MetricVerdict, ObjectiveVerdict, Verdict
from perfgate.metrics import BY_NAME, METRICS, Metric
from perfgate.scenario.schema import Gate, Objective
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
    """Decide on a finished run: invalid, fail, pass or inconclusive; without looks on the way, in one at the end.

    `measure_s`: the measuring time that it had, for what would decide if it had more.
    """
    compares = np.unique(table.columns.arm).size == len(ARMS)
    cases = [replace(case, measure_s=measure_s) for case in cases_of(METRICS, table, gate, looks, cross_check=True)]
    metrics = decide(cases, gate.alpha) if compares else ()
    missing = tuple(_missing(table, gate, metrics)) if compares else ()
    return conclude(metrics, missing, table, gate, objectives, looks)


def conclude(  # noqa: PLR0913, PLR0917 - all that a verdict is made of
    metrics: tuple[MetricVerdict, ...],
    missing: Sequence[str],
    table: TrialTable,
    gate: Gate,
    objectives: Mapping[str, Objective],
    looks: Sequence[Look] = (),
) -> Judgement:
    """Add the objectives and what makes a run invalid, and say what all of it comes to."""
    bounds = tuple(
        decided_before(name, looks) or judge_objective(BY_NAME[name], bound, table, level_of(name, gate.alpha, looks))
        for name, bound in objectives.items()
    )
    # An error rate beyond its own objective or tolerance is a failure of the candidate, not of the measurement.
    parts: list[MetricVerdict | ObjectiveVerdict] = [*(metric for metric in metrics if metric.gated), *bounds]
    broken = any(part.metric == "error_rate" and part.verdict is Verdict.FAIL for part in parts)
    invalid = invalid_because(table, objectives, (Arm.BASELINE,) if broken else ARMS)
    verdict = _overall(metrics, bounds, missing, invalid)
    reasons = _reasons(verdict, metrics, bounds, missing, invalid)
    return Judgement(verdict, headline(verdict, metrics, bounds, reasons), metrics, bounds, reasons)


def cases_of(
    metrics: Sequence[Metric], table: TrialTable, gate: Gate, looks: Sequence[Look], *, cross_check: bool
) -> Iterator[Case]:
    """Estimate each of some metrics that have data; the cross-check takes 20 ms each."""
    gated = gated_metrics(gate)
    for metric in metrics:
        effect = estimate(metric, table, gate.alpha, cross_check=cross_check)
        if effect is not None:
            tolerance = tolerance_of(metric, gate, effect.baseline_value)
            yield Case(metric, effect, tolerance, gated=metric in gated, looks=tuple(looks))


def _missing(table: TrialTable, gate: Gate, metrics: Sequence[MetricVerdict]) -> Iterator[str]:
    """Name gated metrics that cannot be judged; a default one that this run never measured is no loss."""
    judged = {verdict.metric for verdict in metrics}
    for metric in gated_metrics(gate):
        if metric.name not in judged and (metric.name in gate.metrics or has_numbers(metric, table)):
            yield why_missing(metric, table)


def _overall(
    metrics: Sequence[MetricVerdict],
    objectives: Sequence[ObjectiveVerdict],
    missing: Sequence[str],
    invalid: Sequence[str],
) -> Verdict:
    verdicts = [m.verdict for m in metrics if m.gated] + [o.verdict for o in objectives]
    if invalid:
        return Verdict.INVALID
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL
    decided = verdicts and not missing and all(verdict is Verdict.PASS for verdict in verdicts)
    return Verdict.PASS if decided else Verdict.INCONCLUSIVE


def _reasons(
    verdict: Verdict,
    metrics: Sequence[MetricVerdict],
    objectives: Sequence[ObjectiveVerdict],
    missing: Sequence[str],
    invalid: Sequence[str],
) -> tuple[str, ...]:
    """Say what decided; of an inconclusive run what stands in the way, with what would decide."""
    if verdict is Verdict.INVALID:
        return tuple(invalid)
    parts: list[MetricVerdict | ObjectiveVerdict] = [m for m in metrics if m.gated]
    found = [_clause(part) for part in (*parts, *objectives) if part.verdict is verdict]
    if verdict is Verdict.INCONCLUSIVE:
        found += missing
    return tuple(found) or ("nothing to judge: no gated metric was measured on both arms, and there are no objectives",)


def _clause(part: MetricVerdict | ObjectiveVerdict) -> str:
    return f"{part.metric} {part.reason}" + (f": {part.more}" if part.more else "")
