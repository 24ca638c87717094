"""An answer about capacities on a terminal: capacities, change, curve, tables, servers needed, notes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import isfinite, log
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from perfgate.capacity.answer import ArmCapacity, CapacityAnswer, Point, Tuning
from perfgate.capacity.needs_sentences import needs_sentences
from perfgate.capacity.sentences import arm_lines, change_sentence, final_words, first_lines, notes, told_apart
from perfgate.capacity.tables import curve_note, curve_table, needs_table
from perfgate.capacity.tuning_words import paste_blocks, tuning_lines, tuning_table
from perfgate.explain.tables import TextTable
from perfgate.report.terminal.capacity_plot import capacity_plot
from perfgate.report.terminal.result import STYLES
from perfgate.report.terminal.tables import add_row, plain_table, print_table, safe_text
from perfgate.sanitize import one_line

_WIDE, _MOST_RATES = 60, 10
_DISPENSABLE = (
    ">Little", ">in flight", ">p90", ">batch", ">memory", ">achieved", ">queue", ">CPUs", ">missed", ">p50", "status",
)  # fmt: skip
"""Columns of the curve that a narrow terminal leaves out, in this order."""
_TUNING_DISPENSABLE = (">answers/s", ">95% ", ">95%", "note")


def final_line(answer: CapacityAnswer, page: Path | None) -> str:
    """Return the final line: `CAPACITY v2 412/s [398, 425]  report: reports/.../report.html`."""
    where = "" if page is None else f"  report: {one_line(str(page))}"
    return f"{one_line(final_words(answer))}{where}"


def print_capacity(console: Console, answer: CapacityAnswer, *, verbose: bool) -> None:
    """Print the answer; fits 60 columns and more. `verbose`: all rates, not only those near the capacity."""
    change = change_sentence(answer)
    verdict = answer.change.verdict.value if answer.change else ""
    for line in first_lines(answer):
        console.print(safe_text(console, line), style=STYLES.get(verdict, "") if line == change else "bold")
    console.print()
    _print_plot(console, answer)
    for arm in told_apart(answer):
        _print_lines(console, arm_lines(arm, answer.objectives))
        _print_curve(console, arm, _MOST_RATES if not verbose else len(arm.points))
    if answer.tuning is not None:
        _print_tuning(console, answer.tuning)
    _print_needs(console, answer)
    _print_lines(console, (f"note: {each}" for each in notes(answer)), style="dim")


def _print_plot(console: Console, answer: CapacityAnswer) -> None:
    lines = capacity_plot(answer, console.width, ascii_only=console.options.ascii_only)
    for line in lines:
        console.print(line)
    if lines:
        console.print()


def _print_curve(console: Console, arm: ArmCapacity, most: int) -> None:
    shown = _near(arm, most)
    if not shown:
        return
    whole = curve_table(replace(arm, points=tuple(shown)))
    narrower = (whole.without(_DISPENSABLE[:count]) for count in range(1, len(_DISPENSABLE) + 1))
    table = next((each for each in (whole, *narrower) if _fits(console, each)), whole)
    rest = len(arm.points) - len(shown)
    more = f"{rest:,} more {'rate' if rest == 1 else 'rates'} with -v and in capacity.json." if rest else ""
    note = " ".join(filter(None, (curve_note(replace(arm, points=tuple(shown)), table.columns), more)))
    _print_text_table(console, replace(table, note=note))


def _near(arm: ArmCapacity, most: int) -> Sequence[Point]:
    """Return the rates nearest to the capacity, and the lowest, at which too little load may show."""
    if len(arm.points) <= most:
        return arm.points
    lowest, *others = arm.points
    around = arm.rate_rps if isfinite(arm.rate_rps) and arm.rate_rps > 0 else arm.points[-1].rate_rps
    nearest = sorted(others, key=lambda point: abs(log(point.rate_rps / around)))[: most - 1]
    return [lowest, *sorted(nearest, key=lambda point: point.rate_rps)]


def _print_needs(console: Console, answer: CapacityAnswer) -> None:
    _print_lines(console, needs_sentences(answer, told_apart(answer)))
    table = needs_table(answer)
    if table is None:
        return
    if not _fits(console, table):  # a model's name may be longer than a line
        table = replace(table, columns=("what", *(f">{arm.arm.value}" for arm in answer.arms)))
    _print_text_table(console, table)


def _print_tuning(console: Console, found: Tuning) -> None:
    """Print the claim first, then the table, the choices, and what to paste."""
    first, *others = tuning_lines(found)
    style = "green" if found.compared and found.compared.better else "bold"
    _print_lines(console, (first,), style=style)
    _print_lines(console, others)
    console.print()
    whole = tuning_table(found)
    narrower = (whole.without(_TUNING_DISPENSABLE[:count]) for count in range(1, len(_TUNING_DISPENSABLE) + 1))
    _print_text_table(console, next((each for each in (whole, *narrower) if _fits(console, each)), whole))
    for title, text in paste_blocks(found):
        _print_lines(console, (f"{title}:",), style="bold")
        _print_lines(console, text.splitlines())
        console.print()


def _print_text_table(console: Console, table: TextTable) -> None:
    _print_lines(console, (table.title,), style="bold")
    _print_lines(console, (table.note,) if table.note else (), style="dim")
    print_table(console, _laid_out(console, table))


def _fits(console: Console, table: TextTable) -> bool:
    names = (name.lstrip(">") for name in table.columns)
    widths = (max(map(cell_len, column)) for column in zip(names, *table.rows, strict=True))
    return sum(widths) + _gap(console) * (len(table.columns) - 1) <= console.width


def _gap(console: Console) -> int:
    return 2 if console.width >= _WIDE else 1


def _laid_out(console: Console, table: TextTable) -> Table:
    shown = plain_table(*table.columns, gap=_gap(console), wraps={"what", "settings"})
    for row in table.rows:
        add_row(shown, *(safe_text(console, cell) for cell in row))
    return shown


def _print_lines(console: Console, lines: Iterable[str], style: str = "") -> None:
    for words in lines:
        console.print(safe_text(console, words), style=style)
