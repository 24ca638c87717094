"""An answer about capacities on a terminal: capacities, change, curve, tables, servers needed, notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite, log
from pathlib import Path

from rich.console import Console

from perfgate.capacity.answer import ArmCapacity, CapacityAnswer, Point, Tuning
from perfgate.capacity.needs_sentences import needs_sentences
from perfgate.capacity.sentences import arm_lines, change_sentence, final_words, first_lines, notes, told_apart
from perfgate.capacity.tables import curve_note, curve_table, needs_table
from perfgate.capacity.tuning_words import paste_blocks, tuning_lines, tuning_table
from perfgate.report.terminal.capacity_plot import capacity_plot
from perfgate.report.terminal.result import STYLES
from perfgate.report.terminal.tables import safe_text
from perfgate.report.terminal.text_tables import fits, narrowed, print_lines, print_text_table
from perfgate.sanitize import one_line

_MOST_RATES = 10
_WRAPS = {"what", "settings"}
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
        print_lines(console, arm_lines(arm, answer.objectives))
        _print_curve(console, arm, _MOST_RATES if not verbose else len(arm.points))
    if answer.tuning is not None:
        _print_tuning(console, answer.tuning)
    _print_needs(console, answer)
    print_lines(console, (f"note: {each}" for each in notes(answer)), style="dim")


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
    table = narrowed(console, whole, _DISPENSABLE)
    rest = len(arm.points) - len(shown)
    more = f"{rest:,} more {'rate' if rest == 1 else 'rates'} with -v and in capacity.json." if rest else ""
    note = " ".join(filter(None, (curve_note(replace(arm, points=tuple(shown)), table.columns), more)))
    print_text_table(console, replace(table, note=note), _WRAPS)


def _near(arm: ArmCapacity, most: int) -> Sequence[Point]:
    """Return the rates nearest to the capacity, and the lowest, at which too little load may show."""
    if len(arm.points) <= most:
        return arm.points
    lowest, *others = arm.points
    around = arm.rate_rps if isfinite(arm.rate_rps) and arm.rate_rps > 0 else arm.points[-1].rate_rps
    nearest = sorted(others, key=lambda point: abs(log(point.rate_rps / around)))[: most - 1]
    return [lowest, *sorted(nearest, key=lambda point: point.rate_rps)]


def _print_needs(console: Console, answer: CapacityAnswer) -> None:
    print_lines(console, needs_sentences(answer, told_apart(answer)))
    table = needs_table(answer)
    if table is None:
        return
    if not fits(console, table):  # a model's name may be longer than a line
        table = replace(table, columns=("what", *(f">{arm.arm.value}" for arm in answer.arms)))
    print_text_table(console, table, _WRAPS)


def _print_tuning(console: Console, found: Tuning) -> None:
    """Print the claim first, then the table, the choices, and what to paste."""
    first, *others = tuning_lines(found)
    style = "green" if found.compared and found.compared.better else "bold"
    print_lines(console, (first,), style=style)
    print_lines(console, others)
    console.print()
    print_text_table(console, narrowed(console, tuning_table(found), _TUNING_DISPENSABLE), _WRAPS)
    for title, text in paste_blocks(found):
        print_lines(console, (f"{title}:",), style="bold")
        print_lines(console, text.splitlines())
        console.print()
