"""The verdict on a whole fleet, in words."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from perfgate.errors import ExitCode
from perfgate.fleet.answer import FleetAnswer, GateAnswer
from perfgate.fleet.moved_models import worst
from perfgate.fleet.schema import Correction, Family
from perfgate.formatting import seen, share
from perfgate.gate.verdict import EXIT_CODES, URGENCY, Verdict

WORST_FIRST = (Verdict.INVALID, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)
_MOST_NAMED = 3


def verdict_of(gates: Sequence[GateAnswer]) -> Verdict:
    """Return the verdict on the fleet: that of its worst gate."""
    return next(verdict for verdict in WORST_FIRST if any(gate.verdict is verdict for gate in gates))


def final_word(answer: FleetAnswer) -> str:
    """Return the word of the final line and the page: the verdict, or `incomplete` if more gates may fail."""
    decided = answer.complete or answer.verdict in {Verdict.FAIL, Verdict.INVALID}
    return answer.verdict.value if decided else "incomplete"


def headline_of(gates: Sequence[GateAnswer], verdict: Verdict) -> str:
    """Return which gates decided, the worst first: `2 of 50 gates fail: ranker--bursty latency_p99_ms +12.4% …`."""
    found, alone = [gate for gate in gates if gate.verdict is verdict], len(gates) == 1
    some = "the gate" if alone else f"{len(found)} of {len(gates)} gates"
    what = {
        Verdict.PASS: "the gate passes" if alone else f"all {len(gates)} gates pass",
        Verdict.FAIL: f"{some} {'fails' if alone else 'fail'}",
        Verdict.INVALID: f"{some} could not be judged",
        Verdict.INCONCLUSIVE: f"{some} {'is' if alone else 'are'} undecided",
    }[verdict]
    if verdict is Verdict.PASS:
        return what
    briefly = gates[0].headline if alone and verdict is Verdict.INCONCLUSIVE else ""
    named = "; ".join(f"{gate.gate_id} {_briefly(gate) or briefly}".rstrip() for gate in found[:_MOST_NAMED])
    more = f" (and {len(found) - _MOST_NAMED} more)" if len(found) > _MOST_NAMED else ""
    failing = sum(gate.verdict is Verdict.FAIL for gate in gates)
    also = f"; {failing} fail{'s' * (failing == 1)}" if verdict is Verdict.INVALID and failing else ""
    return f"{what}: {named}{more}{also}"


def _briefly(gate: GateAnswer) -> str:
    """Return the worst metric of those that fail; without any, what decided; nothing of what more time decides."""
    move = worst(gate)
    if gate.verdict is Verdict.INCONCLUSIVE and gate.moves:
        return ""
    if gate.verdict is not Verdict.FAIL or move is None or move.verdict is not Verdict.FAIL:
        return gate.headline
    return f"{move.metric} {seen(move.change, move.lower, move.upper, move.metric)}"


def level_sentence(answer: FleetAnswer) -> str:
    """Return what the error level covers."""
    alpha, count = share(answer.alpha), len(answer.gates)
    parts = "two rounds of measuring included" if answer.rounds > 1 else "in one round of measuring"
    if answer.family is Family.GATE or count == 1:
        alarm = f"At most {alpha} of measurements of a gate raise a false alarm, {parts}"
        fleets = share(1 - (1 - answer.alpha) ** count)
        return (
            f"{alarm}: with {count} gates that do not differ, up to {fleets} of fleets." if count > 1 else f"{alarm}."
        )
    if answer.correction is Correction.HOLM:
        return (
            f"At most {alpha} of fleets raise any false alarm, over all {count} gates and their gated metrics and "
            f"objectives, {parts} (Holm)."
        )
    return (
        f"At most {alpha} of the gates that fail do so falsely, on average over fleets, {parts} (Benjamini and "
        f"Hochberg, over {count} gates). A fleet may have a false alarm among many true ones."
    )


def exit_code_of(answer: FleetAnswer, on_inconclusive: str, *, interrupted: bool) -> ExitCode:
    """Return the exit code of the command; a gate that was not measured never passes."""
    if interrupted:
        return ExitCode.INTERRUPTED
    are_measured = all(gate.shown is not None for gate in answer.of(Verdict.INCONCLUSIVE))
    if answer.verdict is Verdict.INCONCLUSIVE and on_inconclusive == "pass" and are_measured:
        return ExitCode.PASS
    return EXIT_CODES[answer.verdict]


def sorted_gates(gates: Sequence[GateAnswer]) -> tuple[GateAnswer, ...]:
    """Return the gates, the most urgent first: by verdict, then by how far the worst metric moved, then by name."""

    def place(gate: GateAnswer) -> tuple[int, float, str]:
        known = (move.worse_by for move in gate.moves if not isnan(move.worse_by))
        return URGENCY.index(gate.verdict), -max(known, default=0.0), gate.gate_id

    return tuple(sorted(gates, key=place))
