"""What was ever found of each gate: one line of JSON a measurement, only ever appended to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from perfgate.fleet.answer import GateAnswer
from perfgate.whole_file import naming

FILE_NAME = "history.jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """One measurement of one gate."""

    utc: str
    """When the measurement ended."""
    gate_id: str
    verdict: str
    candidate: str
    """Digest of the candidate."""
    baseline: str
    """Digest of the baseline; empty if nothing was compared."""
    moved: dict[str, tuple[float, float, float]]
    """Metrics that moved: change, lower and upper end."""


def missing(entries: Iterable[Entry], gates: Iterable[GateAnswer]) -> Iterator[Entry]:
    """Yield the entries that the history does not have: of new measurements, and of calls that were killed."""
    known = {(each.gate_id, each.utc) for each in entries}
    for gate in gates:
        if gate.shown is not None and (gate.gate_id, gate.shown.ended_utc) not in known:
            yield entry_of(gate, gate.shown.ended_utc)


def entry_of(gate: GateAnswer, utc: str) -> Entry:
    """Describe a gate in the history, by a measurement that ended then."""
    moved = {move.metric: (move.change, move.lower, move.upper) for move in gate.moved}
    digests = gate.digests
    return Entry(utc, gate.gate_id, gate.verdict, digests.get("candidate", ""), digests.get("baseline", ""), moved)


def read_history(out: Path) -> tuple[Entry, ...]:
    """Read all entries, oldest first; a line that a killed process left incomplete is ignored."""
    found = []
    with suppress(FileNotFoundError):
        for line in (out / FILE_NAME).read_bytes().splitlines():
            with suppress(ValueError, TypeError, AttributeError, RecursionError):
                found.append(_entry(**json.loads(line)))
    return tuple(sorted(found, key=lambda each: each.utc))


def _entry(moved: dict[str, list[float]], **words: str) -> Entry:
    """Return an entry of the file; TypeError or ValueError if it is none."""
    changes = {metric: (float(change), float(lower), float(upper)) for metric, (change, lower, upper) in moved.items()}
    return Entry(moved=changes, **{name: str(value) for name, value in words.items()})


def append_history(out: Path, entries: Iterable[Entry]) -> None:
    """Append entries; the first begins on a new line, whatever a killed process left."""
    lines = "".join(json.dumps(asdict(each)) + "\n" for each in entries)
    if lines:
        with naming(out / FILE_NAME), (out / FILE_NAME).open("a+", encoding="utf-8") as file:
            file.seek(0, 2)
            if file.tell():
                file.seek(file.tell() - 1)
                lines = lines if file.read(1) == "\n" else "\n" + lines
            file.write(lines)


def since(entries: Iterable[Entry], gate: GateAnswer) -> str:
    """Return since when the gate has had this verdict and the same metrics moved in the same direction.

    Empty if nothing moved: that has no beginning.
    """
    if not gate.moved or gate.shown is None:
        return ""
    began, now = gate.shown.ended_utc, _state(entry_of(gate, ""))
    before = [each for each in entries if each.gate_id == gate.gate_id and each.utc < began]
    for entry in sorted(before, key=lambda each: each.utc, reverse=True):
        if _state(entry) != now:
            break
        began = entry.utc
    return began


def _state(entry: Entry) -> tuple[str, frozenset[tuple[str, bool]]]:
    return entry.verdict, frozenset((metric, values[0] > 0) for metric, values in entry.moved.items())
