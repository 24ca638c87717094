"""GitHub Actions for a fleet: annotations of the gates that need somebody, and a job summary in Markdown."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from perfgate.fleet.answer import FleetAnswer, GateAnswer
from perfgate.fleet.sentences import demand_sentences, level_sentence, state_sentences, told_words
from perfgate.fleet.summary import final_word
from perfgate.gate.verdict import Verdict
from perfgate.report.formats.github_syntax import SUMMARY_LIMIT, code, command, icon, plain, that_fits

_MOST_ERRORS = 10
"""GitHub shows ten errors and ten warnings of a step (actions/toolkit, problem matchers, Limitations)."""
_URGENT = (Verdict.INVALID, Verdict.FAIL)


def fleet_commands(answer: FleetAnswer) -> tuple[str, ...]:
    """Return workflow commands: an error for each gate that fails or could not be judged, a warning for all undecided.

    If there are more errors than GitHub shows, the last one names the rest.
    """
    urgent = [gate for gate in answer.gates if gate.verdict in _URGENT]
    rest = urgent[_MOST_ERRORS - 1 :] if len(urgent) > _MOST_ERRORS else []
    lines = [_error(answer, gate) for gate in urgent[: len(urgent) - len(rest)]]
    if rest:
        lines.append(command("error", f"{_where(answer)}: {len(rest)} more gates", _names(rest)))
    if undecided := answer.of(Verdict.INCONCLUSIVE):
        count = f"{len(undecided)} gate{'s' * (len(undecided) != 1)} undecided"
        lines.append(command("warning", f"{_where(answer)}: {count}", _names(undecided)))
    return tuple(lines)


def _error(answer: FleetAnswer, gate: GateAnswer) -> str:
    owner = f" ({gate.owner})" if gate.owner else ""
    return command("error", f"{_where(answer)}: {gate.gate_id}{owner}", "; ".join(told_words(gate)))


def _where(answer: FleetAnswer) -> str:
    return f"perfgate {answer.fleet}"


def _names(gates: Sequence[GateAnswer]) -> str:
    return ", ".join(gate.gate_id for gate in gates)


def fleet_summary(answer: FleetAnswer, room: int = SUMMARY_LIMIT) -> str:
    """Write Markdown of at most `room` bytes: with tables, or the verdict only, or nothing."""
    return that_fits(room, _whole(answer), _title(answer))


def _title(answer: FleetAnswer) -> str:
    word = final_word(answer)
    return f"### {icon(word)} {word.upper()} {plain(answer.fleet)}\n\n{plain(answer.headline)}\n\n"


def _whole(answer: FleetAnswer) -> str:
    open_ = [gate for gate in answer.gates if gate.verdict is not Verdict.PASS]
    passed = [gate for gate in answer.gates if gate.verdict is Verdict.PASS and gate.moved]
    parts = [
        _title(answer),
        _table("what moved, or why there is no verdict", open_, owners=any(gate.owner for gate in open_)),
        _table("what moved, and passes", passed, owners=any(gate.owner for gate in passed)),
        *(f"{plain(words)}\n\n" for words in _sentences(answer)),
        f"run again {code(shlex.join(answer.command))}\n",
    ]
    return "".join(parts)


def _sentences(answer: FleetAnswer) -> Iterator[str]:
    yield " ".join(state_sentences(answer))
    if demands := " ".join(demand_sentences(answer)):
        yield demands
    yield level_sentence(answer)


def _table(what: str, gates: Sequence[GateAnswer], *, owners: bool) -> str:
    if not gates:
        return ""
    columns = ["verdict", "gate", *(["owner"] if owners else []), what, "since"]
    lines = [_line(columns), "|---" * len(columns) + "|"]
    for gate in gates:
        owner = [plain(gate.owner)] if owners else []
        told = "<br>".join(map(plain, told_words(gate)))
        verdict = f"{icon(gate.verdict)} {gate.verdict}"
        lines.append(_line([verdict, plain(gate.gate_id), *owner, told, plain(gate.since_utc[:10])]))
    return "\n".join(lines) + "\n\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
