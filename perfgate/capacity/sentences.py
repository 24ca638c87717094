"""What an answer about capacities says in sentences: on a terminal, on a page, and in a CI job's summary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import isfinite

from perfgate.capacity.answer import ArmCapacity, Bound, CapacityAnswer, CapacityChange, CapacityKind, Point, RateStatus
from perfgate.capacity.needs_sentences import needs_sentences
from perfgate.capacity.tuning_words import short_words
from perfgate.formatting import bound, change, given, interval, limit, rate, share
from perfgate.gate.verdict import Verdict
from perfgate.trials import Arm

METRIC = "capacity_rps"
"""The capacity in the table of metrics."""
_BATCHING = "server.batching.batch_timeout_micros"
_WAITING = 0.5
"""Share of the response time in a queue from which waiting for a batch explains a slow response at low load."""
_MANY_MISSES = 100
"""Requests that may miss an objective, from which it is not their number that leaves it open."""
LITTLE = 0.1
"""Deviation from Little's law above which a point is marked."""
_RELATIONS = {Verdict.PASS: ">=", Verdict.FAIL: "<"}


def summary_lines(answer: CapacityAnswer) -> tuple[str, ...]:
    """Return everything in reading order: capacities, the change, what each version showed, servers needed."""
    arms = told_apart(answer)
    each = (line for arm in arms for line in arm_lines(arm, answer.objectives))
    return (*first_lines(answer), *each, *needs_sentences(answer, arms))


def first_lines(answer: CapacityAnswer) -> tuple[str, ...]:
    """Return what was asked for: the capacities, and the change."""
    capacities = (f"{capacity_sentence(arm, answer.objectives)}." for arm in told_apart(answer))
    return tuple(filter(None, (interrupted_sentence(answer), *capacities, change_sentence(answer))))


def told_apart(answer: CapacityAnswer) -> tuple[ArmCapacity, ...]:
    """Return the versions, each with a name of its own: that of its model, with its side if both have the same."""
    if len({arm.model for arm in answer.arms}) == len(answer.arms):
        return answer.arms
    return tuple(replace(arm, model=f"{arm.model} ({arm.arm.value})") for arm in answer.arms)


def interrupted_sentence(answer: CapacityAnswer) -> str:
    """Return that the measurement was interrupted; empty if it was not."""
    turns = "1 turn" if answer.turns == 1 else f"{answer.turns:,} turns"
    return "" if answer.complete else f"Interrupted: this is what was known after {turns}."


def arm_lines(arm: ArmCapacity, objectives: Sequence[Bound]) -> tuple[str, ...]:
    """Return what one version showed: rates at which it holds and breaks, and what limits it."""
    found = (tested_sentence(arm), low_load_sentence(arm, objectives))
    return tuple(filter(None, (*(f"{arm.model} {words}." for words in found if words), limit_sentence(arm))))


def capacity_sentence(arm: ArmCapacity, objectives: Sequence[Bound]) -> str:
    """Return what is known of a capacity, without a full stop: `v2: 412 requests/s [398, 425] (95%); ...`."""
    return f"{arm.model}: {_KINDS[_kind(arm)](arm, objectives)}"


def _kind(arm: ArmCapacity) -> CapacityKind:
    """Return what is known; nothing, whatever the answer says, if it was interrupted before the first request."""
    return arm.kind if arm.points or arm.kind is CapacityKind.GENERATOR else CapacityKind.OPEN


def _estimated(arm: ArmCapacity, objectives: Sequence[Bound]) -> str:
    first = f"; {_bound_of(arm.objective, objectives)} breaks first" if arm.objective else ""
    return f"{rate(arm.rate_rps)} requests/s{_interval(arm)}{first}"


def _interval(arm: ArmCapacity) -> str:
    if arm.lower_rps > 0 and isfinite(arm.upper_rps):
        return f" {_ends(arm)} (95%)"
    return f", {_one_end(arm)} (95%)" if _one_end(arm) else ", without an interval"


def _one_end(arm: ArmCapacity) -> str:
    """Return the end of a one-sided interval; empty if it has none."""
    if arm.lower_rps > 0:
        return f"at least {rate(arm.lower_rps)}/s"
    return f"at most {rate(arm.upper_rps)}/s" if isfinite(arm.upper_rps) else ""


def _above(arm: ArmCapacity, _: Sequence[Bound]) -> str:
    return f"above {rate(arm.rate_rps)} requests/s, the highest rate that was tried"


