"""Rows of text shared by the terminal's and the page's tables, the most urgent first."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from perfgate import formatting
from perfgate.gate.verdict import URGENCY, Accepted, MetricVerdict, ObjectiveVerdict, Verdict
from perfgate.metrics import BY_NAME, Direction
from perfgate.results.result import Result
from perfgate.scenario.severity import Severity
from perfgate.stats.summary import ArmSummary
from perfgate.trials import Arm


@dataclass(frozen=True, slots=True)
class GateRow:
    """One metric of a comparison."""

    metric: str
    description: str
    severity: Severity
    """How much a failure counts; `off`: not gated."""
    verdict: Verdict
    word: str
    """The verdict; `warn`: a warn-only failure; `accepted`: it passes only because of an accepted regression."""
    baseline: str
    candidate: str
    change: str
    interval: str
    tolerance: str
    measured: str
    """State and source, for instance `cold, cost/execute`."""
    detectable: str
    reason: str
    more: str
    own_tolerance: str = ""
    """A note if a different change is temporarily accepted; else empty."""

    @property
    def gated(self) -> bool:
        """Whether the metric is gated."""
        return self.severity is not Severity.OFF


@dataclass(frozen=True, slots=True)
class AcceptedRow:
    """One accepted regression that was applied to a metric."""

    metric: str
    word: str
    """`accepted`, `not needed`, or the outcome despite it: `fail`, `inconclusive`."""
    change: str
    up_to: str
    own_tolerance: str
    until: str
    author: str
    reason: str


@dataclass(frozen=True, slots=True)
class ObjectiveRow:
    """One absolute bound."""

    metric: str
    description: str
    severity: Severity
    verdict: Verdict
    word: str
    """The verdict, or `warn` for a broken objective that is warn-only."""
    bound: str
    value: str
    interval: str
    reason: str
    more: str


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """One metric described by a typical value of each arm."""

    metric: str
    description: str
    baseline: str
    candidate: str
    note: str


def word_of(verdict: MetricVerdict | ObjectiveVerdict) -> str:
    """Return a verdict's displayed word: `warn` for a warn-only failure, `accepted` if it needs its acceptance."""
    if verdict.warns and verdict.verdict is Verdict.FAIL:
        return "warn"
    if isinstance(verdict, MetricVerdict) and verdict.gated and verdict.needs_acceptance:
        return "accepted"
    return verdict.verdict.value


def badness(verdict: MetricVerdict) -> float:
    """Return how much worse it is, in tolerances: above 1 is more than accepted; NaN without a number."""
    return in_tolerances(verdict, verdict.effect.change)


def in_tolerances(verdict: MetricVerdict, change: float) -> float:
    """Convert a change to tolerances on the gate's scale, where worse is positive; NaN if it is not on the scale."""
    known, scale = BY_NAME.get(verdict.metric), verdict.effect.scale
    sign = -1 if known and known.direction is Direction.HIGHER else 1
    place, unit = scale.of_change(change), scale.of_change(verdict.tolerance if verdict.tolerance > 0 else 0.01)
    return sign * place / unit if math.isfinite(place) else math.nan


def description(metric: str) -> str:
    """Return a metric's description from the metrics table."""
    return BY_NAME[metric].description if metric in BY_NAME else ""


def minimum_detectable_effect(verdict: MetricVerdict) -> str:
    """Return the smallest regression that would have failed in 4 of 5 runs: `3.62%`."""
    return formatting.limit(verdict.detectable, verdict.metric)


def in_order(result: Result) -> tuple[MetricVerdict, ...]:
    """Order the metrics by severity: error, warn, off; failures first, the worst of each first."""
    metrics = result.judgement.metrics if result.judgement else ()
    return tuple(sorted(metrics, key=_urgency))


def _urgency(verdict: MetricVerdict) -> tuple[int, int, float]:
    worse = badness(verdict)
    rank = URGENCY.index(verdict.verdict) if verdict.gated else 0
    return _RANKS.index(severity_of(verdict)), rank, -worse if math.isfinite(worse) else math.inf


_RANKS = (Severity.ERROR, Severity.WARN, Severity.OFF)


def severity_of(verdict: MetricVerdict) -> Severity:
    """Return how much a failure counts; `off` for a metric that is not gated."""
    return verdict.severity if verdict.gated else Severity.OFF


def gate_rows(result: Result) -> tuple[GateRow, ...]:
    """Return a row for every compared metric."""
    return tuple(gate_row(verdict) for verdict in in_order(result))


def gate_row(verdict: MetricVerdict) -> GateRow:
    """Return the row of one compared metric."""
    effect, metric, in_cell = verdict.effect, verdict.metric, formatting.in_cell
    return GateRow(
        metric=metric,
        description=description(metric),
        severity=severity_of(verdict),
        verdict=verdict.verdict,
        word=word_of(verdict),
        baseline=in_cell(formatting.quantity(effect.baseline_value, metric), metric),
        candidate=in_cell(formatting.quantity(effect.candidate_value, metric), metric),
        change=in_cell(formatting.change(effect.change, metric), metric),
        interval=formatting.interval(effect.lower, effect.upper, metric),
        tolerance=in_cell(formatting.limit(verdict.tolerance, metric), metric),
        measured=f"{effect.state.value}, {effect.source}",
        detectable=in_cell(minimum_detectable_effect(verdict), metric),
        reason=verdict.reason,
        more=verdict.more,
        own_tolerance=formatting.limit(verdict.accepted.own_tolerance, metric) if verdict.accepted else "",
    )


