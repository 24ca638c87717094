"""What is said about objectives, and the verdict on all of them: of an untrained model, and of a trained one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import isfinite

from perfgate.formatting import bound, measured, quantity, share
from perfgate.gate.verdict import Verdict
from perfgate.planning.answer import ObjectiveAnswer, ObjectiveStatus

_STATUS = {
    Verdict.PASS: ObjectiveStatus.HOLDS,
    Verdict.FAIL: ObjectiveStatus.BREAKS,
    Verdict.INCONCLUSIVE: ObjectiveStatus.OPEN,
}


def objective_sentence(objective: ObjectiveAnswer) -> str:
    """Return whether an objective holds, and by how much, or what would decide it."""
    return f"{objective.metric} {_CLAUSES[objective.status](objective)}{_warn_only(objective)}."


def _warn_only(objective: ObjectiveAnswer) -> str:
    return " (warn-only)" if objective.warns else ""


def limit_words(objective: ObjectiveAnswer) -> str:
    """Return what is required: `at most 10 ms`."""
    most = "at most" if objective.is_maximum else "at least"
    return f"{most} {bound(objective.bound, objective.metric)}"


def value_words(objective: ObjectiveAnswer) -> str:
    """Return the value and its interval: `4.10 ms [3.80, 4.60]`."""
    return measured(objective.value, objective.lower, objective.upper, objective.metric)


def margin_words(objective: ObjectiveAnswer) -> str:
    """Return how far it is from the bound: `59% left (54% to 62%)`, `42% beyond (29% to 58%)`; empty if unknown."""
    if objective.status is ObjectiveStatus.OPEN or not isfinite(objective.margin):
        return ""
    word = "left" if objective.status is ObjectiveStatus.HOLDS else "beyond"
    low, high = sorted(map(abs, objective.margins))
    between = f" ({share(low)} to {share(high)})" if isfinite(high) else f" (at least {share(low)})"
    one_sided = objective.by_capacity or not isfinite(low)
    return f"{share(abs(objective.margin))} {word}{'' if one_sided else between}"


def _decided(objective: ObjectiveAnswer) -> str:
    how = ", by the capacity (the test of this load alone is open)" if objective.by_capacity else ""
    said = f"{objective.status.value}{how}: {value_words(objective)}, {limit_words(objective)}"
    return "; ".join(filter(None, (said, margin_words(objective))))


def _open(objective: ObjectiveAnswer) -> str:
    more = f"; {objective.more.rstrip('. ')}" if objective.more else ""
    if not isfinite(objective.value):
        return f"is open: no usable data{more}"
    return f"is open: {_undecided(objective)}{more}"


def _undecided(objective: ObjectiveAnswer) -> str:
    return f"{value_words(objective)} is not clearly on either side of {bound(objective.bound, objective.metric)}"


_CLAUSES = {ObjectiveStatus.HOLDS: _decided, ObjectiveStatus.BREAKS: _decided, ObjectiveStatus.OPEN: _open}


def verdict_words(verdict: Verdict, name: str, objectives: Sequence[ObjectiveAnswer]) -> str:
    """Return what decided: the worst objective first, then those with the same status, then missed warnings."""
    status = _STATUS.get(verdict)
    found = _with_status(objectives, status)
    after = "".join(_asides(objectives))
    if status is None or not found:
        return f"{name}: {_why_none(objectives)}{after}"
    first, *others = map(against_bound, found)
    also = f" (also {', '.join(others)})" if others and status is ObjectiveStatus.BREAKS else ""
    return f"{name} {'is ' if status is ObjectiveStatus.OPEN else ''}{status.value}: {first}{also}{after}"


def _asides(objectives: Sequence[ObjectiveAnswer]) -> Iterator[str]:
    """Yield what the capacity decided, and missed warnings."""
    if decided := [each.metric for each in objectives if each.by_capacity]:
        yield f"; by the capacity: {', '.join(decided)}"
    if missed := [against_bound(each) for each in objectives if each.warns and each.status is ObjectiveStatus.BREAKS]:
        yield f"; warning: {', '.join(missed)}"


def _why_none(objectives: Sequence[ObjectiveAnswer]) -> str:
    if not objectives:
        return "no objective was judged"
    warns = all(each.warns for each in objectives)
    return "every objective is warn-only" if warns else "its objectives could not be judged"


def verdict_sentence(verdict: Verdict, name: str, objectives: Sequence[ObjectiveAnswer]) -> str:
    """Return the finding in one sentence, with its most important number."""
    status = _STATUS.get(verdict)
    found = _with_status(objectives, status)
    if status is None:
        return f"The measurement is not valid, so {name} was not judged."
    if not found:
        return f"No objective of {name} counts."
    first = found[0]
    if status is ObjectiveStatus.OPEN:
        return f"The data does not show whether {name} holds its objective for {first.metric}."
    what = "holds its objectives" if status is ObjectiveStatus.HOLDS else "breaks an objective"
    return f"{name} {what}: {first.metric} is {value_words(first)} and must be {limit_words(first)}."


def _with_status(objectives: Iterable[ObjectiveAnswer], status: ObjectiveStatus | None) -> list[ObjectiveAnswer]:
    """Return those that count, the one that is nearest to its bound or furthest beyond it first."""
    return sorted((each for each in objectives if not each.warns and each.status is status), key=_least_margin)


def _least_margin(objective: ObjectiveAnswer) -> float:
    return objective.margin if isfinite(objective.margin) else 0.0


def against_bound(objective: ObjectiveAnswer) -> str:
    """Return an objective's value against its bound: `latency_p99_ms 4.10 ms <= 10 ms`."""
    if objective.status is ObjectiveStatus.OPEN:
        known = _undecided(objective) if isfinite(objective.value) else "has no usable data"
        return f"{objective.metric} {known}"
    holds = objective.status is ObjectiveStatus.HOLDS
    relation = ("<=" if holds else ">") if objective.is_maximum else (">=" if holds else "<")
    value = quantity(objective.value, objective.metric)
    return f"{objective.metric} {value} {relation} {bound(objective.bound, objective.metric)}"