def _below(arm: ArmCapacity, objectives: Sequence[Bound]) -> str:
    missed = _bound_of(arm.objective, objectives) if arm.objective else "an objective"
    return f"no rate holds: {missed} is missed already at {rate(arm.rate_rps)} requests/s"


def _generator(arm: ArmCapacity, _: Sequence[Bound]) -> str:
    return f"the load generator is the limit at {rate(arm.rate_rps)} requests/s: the capacity is not known"


def _open(arm: ArmCapacity, objectives: Sequence[Bound]) -> str:
    bounds = [each for each in objectives if each.metric == arm.objective] or objectives
    strictest = min(bounds, key=lambda each: (each.bound_ms is None, each.share), default=None)
    ends = f"; {_ends(arm).strip('()')} (95%)" if _ends(arm) else ""
    return f"not known: {_undecided_by(sum(point.requests for point in arm.points), strictest)}{ends}"


def _undecided_by(requests: int, strictest: Bound | None) -> str:
    if not requests:
        return "no requests were recorded"
    if strictest is None or requests * strictest.share > _MANY_MISSES:
        return f"{requests:,} requests did not decide it"
    percentile = given(round(100 * (1 - strictest.share), 6))
    what = (
        f"an error_rate of {share(strictest.share)}" if strictest.bound_ms is None else f"a {percentile}th percentile"
    )
    return f"{'1 request is' if requests == 1 else f'{requests:,} requests are'} too few for {what}"


_KINDS = {
    CapacityKind.ESTIMATED: _estimated,
    CapacityKind.ABOVE: _above,
    CapacityKind.BELOW: _below,
    CapacityKind.GENERATOR: _generator,
    CapacityKind.OPEN: _open,
}


def bound_words(objective: Bound) -> str:
    """Return an objective: `latency_p99_ms at most 20 ms`, `error_rate at most 0.1%`."""
    most = objective.share if objective.bound_ms is None else objective.bound_ms
    return f"{objective.metric} at most {bound(most, objective.metric)}"


def _bound_of(metric: str, objectives: Iterable[Bound]) -> str:
    return next((bound_words(each) for each in objectives if each.metric == metric), metric)


def tested_sentence(arm: ArmCapacity) -> str:
    """Return the rates at which it was proven to hold and to break; without a subject, empty if neither was."""
    holds = f"holds at {rate(arm.holds_rps)} requests/s" if isfinite(arm.holds_rps) else ""
    breaks = f"breaks at {rate(arm.breaks_rps)} requests/s" if isfinite(arm.breaks_rps) else ""
    both = " and ".join(filter(None, (holds, breaks)))
    which = "these rates" if holds and breaks else "this rate"
    return f"{both} (tested on turns that did not choose {which})" if both else ""


def low_load_sentence(arm: ArmCapacity, objectives: Sequence[Bound]) -> str:
    """Return that it breaks at low load, and why if that is known; without a subject, empty if it does not."""
    if not isfinite(arm.breaks_low_rps):
        return ""
    where = f"breaks at low load: at {rate(arm.breaks_low_rps)} requests/s"
    point = next((each for each in arm.points if each.rate_rps == arm.breaks_low_rps), None)
    missed = _most_missed(point, objectives) if point else None
    if point is None or missed is None:
        return f"{where} an objective is missed"
    waits = point.batch_size >= 1 and point.queue_share > _WAITING
    why = f": batches wait for more requests ({_BATCHING})" if waits else ""
    return f"{where} {missed} is missed by {share(point.missed[missed])} of requests{why}"


def _most_missed(point: Point, objectives: Iterable[Bound]) -> str | None:
    """Return the objective that is missed by the most requests, relative to those that may."""
    excess = {each.metric: point.missed.get(each.metric, 0.0) / max(each.share, 1e-9) for each in objectives}
    return max(excess, key=lambda metric: excess[metric]) if excess and max(excess.values()) > 0 else None


def limit_sentence(arm: ArmCapacity) -> str:
    """Return what keeps it from carrying more; empty if that is not known."""
    return f"Limit of {arm.model}: {arm.limit.sentence.rstrip('. ')}." if arm.limit.sentence else ""


def change_sentence(answer: CapacityAnswer) -> str:
    """Return the change of the capacity and what the gate says to it; empty with one version."""
    if len(answer.arms) < len(Arm):
        return ""
    if answer.change is None:
        unknown = [arm.model for arm in told_apart(answer) if arm.kind is not CapacityKind.ESTIMATED]
        why = f": {' and '.join(unknown)} {'has' if len(unknown) == 1 else 'have'} no estimate" if unknown else ""
        return f"The change of the capacity is not known{why}."
    subject = "Capacity" if answer.change.differs else "No difference shown:"
    return f"{subject} {_seen(answer.change)} (99%), {_judged(answer.change)}."


