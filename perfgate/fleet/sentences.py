"""A fleet's answer in sentences, for the terminal and the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from perfgate import formatting
from perfgate.fleet.answer import FleetAnswer, GateAnswer, MetricMove, TotalDemand
from perfgate.fleet.summary import level_sentence
from perfgate.gate.verdict import Verdict

__all__ = [
    "continuing",
    "count_words",
    "demand_sentences",
    "level_sentence",
    "moved_words",
    "reason_of",
    "seen_words",
    "state_sentences",
    "time_sentence",
    "told_words",
]

_WORDS = {
    Verdict.FAIL: "fail",
    Verdict.INVALID: "could not be judged",
    Verdict.INCONCLUSIVE: "undecided",
    Verdict.PASS: "pass",
}
_NO_TIME_S = 0.01


def moved_words(gate: GateAnswer) -> str:
    """Return the metrics that moved, the worst first: `latency_p99_ms +12.4% [+8.1, +16.9]`; empty if none did."""
    return ", ".join(map(seen_words, gate.moved))


def reason_of(gate: GateAnswer) -> str:
    """Return what decided, or what prevents a decision; empty if metrics say it, whose intervals here are others."""
    return "" if any(move.verdict is Verdict.FAIL for move in gate.moved) else gate.headline


def told_words(gate: GateAnswer) -> Iterator[str]:
    """Yield what a line about a gate says: the reason unless it passes, what moved, and the weightiest cause."""
    reason = "" if gate.verdict is Verdict.PASS else reason_of(gate)
    yield from filter(None, (reason, moved_words(gate), *gate.causes[:1]))


def seen_words(move: MetricMove) -> str:
    """Return a metric with its change and interval: `latency_p99_ms +12.4% [+8.1, +16.9]`."""
    return f"{move.metric} {formatting.seen(move.change, move.lower, move.upper, move.metric)}"


def continuing(command: Sequence[str]) -> str:
    """Return how to continue after this command line, whose `--fresh` would begin again."""
    return f"run the same command{' without --fresh' * ('--fresh' in command)} to continue"


def count_words(gates: Sequence[GateAnswer]) -> str:
    """Return how many gates have which verdict, the most urgent first: `2 fail, 1 undecided, 47 pass`."""
    counts = Counter(gate.verdict for gate in gates)
    return ", ".join(f"{counts[verdict]} {word}" for verdict, word in _WORDS.items() if counts[verdict])


def state_sentences(answer: FleetAnswer) -> Iterator[str]:
    """Yield how many gates have which verdict, what was kept, and what it took."""
    kept = sum(bool(gate.measurements) and all(each.kept for each in gate.measurements) for gate in answer.gates)
    known = f"; {kept} unchanged since an earlier call, and not measured again" if kept else ""
    count = len(answer.gates)
    yield f"{count} gate{'s' * (count != 1)}: {count_words(answer.gates)}{known}."
    yield time_sentence(answer)


def time_sentence(answer: FleetAnswer) -> str:
    """Return where measurements ran, and how long they took."""
    again = [gate.gate_id for gate in answer.gates if any(each.attempts > 1 for each in gate.measurements)]
    lost = f" Measured again because a node was lost: {', '.join(again)}." if again else ""
    extended = sum(any(each.round_number > 1 for each in gate.measurements) for gate in answer.gates)
    more = f" {extended} undecided gate{'s' * (extended != 1)} got the time that others left." if extended else ""
    took, measured = formatting.duration(answer.seconds), formatting.duration(answer.measured_s)
    if answer.measured_s == 0:
        took = took if answer.seconds >= _NO_TIME_S else f"less than {formatting.duration(_NO_TIME_S)}"
        return f"Nothing was measured in this call, which took {took}.{more}"
    return f"Measured on {answer.engine} in {took}; the measurements took {measured} in total.{more}{lost}"


def demand_sentences(answer: FleetAnswer) -> Iterator[str]:
    """Yield the servers that all models with a demand need; nothing without a demand."""
    total = answer.total
    if total is None:
        return
    if total.candidate is None:
        yield "Servers needed: not known, because no model's capacity is."
        return
    models = f"{total.models} model{'s' * (total.models != 1)}"
    demand = f"{formatting.rate(total.demand_rps)} requests/s"
    known = {each.model_name for each in answer.demands} - set(total.left_out)
    is_compared = any(gate.compared_with for gate in answer.gates if gate.model_name in known)
    yield f"Servers needed for {demand} of {models}: {_servers(total, is_compared=is_compared)}."
    if total.change is not None:
        value, lower, upper = total.change
        change = formatting.difference(value, "servers")
        ends = formatting.difference_interval(lower, upper, "servers")
        yield f"Change from the baselines to the candidates: {change} {ends} (99% interval, by pairs of servers)."
    if total.left_out:
        yield f"Not counted, because their capacity is not known: {', '.join(total.left_out)}."


def _servers(total: TotalDemand, *, is_compared: bool) -> str:
    def words(found: tuple[float, float, float] | None) -> str:
        if found is None:
            return "not known"
        value, lower, upper = map(formatting.number, found)
        return f"{value} [{lower}, {upper}]"

    if total.baseline is None:
        of, also = ("candidates ", "; those of the baselines are not all known") if is_compared else ("", "")
        return f"{of}{words(total.candidate)} (95% interval){also}"
    return f"baselines {words(total.baseline)}, candidates {words(total.candidate)} (95% intervals)"
