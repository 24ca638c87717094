"""The result on a terminal: models, gate table, objectives, cautions, and the final line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from perfgate import formatting
from perfgate.cautions import CautionKind
from perfgate.report.payloads import payload_sentences
from perfgate.report.rows import GateRow, ObjectiveRow, accepted_rows, gate_rows, hints, objective_rows, summary_rows
from perfgate.report.sentences import (
    capacity_sentences,
    generator_sentence,
    looks_sentence,
    not_gated_sentence,
    power_sentence,
    stage_sentence,
    stored_sentence,
    verdict_word,
)
from perfgate.report.terminal.explanation import print_cause_lines
from perfgate.report.terminal.tables import add_row, plain_table, print_table, safe_text
from perfgate.results.result import Result
from perfgate.sanitize import one_line
from perfgate.scenario.severity import Severity
from perfgate.trials import Arm, Caution

STYLES = {
    "pass": "green",
    "fail": "bold red",
    "inconclusive": "yellow",
    "invalid": "magenta",
    "warn": "bold yellow",
    "accepted": "cyan",
}
"""Style by verdict word."""
_GROUPS = {Severity.WARN: "warn-only", Severity.OFF: "not gated"}
_MIDDLE, _ENDLESS = 92, 10_000


def final_line(result: Result, report: Path | None) -> str:
    """Return the final line: `FAIL latency_p99_ms +12.4% [+8.1, +16.9] > 5%  report: reports/.../report.html`."""
    headline = result.judgement.headline if result.judgement else "nothing was judged"
    where = "" if report is None else f"  report: {one_line(str(report))}"
    return f"{verdict_word(result)} {one_line(headline)}{where}"


def print_result(console: Console, result: Result, *, every_metric: bool = False) -> None:
    """Print everything that decides, and other findings; fits 60 columns and more.

    Metrics that are not gated are only counted if others are gated; `every_metric` shows their rows too.
    """
    _print_models(console, result)
    _print_cautions(console, [caution for caution in result.cautions if caution.code == CautionKind.SAME_MODEL.code])
    rows = gate_rows(result)
    if rows:
        shown = rows if every_metric else tuple(row for row in rows if row.severity is not Severity.OFF) or rows
        for table in _gate_tables(shown, console):
            print_table(console, table)
        if more := not_gated_sentence(rows[len(shown) :]):
            console.print(safe_text(console, f"{more}; shown with -v and in the report"), style="dim")
            console.print()
    elif result.summaries:
        print_table(console, _summary_table(result))
    if objectives := objective_rows(result):
        print_table(console, _objectives_table(objectives, console))
    _print_notes(console, result)


def _print_models(console: Console, result: Result) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(no_wrap=True, justify="right")
    shown = [(arm, model.given, model.digest, model.size_mb) for arm, model in result.models.items()]
    if (stored := result.stored) is not None:
        given = f"stored numbers of {result.baseline_name} ({stored.model_given})"
        shown = [(Arm.BASELINE.value, given, stored.model_digest, stored.size_mb), *shown]
    for arm, given, digest, size_mb in shown:
        table.add_row(
            Text(arm, "blue" if arm == Arm.BASELINE else "dark_orange"),
            safe_text(console, given),
            Text(_digest_and_size(digest, size_mb), "dim"),
        )
    print_table(console, table)


def _digest_and_size(digest: str, size_mb: float) -> str:
    size = f"  {formatting.with_unit(size_mb, 'MiB')}" if size_mb > 0 else ""  # unknown for a running server
    return f"{formatting.short_digest(digest).removeprefix('sha256:')}{size}"


@dataclass(frozen=True, slots=True)
class _Layout:
    """How much of the gate table is shown."""

    values: bool = False
    measured: bool = False
    change: bool = True
    tolerance: str = "tolerance"
    """Name of the change column; empty: no such column."""
    gap: int = 2


_LAYOUTS = (_Layout(values=True, measured=True), _Layout(values=True), _Layout(), _Layout(tolerance="limit", gap=1))
_NARROWER = (_Layout(tolerance="", gap=1), _Layout(change=False, tolerance="", gap=1))
"""Layouts, the fullest first; the first one that fits is used, narrower ones for part of the rows."""


def _objectives_table(rows: tuple[ObjectiveRow, ...], console: Console) -> Table:
    """Lay the rows out in one line each; if they do not fit, wrap bound and verdict rather than cutting them."""
    wide = ((True, 2),) if console.width >= _MIDDLE else ()
    tables = [_objectives_laid_out(rows, interval, gap) for interval, gap in (*wide, (False, 2), (False, 1))]
    if (whole := next((table for table in tables if _fits(table, console)), None)) is not None:
        return whole
    return _objectives_laid_out(rows, has_interval=False, gap=1, folds=True)


def _objectives_laid_out(
    rows: tuple[ObjectiveRow, ...],
    has_interval: bool,  # noqa: FBT001 - private
    gap: int,
    *,
    folds: bool = False,
) -> Table:
    table = plain_table(
        "objective", "bound", ">candidate", *([">interval"] if has_interval else []), "verdict", gap=gap
    )
    for row in rows:
        interval = [row.interval] if has_interval else []
        value, verdict = row.value, _verdict(row.word, row.severity)
        if folds:
            value, verdict = formatting.in_cell(value, row.metric), Text("\n").join(verdict.split(" "))
        add_row(table, row.metric, row.bound, value, *interval, verdict)
    table.columns[1].no_wrap = not folds
    return table


def _fits(table: Table, console: Console) -> bool:
    unlimited = console.options.update(max_width=_ENDLESS)
    return Measurement.get(console, unlimited, table).maximum <= console.width


def _gate_tables(rows: tuple[GateRow, ...], console: Console) -> Iterator[Table]:
    """Lay all rows out alike or, if they do not fit, the rows of each severity separately."""
    if (whole := _fitting(rows, _LAYOUTS, console)) is not None:
        yield whole
        return
    for _, part in groupby(rows, key=lambda row: row.severity):
        shown = tuple(part)
        yield _fitting(shown, (*_LAYOUTS, *_NARROWER), console) or _folded(shown)


def _fitting(rows: tuple[GateRow, ...], layouts: Sequence[_Layout], console: Console) -> Table | None:
    tables = (_laid_out(rows, layout) for layout in layouts)
    return next((each for each in tables if _fits(each, console)), None)


def _folded(rows: tuple[GateRow, ...]) -> Table:
    """Return the narrowest layout, with several lines a row, rather than cutting it."""
    table = _laid_out(rows, _NARROWER[-1])
    for column in table.columns:
        column.no_wrap = False
    return table


def _laid_out(rows: tuple[GateRow, ...], layout: _Layout) -> Table:
    change = [">change"] if layout.change else []
    values = [">baseline", ">candidate"] if layout.values else []
    tolerance = [f">{layout.tolerance}"] if layout.tolerance else []
    measured = ["measured"] if layout.measured else []
    columns = ("metric", *values, *change, ">interval", *tolerance, "verdict", *measured)
    table = plain_table(*columns, gap=layout.gap)
    for row, before in zip(rows, (None, *rows), strict=False):
        if row.severity in _GROUPS and (before is None or before.severity is not row.severity):
            table.add_row(Text(_GROUPS[row.severity], "dim italic"))
        arms = [row.baseline, row.candidate] if layout.values else []
        last = [Text(row.measured, "dim")] if layout.measured else []
        verdict = _verdict(row.word) if row.gated else row.word
        numbers = [*([row.change] if change else []), row.interval, *([row.tolerance] if tolerance else [])]
        add_row(table, row.metric, *arms, *numbers, verdict, *last, style="" if row.gated else "dim")
    return table


def _summary_table(result: Result) -> Table:
    arms = [arm for arm in Arm if any(summary.arm == arm for summary in result.summaries)]
    table = plain_table("metric", *(f">{arm.value}" for arm in arms), "")
    for row in summary_rows(result):
        values = {Arm.BASELINE: row.baseline, Arm.CANDIDATE: row.candidate}
        add_row(table, row.metric, *(values[arm] for arm in arms), Text(one_line(row.note), "dim"))
    return table


def _print_notes(console: Console, result: Result) -> None:
    for words in capacity_sentences(result):
        console.print(safe_text(console, words))
    stages = (stage_sentence(result, arm) for arm in result.models)
    decided = (power_sentence(result), looks_sentence(result), stored_sentence(result))
    for words in (*decided, *stages, generator_sentence(result)):
        if words:
            console.print(safe_text(console, words), style="dim")
    for reason in result.judgement.reasons if result.judgement else ():
        console.print(safe_text(console, reason))
    print_cause_lines(console, result.explanation)
    for words in payload_sentences(result):
        console.print(Text.assemble(("requests differ ", "yellow"), safe_text(console, words)))
    _print_accepted(console, result)
    for metric, more in hints(result):
        console.print(Text.assemble((metric, "yellow"), " is inconclusive: ", safe_text(console, more)))
    _print_cautions(console, [caution for caution in result.cautions if caution.code != CautionKind.SAME_MODEL.code])


def _print_cautions(console: Console, cautions: Iterable[Caution]) -> None:
    for caution in cautions:
        console.print(Text.assemble(("caution ", "yellow"), safe_text(console, caution.message)))
        if caution.remedy:
            remedy = Text.assemble(("remedy ", "dim"), safe_text(console, caution.remedy))
            console.print(Padding(remedy, (0, 0, 0, 2), expand=False))


def _print_accepted(console: Console, result: Result) -> None:
    for row in accepted_rows(result):
        words = f"{row.metric} {row.change}: up to {row.up_to} until {row.until} instead of {row.own_tolerance}"
        said = safe_text(console, f"{words}. {row.author}: {row.reason}")
        console.print(Text.assemble((f"acceptance {row.word} ", STYLES.get(row.word, "dim")), said))


def _verdict(word: str, severity: Severity = Severity.ERROR) -> Text:
    loud = word.upper() if word in {"fail", "warn"} else word
    return Text(loud if severity is Severity.ERROR or word == "warn" else f"{loud} (warn)", STYLES[word])
