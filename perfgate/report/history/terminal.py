"""A history on a terminal: one line a metric, then its change points."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from perfgate import formatting
from perfgate.report.history.sparkline import place_in, sparkline
from perfgate.report.history.words import ChangeRow, change_rows, headline, last_against_level, notes, subject
from perfgate.report.terminal.tables import add_row, plain_table, print_table, safe_text
from perfgate.results.history import History, MetricHistory
from perfgate.sanitize import one_line

STYLES = {"worse": "bold red", "better": "green", "changed": "yellow"}
_WIDE, _MIDDLE, _NARROW = 118, 92, 76
_LONGEST, _SHORTEST = 40, 12


def final_line(history: History, page: Path, *, small: bool) -> str:
    """Return the final line: `HISTORY prod: 1 change point in 1 of 24 metrics over 42 records  page: …`."""
    return f"HISTORY {history.name}: {headline(history, small=small)}  page: {one_line(str(page))}"


def print_history(console: Console, history: History, *, small: bool) -> None:
    """Print the series, their change points and what is omitted; fits 60 columns and more."""
    console.print(safe_text(console, f"{history.name}: {subject(history)}"))
    console.print()
    if history.series:
        _print_series(console, history, small=small)
    rows = [row for series in history.series for row in change_rows(series, small=small)]
    if rows:
        _print_changes(console, rows)
    for note in notes(history, small=small):
        console.print(safe_text(console, note), style="dim")


def _print_series(console: Console, history: History, *, small: bool) -> None:
    wide, narrow = console.width >= _MIDDLE, console.width < _NARROW
    names = max(len(series.metric) for series in history.series)
    rest, shortest = (24, _SHORTEST // 2) if narrow else (56 if wide else 36, _SHORTEST)
    width = min(max(console.width - names - rest, shortest), _LONGEST)
    more = [">changes"] if wide else []
    start = [] if narrow else [">first"]
    table = plain_table("metric", "history", *start, ">last", ">vs level" if narrow else ">last vs level", *more)
    for series in history.series:
        count = [str(len(change_rows(series, small=small))) if series.is_long_enough else "n/a"] if wide else []
        first, last = (formatting.with_unit(value, series.unit) for value in (series.values[0], series.values[-1]))
        line = _coloured(series, width, console.encoding, small=small)
        cells = [*([] if narrow else [first]), last, last_against_level(series), *count]
        add_row(table, safe_text(console, series.metric), line, *cells)
    print_table(console, table)


def _coloured(series: MetricHistory, width: int, encoding: str, *, small: bool) -> Text:
    text = Text(sparkline(series.values, width, encoding))
    for change in series.changes:
        if small or not change.is_small:
            place = place_in(change.index, len(series.points), width)
            text.stylize(STYLES[change.direction], place, place + 1)
    return text


def _print_changes(console: Console, rows: list[ChangeRow]) -> None:
    wide, middle, narrow = console.width >= _WIDE, console.width >= _MIDDLE, console.width < _NARROW
    interval = [] if narrow else [">95% interval"]
    levels = ["levels"] if middle else []
    more = ["record", "model"] if wide else []
    table = plain_table("change point", "since", ">change", *interval, "", *levels, *more)
    for row in rows:
        direction = Text(row.direction, STYLES[row.direction])
        cells: list[str | Text] = [safe_text(console, row.metric), row.date, row.change]
        cells += [*([] if narrow else [row.interval]), direction]
        cells += [row.levels] if middle else []
        cells += [row.record, safe_text(console, row.model)] if wide else []
        add_row(table, *cells)
    print_table(console, table)
