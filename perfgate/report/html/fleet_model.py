"""`models/<model>.html`: all gates of one model of a fleet, and its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from perfgate import formatting
from perfgate.fleet.answer import FleetAnswer, GateAnswer
from perfgate.fleet.demand_table import demand_table
from perfgate.fleet.history import Entry
from perfgate.fleet.sentences import count_words, reason_of
from perfgate.fleet.summary import headline_of
from perfgate.gate.verdict import URGENCY
from perfgate.report.charts.tolerances import NARROW, tolerance_rows
from perfgate.report.charts.verdicts import COLOURS
from perfgate.report.html.fleet_rows import chart_table, measurement_rows, metric_row, move_row
from perfgate.report.html.frame import drawn, template

MARK = '<p class="eyebrow">perfgate · model of fleet '
"""Text that only these pages contain."""
MOST_ENTRIES = 100
"""Rows of the history, the newest; all are in history.jsonl."""


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One measurement in the history."""

    when: str
    scenario: str
    verdict: str
    moved: tuple[str, ...]
    candidate: str
    baseline: str


def model_page(answer: FleetAnswer, model: str, history: Sequence[Entry]) -> str:
    """Render one model's page; `history`: of all gates, oldest first."""
    gates = [gate for gate in answer.gates if gate.model_name == model]
    verdict = next(each for each in URGENCY if any(gate.verdict is each for gate in gates))
    entries = _entries(gates, history)
    demands = [each for each in answer.demands if each.model_name == model]
    return template("fleet_model.html.j2").render(
        answer=answer,
        model=model,
        verdict=verdict.value,
        colour=COLOURS[verdict.value],
        headline=headline_of(gates, verdict),
        counted=count_words(gates),
        facts=_facts(gates),
        gates=[_gate(gate, number) for number, gate in enumerate(gates, 1)],
        demand_table=demand_table(demands) if demands else None,
        entries=entries[:MOST_ENTRIES],
        left_out=len(entries) - MOST_ENTRIES,
        measurements=measurement_rows(gates, up="../"),
    )


def _facts(gates: Sequence[GateAnswer]) -> list[tuple[str, str]]:
    owners = dict.fromkeys(gate.owner for gate in gates if gate.owner)
    digests = dict.fromkeys((arm, digest) for gate in gates for arm, digest in gate.digests.items())
    compared = dict.fromkeys(gate.compared_with for gate in gates if gate.compared_with)
    return [
        ("model", ", ".join(dict.fromkeys(gate.model for gate in gates))),
        ("compared with", ", ".join(compared) or "nothing: only objectives are judged"),
        *([("owner", ", ".join(owners))] if owners else []),
        *((f"digest of the {arm}", digest) for arm, digest in digests),
    ]


def _gate(gate: GateAnswer, number: int) -> dict[str, Any]:
    rows, title = [metric_row(move) for move in gate.moves], f"Gated metrics under {gate.scenario_name}"
    return {
        "gate": gate,
        "reason": reason_of(gate),
        "moves": [move_row(move) for move in gate.moves],
        "chart": drawn(tolerance_rows(f"gate-{number}", title, rows, NARROW)),
        "table": chart_table(title, "metric", rows),
        "rounds": measurement_rows([gate], up="../"),
    }


def _entries(gates: Sequence[GateAnswer], history: Sequence[Entry]) -> list[EntryRow]:
    scenarios = {gate.gate_id: gate.scenario_name for gate in gates}
    return [_entry(each, scenarios[each.gate_id]) for each in reversed(history) if each.gate_id in scenarios]


def _entry(entry: Entry, scenario: str) -> EntryRow:
    moved = tuple(f"{metric} {formatting.seen(*values, metric)}" for metric, values in entry.moved.items())
    candidate, baseline = map(formatting.short_digest, (entry.candidate, entry.baseline))
    return EntryRow(entry.utc[:19].replace("T", " "), scenario, entry.verdict, moved, candidate, baseline)
