"""A fleet's gates, metrics and measurements as rows of text and links, for the index and the models' pages."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from perfgate import formatting
from perfgate.fleet.answer import GateAnswer, Measurement, MetricMove
from perfgate.fleet.measured import LOG
from perfgate.fleet.moved_models import MovedModel, worst
from perfgate.fleet.sentences import reason_of, seen_words
from perfgate.gate.verdict import Verdict
from perfgate.report.charts.tolerances import ToleranceRow
from perfgate.report.html.capacity import FILE_NAME as CAPACITY_PAGE
from perfgate.report.html.chart_tables import ChartTable
from perfgate.report.html.page import FILE_NAME as REPORT
from perfgate.report.rows import description
from perfgate.sanitize import one_line

MODELS = "models"
"""Directory of the models' pages, beside the index."""
_MOST_FILE_NAME = 100
_MOST_MOVED = 4
"""Metrics of a gate, or of a model in each direction, in the tables of the index."""

_HALF_NAME = 21
"""Characters of a model's and of a scenario's name in the chart."""


@dataclass(frozen=True, slots=True)
class MoveRow:
    """One gated metric."""

    metric: str
    description: str
    verdict: str
    moved: bool
    change: str
    interval: str
    tolerance: str
    times: str
    """The change in tolerances."""


@dataclass(frozen=True, slots=True)
class MeasurementRow:
    """One measurement of a gate."""

    gate_id: str
    link: str
    """The report, or what was printed if there is none; empty without a measurement."""
    linked: str
    """What the link leads to."""
    round_words: str
    node: str
    cpus: str
    began: str
    took: str
    budget: str
    attempts: int
    kept: bool
    fingerprint: str
    problem: str


@dataclass(frozen=True, slots=True)
class GateLine:
    """One gate in the table of all gates."""

    verdict: str
    model: str
    page: str
    scenario: str
    report: str
    """Link; empty if there is none."""
    owner: str
    moved: tuple[MoveRow, ...]
    """The worst that moved."""
    more: int
    """How many more moved."""
    reason: str
    """What prevents a decision, or what decided if it is none of the metrics that moved; empty if all is said."""
    since: str
    compared_with: str
    causes: tuple[str, ...]
    """Why it fails, as far as that is known."""


@dataclass(frozen=True, slots=True)
class ModelLine:
    """One model of which something moved."""

    model: str
    page: str
    direction: str
    worse: tuple[str, ...]
    better: tuple[str, ...]
    since: str


def page_names(models: Iterable[str]) -> dict[str, str]:
    """Return the file name of each model's page: safe in any file system and address, and different for all."""
    found, taken = dict[str, str](), set[str]()
    for model in sorted(set(models)):
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", model).lstrip(".-")
        if not plain or plain != model or len(plain) > _MOST_FILE_NAME or plain.casefold() in taken:
            digest = hashlib.sha256(model.encode(errors="surrogatepass")).hexdigest()
            plain = f"{plain[:_MOST_FILE_NAME] or 'model'}-{digest[:8]}"
        taken.add(plain.casefold())
        found[model] = f"{plain}.html"
    return found


def move_row(move: MetricMove) -> MoveRow:
    """Return a metric's numbers; one that moved says so."""
    metric = move.metric
    return MoveRow(
        metric=metric,
        description=description(metric),
        verdict=move.verdict.value,
        moved=move.moved,
        change=formatting.change(move.change, metric),
        interval=formatting.interval(move.lower, move.upper, metric),
        tolerance=formatting.limit(move.tolerance, metric),
        times=formatting.difference(move.worse_by, "1"),
    )


