"""What an explanation says in sentences: on a terminal, on a page, and in a CI job's summary."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from perfgate import formatting
from perfgate.explain.explanation import Attribution, Cause, Explanation, Interval, StaticDifferences

NO_CAUSE = "No cause found."


@dataclass(frozen=True, slots=True)
class CauseWords:
    """One cause as text."""

    sentence: str
    """Without its full stop."""
    change: str
    """`+0.195 ms [+0.189, +0.201], +11.2% of the execution`; empty if there is none, or if the sentence says it."""
    evidence: tuple[str, ...]
    remedy: str


def causes(explanation: Explanation) -> tuple[CauseWords, ...]:
    """Return all causes, the weightiest first."""
    return tuple(_cause(each, explanation.attribution) for each in explanation.causes)


def cause_lines(explanation: Explanation, most: int = 3) -> tuple[str, ...]:
    """Return the weightiest causes, one line each, with its change; empty if no cause was found."""
    return tuple(": ".join(filter(None, (each.sentence, each.change))) for each in causes(explanation)[:most])


def _cause(cause: Cause, attribution: Attribution | None) -> CauseWords:
    change = cause.change_ms
    if change is not None and formatting.difference(change.estimate, "ms") in cause.sentence:
        change = None
    relative = f"{_relative(change, attribution)} of the execution" if attribution else ""
    words = "" if change is None else ", ".join(filter(None, (difference(change), relative)))
    return CauseWords(cause.sentence.rstrip(". "), words, cause.evidence, cause.remedy)


def difference(change_ms: Interval) -> str:
    """Return a difference of times with its interval: `+0.195 ms [+0.189, +0.201]`."""
    return " ".join(difference_cells(change_ms))


def difference_cells(change_ms: Interval) -> tuple[str, str]:
    """Return a difference of times, and its interval without a unit, to a tenth of a microsecond."""
    estimate, low, high = (round(each, 4) for each in (change_ms.estimate, change_ms.low, change_ms.high))
    return formatting.difference(estimate, "ms"), formatting.difference_interval(low, high, "ms")


def _relative(change_ms: Interval | None, attribution: Attribution) -> str:
    before_ms = attribution.execute_ms[0]
    return formatting.change(change_ms.estimate / before_ms) if change_ms and before_ms > 0 else formatting.MISSING


def change_sentence(explanation: Explanation) -> str:
    """Return how much longer an execution takes, or why that is not known."""
    found = explanation.attribution
    if found is None:
        why = explanation.not_traced.rstrip(". ")
        return f"Nothing was traced, so nothing is known about times{f': {why}' if why else ''}."
    before, after = (formatting.with_unit(each, "ms") for each in found.execute_ms)
    return (
        f"One execution takes {after} instead of {before}: {difference(found.change_ms)}, "
        f"{_relative(found.change_ms, found)}."
    )


def looked_at(explanation: Explanation) -> str:
    """Return what was examined, which is the whole answer where no cause was found."""
    parts = [*_traced(explanation.attribution), *_compared(explanation.static)]
    return f"Looked at {'; and at '.join(parts)}." if parts else "Nothing could be examined."


def _traced(found: Attribution | None) -> list[str]:
    if found is None:
        return []
    differing = sum(each.significant for each in found.ops)
    differ = f"{differing} {'differs' if differing == 1 else 'differ'}" if differing else "none differs"
    before, after = (f"{count:,}" for count in found.op_count)
    counted = f"{after} ops" if before == after else f"{before} ops of the baseline and {after} of the candidate"
    return [f"the times of {counted} in {found.executions:,} traced executions, of which {differ}"]


def _compared(static: StaticDifferences | None) -> list[str]:
    return [] if static is None else [f"the saved graphs: {node_changes(static)}"]


def node_changes(static: StaticDifferences) -> str:
    """Return how many nodes of the saved graphs differ: `3 nodes added, 1 removed, none changed`."""
    added, removed, changed = (f"{count:,}" if count else "none" for count in static.node_changes)
    noun = "node" if added == "1" else "nodes"
    return f"{f'no {noun}' if added == 'none' else f'{added} {noun}'} added, {removed} removed, {changed} changed"


def overhead_sentence(found: Attribution) -> str:
    """Return what tracing cost, and what was traced."""
    cost = found.tracing_overhead
    took = f"{formatting.change(cost.estimate)} {formatting.interval(cost.low, cost.high)}"
    known = took if isfinite(cost.estimate) else "not known"
    return (
        f"Tracing overhead: {known} of an execution ({found.executions:,} traced executions in {found.replicas} "
        f"replicas per arm, {formatting.duration(found.seconds)}). Times of executions are measured without it."
    )
