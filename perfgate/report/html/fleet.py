"""`index.html` of a fleet, and a page for each model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from perfgate import formatting
from perfgate.fleet.answer import FleetAnswer, GateAnswer
from perfgate.fleet.demand_table import demand_table
from perfgate.fleet.history import Entry
from perfgate.fleet.method import method_sentences
from perfgate.fleet.moved_models import moved_models, moved_sentence
from perfgate.fleet.sentences import demand_sentences, level_sentence, state_sentences
from perfgate.fleet.summary import final_word
from perfgate.gate.verdict import Verdict
from perfgate.report.charts.tolerances import LOW, tolerance_rows
from perfgate.report.charts.verdicts import COLOURS
from perfgate.report.html.fleet_model import MARK, model_page
from perfgate.report.html.fleet_rows import (
    MODELS,
    chart_row,
    chart_table,
    gate_line,
    measurement_rows,
    model_line,
    page_names,
)
from perfgate.report.html.frame import drawn, template
from perfgate.whole_file import write_whole

FILE_NAME = "index.html"
MOST_DRAWN = 60
"""Gates in the chart."""
_TITLE = "Worst gated metric of each gate"


def fleet_page(answer: FleetAnswer) -> str:
    """Render the index, a self-contained page that links to those beside it; the same answer gives the same bytes."""
    word, pages = final_word(answer), page_names(gate.model_name for gate in answer.gates)
    moved = moved_models(answer.gates)
    return template("fleet.html.j2").render(
        answer=answer,
        word=word,
        tone=word if word in COLOURS else "interrupted",
        colour=COLOURS.get(word, COLOURS["interrupted"]),
        sentences=(*state_sentences(answer), level_sentence(answer)),
        chart=_chart(answer.gates),
        gates=tuple(gate_line(gate, pages) for gate in answer.gates),
        owners=any(gate.owner for gate in answer.gates),
        unjudged=tuple(_unjudged(answer.gates, pages)),
        moved_sentence=moved_sentence(moved, answer.gates),
        moved=tuple(model_line(model, pages) for model in moved),
        demands=tuple(demand_sentences(answer)),
        demand_table=demand_table(answer.demands) if answer.demands else None,
        method=tuple(method_sentences(answer)),
        measurements=measurement_rows(answer.gates),
        provenance=tuple(_provenance(answer)),
    )


def write_fleet(answer: FleetAnswer, directory: Path, history: Sequence[Entry] = ()) -> Path:
    """Write the index and the models' pages into the directory, each atomically; returns the index.

    `history`: of all gates, oldest first. Pages of models that are no longer in the fleet are deleted.
    """
    pages = page_names(gate.model_name for gate in answer.gates)
    models, of_model = {gate.gate_id: gate.model_name for gate in answer.gates}, defaultdict[str, list[Entry]](list)
    for entry in history:
        of_model[models.get(entry.gate_id, "")].append(entry)
    for model, name in pages.items():
        write_whole(directory / MODELS / name, model_page(answer, model, of_model[model]))
    for path in (directory / MODELS).glob("*.html"):
        if path.name not in pages.values() and _is_ours(path):
            path.unlink()
    return write_whole(directory / FILE_NAME, fleet_page(answer))


def _is_ours(path: Path) -> bool:
    """Return whether perfgate wrote a page: the directory may be one in which somebody keeps other files."""
    with suppress(OSError, UnicodeDecodeError):
        return MARK in path.read_text(encoding="utf-8")
    return False


def _chart(gates: Sequence[GateAnswer]) -> dict[str, Any]:
    rows = [row for gate in gates if (row := chart_row(gate)) is not None]
    shown, without = rows[:MOST_DRAWN], len(gates) - len(rows)
    notes = []
    if len(rows) > len(shown):
        notes.append(f"The {len(shown)} most urgent of {len(rows)} gates; all are in the table below.")
    if without:
        notes.append(f"{without} gate{'s' * (without != 1)} without a compared metric {_are(without)} not drawn.")
    return {
        "title": _TITLE,
        "notes": notes,
        "svg": drawn(tolerance_rows("gates", _TITLE, shown, LOW)),
        "table": chart_table(_TITLE, "gate", shown),
    }


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _unjudged(gates: Sequence[GateAnswer], pages: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the gates that could not be judged or were not measured, with their reasons."""
    for gate in gates:
        if gate.verdict is Verdict.INVALID or gate.shown is None:
            yield {"line": gate_line(gate, pages), "reason": gate.headline, "logs": measurement_rows([gate])}


def _provenance(answer: FleetAnswer) -> Iterator[tuple[str, str]]:
    yield "fleet", answer.fleet
    yield "command", " ".join(answer.command)
    yield "began", answer.created_utc
    yield "ended", answer.ended_utc
    yield "took", formatting.duration(answer.seconds)
    yield "measured in this call", formatting.duration(answer.measured_s)
    yield "engine", answer.engine
    yield "complete", "yes" if answer.complete else "no: it was interrupted, or its time was up"
    found = {each.fingerprint for gate in answer.gates for each in gate.measurements if each.fingerprint}
    if found:
        words = ", ".join(map(formatting.short_digest, sorted(found)))
        yield "environments", f"{len(found)} (fingerprint{'s' * (len(found) != 1)} {words})"
    yield "perfgate", answer.perfgate_version