def gate_line(gate: GateAnswer, pages: Mapping[str, str]) -> GateLine:
    """Return a gate's line of the index; `pages`: file name of each model's page."""
    shown = gate.shown
    return GateLine(
        verdict=gate.verdict.value,
        model=gate.model_name,
        page=f"{MODELS}/{pages[gate.model_name]}",
        scenario=gate.scenario_name,
        report=_link(shown, REPORT) if shown else "",
        owner=gate.owner,
        moved=tuple(map(move_row, gate.moved[:_MOST_MOVED])),
        more=max(0, len(gate.moved) - _MOST_MOVED),
        reason="" if gate.verdict is Verdict.PASS else reason_of(gate),
        since=gate.since_utc[:10],
        compared_with=gate.compared_with,
        causes=gate.causes,
    )


def model_line(model: MovedModel, pages: Mapping[str, str]) -> ModelLine:
    """Return what moved in a model, and under which scenario."""
    lists = []
    for found in (model.worse, model.better):
        words = [f"{seen_words(each.move)} ({each.scenario_name})" for each in found[:_MOST_MOVED]]
        more = len(found) - _MOST_MOVED
        lists.append((*words, *((f"and {more} more",) if more > 0 else ())))
    page = f"{MODELS}/{pages[model.model_name]}"
    return ModelLine(model.model_name, page, model.direction, lists[0], lists[1], model.since_utc[:10])


def measurement_rows(gates: Sequence[GateAnswer], *, up: str = "") -> tuple[MeasurementRow, ...]:
    """Return all measurements of some gates; `up`: the way to the fleet's directory."""
    return tuple(_measurement(gate.gate_id, each, up) for gate in gates for each in gate.measurements)


def _measurement(gate_id: str, found: Measurement, up: str) -> MeasurementRow:
    page = REPORT if found.round_number else CAPACITY_PAGE
    return MeasurementRow(
        gate_id=gate_id,
        link=up + _link(found, LOG if found.problem else page),
        linked="log" if found.problem else "report" if found.round_number else "capacity",
        round_words=str(found.round_number) if found.round_number else "capacity",
        node=found.node,
        cpus=", ".join(map(str, found.cpus)),
        began=found.began_utc[:19].replace("T", " "),
        took=formatting.duration(found.seconds),
        budget=formatting.duration(found.budget_s),
        attempts=found.attempts,
        kept=found.kept,
        fingerprint=formatting.short_digest(found.fingerprint),
        problem=found.problem,
    )


def _link(found: Measurement, file: str) -> str:
    return quote(f"{found.directory.strip('/')}/{file}")


def chart_row(gate: GateAnswer) -> ToleranceRow | None:
    """Return a gate's row of the chart; None without numbers."""
    move = worst(gate)
    if move is None:
        return None
    words = f"{move.metric} {formatting.change(move.change, move.metric)}"
    ends = move.worse_by, move.worse_lower, move.worse_upper
    return ToleranceRow(gate.gate_id, words, *ends, gate.verdict.value, _short(gate))


def _short(gate: GateAnswer) -> str:
    """Return a long name with both parts cut in the middle: many begin alike, or end alike."""
    if len(gate.gate_id) <= 2 * _HALF_NAME:
        return gate.gate_id
    return "--".join(one_line(part, _HALF_NAME) for part in (gate.model_name, gate.scenario_name))


def metric_row(move: MetricMove) -> ToleranceRow:
    """Return a metric's row of the chart."""
    words = formatting.seen(move.change, move.lower, move.upper, move.metric)
    return ToleranceRow(move.metric, words, move.worse_by, move.worse_lower, move.worse_upper, move.verdict.value)


def chart_table(caption: str, name: str, rows: Sequence[ToleranceRow]) -> ChartTable:
    """Return the numbers behind a chart."""
    cells = tuple((row.name, row.verdict, row.words, *map(_times, (row.place, row.lower, row.upper))) for row in rows)
    note = "Change divided by tolerance. Positive is worse; above 1 exceeds the tolerance."
    return ChartTable(caption, (name, "verdict", "change", "÷ tolerance", "from", "to"), cells, note)


def _times(place: float) -> str:
    return formatting.difference(place, "1")