def accepted_rows(result: Result) -> tuple[AcceptedRow, ...]:
    """Return a row for every accepted regression that was applied to a gated metric."""
    judged = (metric for metric in in_order(result) if metric.gated)
    return tuple(_accepted_row(each, each.accepted) for each in judged if each.accepted is not None)


def _accepted_row(verdict: MetricVerdict, accepted: Accepted) -> AcceptedRow:
    unneeded = accepted.own_verdict is Verdict.PASS
    return AcceptedRow(
        metric=verdict.metric,
        word="not needed" if unneeded else word_of(verdict),
        change=formatting.change(verdict.effect.change, verdict.metric),
        up_to=formatting.limit(accepted.up_to, verdict.metric),
        own_tolerance=formatting.limit(accepted.own_tolerance, verdict.metric),
        until=accepted.expires,
        author=accepted.author,
        reason=accepted.reason,
    )


def objective_rows(result: Result) -> tuple[ObjectiveRow, ...]:
    """Return a row for every objective: those that count first, failures first."""
    objectives = result.judgement.objectives if result.judgement else ()
    return tuple(objective_row(o) for o in sorted(objectives, key=lambda o: (o.warns, URGENCY.index(o.verdict))))


def objective_row(objective: ObjectiveVerdict) -> ObjectiveRow:
    """Return the row of one objective."""
    low, high = (formatting.quantity(end, objective.metric) for end in (objective.lower, objective.upper))
    bound = formatting.bound(objective.bound, objective.metric)
    return ObjectiveRow(
        metric=objective.metric,
        description=description(objective.metric),
        severity=objective.severity,
        verdict=objective.verdict,
        word=word_of(objective),
        bound=f"{'at most' if objective.is_maximum else 'at least'} {bound}",
        value=formatting.quantity(objective.value, objective.metric),
        interval=f"{low} to {high}",
        reason=objective.reason,
        more=objective.more,
    )


def summary_rows(result: Result) -> tuple[SummaryRow, ...]:
    """Describe both arms, metrics in the order of the metrics table; unknown metrics last."""
    order = list(BY_NAME)
    names = sorted({s.metric for s in result.summaries}, key=lambda m: (order.index(m) if m in BY_NAME else 99, m))
    return tuple(_summary_row(name, result.summaries) for name in names)


def _summary_row(metric: str, summaries: tuple[ArmSummary, ...]) -> SummaryRow:
    by_arm = {s.arm: s for s in summaries if s.metric == metric}
    values = {arm: formatting.quantity(s.value, metric) for arm, s in by_arm.items()}
    notes = dict.fromkeys(s.note for s in by_arm.values() if s.note)
    return SummaryRow(
        metric,
        description(metric),
        values.get(Arm.BASELINE, ""),
        values.get(Arm.CANDIDATE, ""),
        "; ".join(notes),
    )


def hints(result: Result) -> Iterator[tuple[str, str]]:
    """Yield what is undecided and not among the reasons, and what would decide it: (metric, `about 90 s more`)."""
    if result.judgement is None:
        return
    said = " ".join(result.judgement.reasons)
    gated = (metric for metric in in_order(result) if metric.gated)
    judged: tuple[MetricVerdict | ObjectiveVerdict, ...] = (*gated, *result.judgement.objectives)
    for verdict in judged:
        if verdict.verdict is Verdict.INCONCLUSIVE and f"{verdict.metric} {verdict.reason}" not in said:
            yield verdict.metric, "; ".join(part for part in (verdict.reason, verdict.more) if part)


_MOST_BATCH_ROWS = 20


def batch_rows(result: Result) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the share of each arm's requests by batch size, in ranges of equal width if there are many sizes.

    Nothing if every request was executed by itself.
    """
    sizes = sorted({rows for each in result.batch_sizes for rows in each.rows})
    if len(sizes) < 2:
        return ()
    width = 1 if len(sizes) <= _MOST_BATCH_ROWS else -(-(sizes[-1] - sizes[0] + 1) // _MOST_BATCH_ROWS)
    named: dict[str, list[int]] = {}
    for size in sizes:
        low = sizes[0] + (size - sizes[0]) // width * width
        named.setdefault(str(low) if width == 1 else f"{low} to {low + width - 1}", []).append(size)
    return tuple(
        (name, tuple(_batch_share(result, arm, members) for arm in result.models)) for name, members in named.items()
    )


def _batch_share(result: Result, arm: str, sizes: list[int]) -> str:
    counts = {
        size: count for b in result.batch_sizes if b.arm == arm for size, count in zip(b.rows, b.requests, strict=True)
    }
    return formatting.share(sum(counts.get(size, 0) for size in sizes) / max(sum(counts.values()), 1))


_LEAST_THREAD_SHARE = 0.01


def thread_rows(result: Result) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return each kind of thread's share of its arm's CPU time, the busiest first; shares below 1% are omitted."""
    shares = {(each.arm, each.thread): each.share for each in result.threads}
    most = {thread: max(shares.get((arm, thread), 0.0) for arm in result.models) for _, thread in shares}
    shown = [
        thread for thread, share in sorted(most.items(), key=lambda item: -item[1]) if share >= _LEAST_THREAD_SHARE
    ]
    return tuple(
        (thread, tuple(formatting.share(shares.get((arm, thread), 0.0)) for arm in result.models)) for thread in shown
    )
