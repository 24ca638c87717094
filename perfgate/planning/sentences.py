"""What the answer of `perfgate plan` says in sentences: on a terminal and on a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from math import isfinite

from perfgate.capacity.answer import CapacityAnswer
from perfgate.capacity.needs_sentences import extrapolation_sentence
from perfgate.capacity.sentences import arm_lines, capacity_sentence, told_apart
from perfgate.capacity.sentences import notes as capacity_notes
from perfgate.explain.profile import GroupTime, Profile
from perfgate.formatting import change, ends, quantity, rate, share, with_unit
from perfgate.gate.verdict import Verdict
from perfgate.planning.answer import CoresNeeded, PlanAnswer, Promise
from perfgate.planning.objective_sentences import objective_sentence, verdict_sentence, verdict_words
from perfgate.planning.scale_sentences import scale_sentences, short_words

UNSEEN = "What random weights cannot show"
"""Heading of what the answer cannot know."""
_MOST_DIMENSIONS = 8
_MEBIBYTE = 1 << 20


def summary_lines(answer: PlanAnswer) -> tuple[str, ...]:
    """Return everything that was found, in reading order."""
    return (
        *filter(None, (interrupted_sentence(answer),)),
        *map(objective_sentence, answer.objectives),
        *scale_sentences(answer.scale),
        *filter(None, (dominant_sentence(answer.profile),)),
        *promise_sentences(answer.promises, answer.profile),
        *capacity_lines(answer),
        *needed_sentences(answer.needed),
    )


def interrupted_sentence(answer: PlanAnswer) -> str:
    """Return that the measurement was interrupted; empty if it was not."""
    return "" if answer.complete else "Interrupted: this is what was known by then."


def sketch_sentence(answer: PlanAnswer) -> str:
    """Return what was built: `ranker.toml: 868,353 parameters, 3.42 MiB; layers.depth=3, layers.width=512`."""
    sketch = answer.sketch
    shown = [f"{name}={value:,}" for name, value in sketch.dimensions.items()][:_MOST_DIMENSIONS]
    rest = len(sketch.dimensions) - len(shown)
    dimensions = ", ".join((*shown, *([f"{rest:,} more"] if rest else [])))
    size = f"{built_words(answer)}: {sketch.parameters:,} parameters, {with_unit(sketch.size_mb, 'MiB')}"
    return f"{size}{f'; {dimensions}' if dimensions else ''}."


def built_words(answer: PlanAnswer) -> str:
    """Return the sketch and, after a search, which of its sizes is shown."""
    if answer.scale is None or answer.objectives:
        return answer.sketch.given
    held = any(each.holds is not None for each in answer.scale.limits)
    return f"{answer.sketch.given}, {'the largest that is proven to hold' if held else 'the smallest that was tried'}"


def dominant_sentence(profile: Profile | None) -> str:
    """Return what takes most of an execution; empty if that was not measured."""
    if profile is None or not profile.execute_ms > 0:
        return ""
    whole = f"an execution of {with_unit(profile.execute_ms, 'ms')}"
    types, layers = profile.by_type[:1], profile.by_layer[:1]
    rest = share(profile.rest_ms / profile.execute_ms)
    if not types or profile.rest_ms > types[0].ms:
        return f"{rest} of {whole} is outside of operations{_most(', ', types, profile)}{_most('; ', layers, profile)}."
    return f"{_most('', types, profile)} of {whole}{_most('; of the layers, ', layers, profile)}."


def _most(before: str, groups: Sequence[GroupTime], profile: Profile) -> str:
    """Return the share of the first group: `MatMul takes 71%`; empty if there is none."""
    return "".join(f"{before}{each.name} takes {share(each.ms / profile.execute_ms)}" for each in groups)


def tracing_sentence(profile: Profile) -> str:
    """Return what was timed, and what timing cost."""
    cost = change(profile.tracing_overhead) if isfinite(profile.tracing_overhead) else "not known"
    return (
        f"Tracing overhead: {cost} of an execution ({profile.executions:,} traced executions of "
        f"{profile.op_count:,} operations in {servers_words(profile.replicas)}). Times of executions are measured "
        "without it."
    )


def promise_sentences(promises: Sequence[Promise], profile: Profile | None) -> tuple[str, ...]:
    """Return the memory and the start of one server."""
    known = {each.metric: _promised(each) for each in promises if isfinite(each.value)}
    peak = profile.peak_bytes / _MEBIBYTE if profile else 0.0
    memory = (
        f"a server takes {known['rss_peak_mb']}" if "rss_peak_mb" in known else "",
        f"the tensors of an execution {with_unit(peak, 'MiB')} at their peak" if peak else "",
        f"the model's files {known['model_size_mb']}" if "model_size_mb" in known else "",
    )
    start = (
        f"the model is served after {known['load_time_s']}" if "load_time_s" in known else "",
        f"its first request is answered after {known['cold_start_s']}" if "cold_start_s" in known else "",
    )
    each = (("Memory", memory), ("Start", start))
    return tuple(f"{word}: {', '.join(filter(None, parts))}." for word, parts in each if any(parts))


def _promised(promise: Promise) -> str:
    if promise.lower == promise.upper:
        return quantity(promise.value, promise.metric)
    known = ends(promise.lower, promise.upper, promise.metric)
    return f"{quantity(promise.value, promise.metric)}{f' {known} (95%)' if known else ''}"


def named_capacity(answer: PlanAnswer) -> CapacityAnswer | None:
    """Return the capacity, of a model that is called like the sketch; None if it was not measured."""
    found = answer.capacity
    return found and replace(found, arms=tuple(replace(arm, model=answer.sketch.given) for arm in found.arms))


def capacity_lines(answer: PlanAnswer) -> tuple[str, ...]:
    """Return what one server carries, and what limits it; empty if that was not measured."""
    found = named_capacity(answer)
    if found is None:
        return ()
    lines = ((f"Capacity of {capacity_sentence(arm, found.objectives)}.", *arm_lines(arm, found.objectives))
             for arm in told_apart(found))  # fmt: skip
    return tuple(chain.from_iterable(lines))


def needed_sentences(needed: CoresNeeded | None) -> tuple[str, ...]:
    """Return the servers that hold the objectives at the scenario's rate, and what several extrapolate from.

    Empty if the scenario has no rate.
    """
    if needed is None:
        return ()
    several = needed.servers is not None and needed.servers > 1
    return _needed(needed), *((extrapolation_sentence(needed.cores),) if several else ())


def _needed(needed: CoresNeeded) -> str:
    demand = f"{rate(needed.rate_rps)} requests/s"
    least = needed.servers_at_upper
    if needed.servers is None:
        fewer = "" if least is None else f"; fewer than {least:,} do not suffice"
        return f"How many servers hold the objectives at {demand} is not known{fewer}."
    of = "1 CPU" if needed.cores == 1 else f"{needed.cores:,} CPUs"
    total = needed.servers * needed.cores
    cpus = f" ({total:,} CPUs)" if needed.servers > 1 else ""
    return f"To hold the objectives at {demand}, plan {servers_words(needed.servers)} of {of}{cpus}{_between(needed)}."


def _between(needed: CoresNeeded) -> str:
    """Return which numbers the capacity's interval allows."""
    named = ((needed.servers_at_estimate, "by the estimate"), (needed.servers_at_upper, "by the upper end"))
    known = [(count, word) for count, word in named if count is not None]
    if not known:
        return ""
    if {count for count, _ in known} == {needed.servers}:
        return ": the same by either end of the capacity's interval" if needed.servers_at_upper is not None else ""
    others = ", ".join(f"{count:,} {word}" for count, word in known)
    return f": by the lower end of the capacity's interval ({others})"


