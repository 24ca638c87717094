"""What every call of the command found of each gate: one line of JSON a measurement, only ever appended to."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from perfgate.fleet.answer import GateAnswer

FILE_NAME = "history.jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """One gate in one call that measured it."""

    utc: str
    gate_id: str
    verdict: str
    candidate: str
    """Digest of the candidate."""
    baseline: str
    """Digest of the baseline; empty if nothing was compared."""
    moved: dict[str, tuple[float, float, float]]
    """Metrics that moved: change, lower and upper end."""


def entry_of(gate: GateAnswer, utc: str) -> Entry:
    """Describe a gate in the history."""
    moved = {move.metric: (move.change, move.lower, move.upper) for move in gate.moved}
    digests = gate.digests
    return Entry(utc, gate.gate_id, gate.verdict, digests.get("candidate", ""), digests.get("baseline", ""), moved)


def read_history(out: Path) -> tuple[Entry, ...]:
    """Read all entries, oldest first; a line that a killed process left incomplete is ignored."""
    found = []
    with suppress(FileNotFoundError):
        for line in (out / FILE_NAME).read_text(encoding="utf-8").splitlines():
            with suppress(ValueError, TypeError, AttributeError):
                found.append(_entry(**json.loads(line)))
    return tuple(found)


def _entry(moved: dict[str, list[float]], **words: str) -> Entry:
    """Return an entry of the file; TypeError or ValueError if it is none."""
    changes = {metric: (float(change), float(lower), float(upper)) for metric, (change, lower, upper) in moved.items()}
    return Entry(moved=changes, **{name: str(value) for name, value in words.items()})


def append_history(out: Path, entries: Iterable[Entry]) -> None:
    """Append entries; the first begins on a new line, whatever a killed process left."""
    lines = "".join(json.dumps(asdict(each)) + "\n" for each in entries)
    if lines:
        with (out / FILE_NAME).open("a+", encoding="utf-8") as file:
            file.seek(0, 2)
            if file.tell():
                file.seek(file.tell() - 1)
                lines = lines if file.read(1) == "\n" else "\n" + lines
            file.write(lines)


def since(entries: Iterable[Entry], gate: GateAnswer) -> str:
    """Return since when the gate has had this verdict and the same metrics moved in the same direction; empty if never.

    Nothing that moved has no beginning.
    """
    now = _state(entry_of(gate, ""))
    if not gate.moved:
        return ""
    began = ""
    for entry in reversed([each for each in entries if each.gate_id == gate.gate_id]):
        if _state(entry) != now:
            break
        began = entry.utc
    return began


def _state(entry: Entry) -> tuple[str, frozenset[tuple[str, bool]]]:
    return entry.verdict, frozenset((metric, values[0] > 0) for metric, values in entry.moved.items())