def _seen(found: CapacityChange) -> str:
    return f"{change(found.change)} {interval(found.lower, found.upper)}"


def _judged(found: CapacityChange) -> str:
    tolerance = f"the accepted decline of {_limit(found).removeprefix('-')}"
    if found.verdict is Verdict.PASS:
        return f"within {tolerance}"
    if found.verdict is Verdict.FAIL:
        return f"beyond {tolerance}"
    if found.verdict is Verdict.INVALID:
        return "which cannot be judged"
    return f"which {_undecided(found)} {tolerance}"


def _undecided(found: CapacityChange) -> str:
    least = 1 / (1 + found.tolerance) - 1
    both = not found.lower > least and not found.upper < least
    return "is on both sides of" if both else "is not certain enough for"


def final_words(answer: CapacityAnswer) -> str:
    """Return the final line without the page: `FAIL capacity_rps -16.1% [-18.9, -13.2] < -4.76%; ...`."""
    arms = told_apart(answer)
    verdict = answer.verdict
    word = "INTERRUPTED" if not answer.complete else verdict.value.upper() if verdict else "CAPACITY"
    each = ", ".join(f"{arm.model} {_short(arm)}" for arm in reversed(arms)) or "nothing was measured"
    if verdict is None:
        tuned = short_words(answer.tuning) if answer.tuning else ""
        return f"{word} {each}{f'; {tuned}' if tuned else ''}"
    if answer.change is None:
        return f"{word} {METRIC}: {each}"
    before, after = (_bare(arm) for arm in arms)
    return f"{word} {METRIC} {_seen(answer.change)}{_against(answer.change)}; {after} instead of {before}"


def _against(found: CapacityChange) -> str:
    if found.verdict is Verdict.INVALID:
        return ""
    return f" {_RELATIONS.get(found.verdict) or _undecided(found)} {_limit(found)}"


def _limit(found: CapacityChange) -> str:
    """Return the decline that the gate accepts, as that of other metrics of which more is better: `-4.76%`."""
    return limit(found.tolerance, METRIC)


def _bare(arm: ArmCapacity) -> str:
    """Return a capacity beside a change, which has the interval."""
    return f"{rate(arm.rate_rps)}/s" if _kind(arm) is CapacityKind.ESTIMATED else _short(arm)


def _short(arm: ArmCapacity) -> str:
    """Return a capacity in a few words: `412/s [398, 425]`, `above 1,250/s`."""
    shown, kind = f"{rate(arm.rate_rps)}/s", _kind(arm)
    if kind is CapacityKind.GENERATOR:
        return f"not known (the load generator is the limit at {shown})"
    if kind in {CapacityKind.ABOVE, CapacityKind.BELOW}:
        return f"{kind.value} {shown}"
    known = shown if kind is CapacityKind.ESTIMATED else "not known"
    return f"{known} {_ends(arm)}".rstrip()


def _ends(arm: ArmCapacity) -> str:
    if arm.lower_rps > 0 and isfinite(arm.upper_rps):
        return f"[{rate(arm.lower_rps)}, {rate(arm.upper_rps)}]"
    return f"({_one_end(arm)})" if _one_end(arm) else ""


def notes(answer: CapacityAnswer) -> tuple[str, ...]:
    """Return what weakens the answer, and what perfgate assumed."""
    return (*_assumed(answer.objectives), *_unsteady(answer), *answer.notes)


def _assumed(objectives: Sequence[Bound]) -> Iterator[str]:
    found = [bound_words(each) for each in objectives if not each.stated]
    if found:
        yield f"The scenario does not state {' and '.join(found)}: perfgate assumed it."
    if any(each.bound_ms and not each.stated for each in objectives):
        yield "That is ten times the median without load: set [objectives.latency_p99_ms] max to what you need."


def _unsteady(answer: CapacityAnswer) -> Iterator[str]:
    """Yield where Little's law does not fit although the server keeps up: times or counts are wrong there."""
    for arm in told_apart(answer):
        off = [rate(each.rate_rps) for each in arm.points if breaks_little(each) and each.status is RateStatus.HOLDS]
        if off:
            yield (
                f"{arm.model} at {', '.join(off)} requests/s: requests in flight differ by more than "
                f"{share(LITTLE)} from the achieved rate times the response time (Little's law)."
            )


def breaks_little(point: Point) -> bool:
    """Return whether requests in flight do not fit the achieved rate and the response time."""
    return abs(point.little - 1) > LITTLE