def all_notes(answer: PlanAnswer) -> tuple[str, ...]:
    """Return what weakens the answer, that about the capacity first, each once."""
    found = named_capacity(answer)
    return tuple(dict.fromkeys((*(capacity_notes(found) if found else ()), *answer.notes)))


def servers_words(count: int) -> str:
    """Return a number of servers: `1 server`, `3 servers`."""
    return "1 server" if count == 1 else f"{count:,} servers"


def final_words(answer: PlanAnswer) -> str:
    """Return the final line without the page: `PASS ranker.toml holds: latency_p99_ms 4.10 ms <= 10 ms`."""
    word = answer.verdict.value.upper() if answer.complete else "INTERRUPTED"
    found = "; ".join(filter(None, (_decisive(answer), *_besides(answer))))
    return f"{word} {found}"


def _decisive(answer: PlanAnswer) -> str:
    """Return what decided; after a search, how large it may become, or why nothing could be judged."""
    given = answer.sketch.given
    if answer.scale and not answer.objectives:
        return f"{given}: {short_words(answer.scale)}"
    if answer.complete and answer.verdict is Verdict.INVALID and answer.notes:
        return f"{given}: {answer.notes[0].rstrip('. ')}"
    return verdict_words(answer.verdict, given, answer.objectives)


def _besides(answer: PlanAnswer) -> Iterator[str]:
    """Yield how large it may become, unless that decided, and the servers it needs."""
    if answer.objectives:
        yield short_words(answer.scale)
    if answer.needed is not None and answer.needed.servers is not None:
        yield f"{servers_words(answer.needed.servers)} for {rate(answer.needed.rate_rps)}/s"


def finding_sentences(answer: PlanAnswer) -> tuple[str, ...]:
    """Return the finding in one sentence, then how large it may become and the servers that it needs, if not said."""
    name = f"{answer.sketch.given}, untrained,"
    limits = scale_sentences(answer.scale)
    if len(limits) > 1:
        limits = (f"{short_words(answer.scale)}.",)
    verdict = () if limits and not answer.objectives else (verdict_sentence(answer.verdict, name, answer.objectives),)
    return (*verdict, *limits, *needed_sentences(answer.needed)[:1])
