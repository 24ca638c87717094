"""An answer of `perfgate plan` on a terminal: objectives, limits of its size, what dominates, servers needed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from perfgate.explain.profile import Profile
from perfgate.explain.tables import TextTable
from perfgate.planning.answer import ObjectiveAnswer, ObjectiveStatus, PlanAnswer, Scale, Unseen
from perfgate.planning.objective_sentences import objective_sentence
from perfgate.planning.scale_sentences import scale_sentences
from perfgate.planning.sentences import (
    UNSEEN,
    all_notes,
    capacity_lines,
    dominant_sentence,
    final_words,
    interrupted_sentence,
    named_capacity,
    needed_sentences,
    promise_sentences,
    sketch_sentence,
    tracing_sentence,
)
from perfgate.planning.tables import (
    frontier_table,
    layers_table,
    ops_table,
    promises_table,
    scale_table,
    types_table,
)
from perfgate.report.terminal.capacity import print_capacity
from perfgate.report.terminal.result import STYLES
from perfgate.report.terminal.tables import safe_text
from perfgate.report.terminal.text_tables import narrowed, print_lines, print_text_table
from perfgate.sanitize import one_line

OBJECTIVE_STYLES = {
    ObjectiveStatus.HOLDS: STYLES["pass"],
    ObjectiveStatus.BREAKS: STYLES["fail"],
    ObjectiveStatus.OPEN: STYLES["inconclusive"],
}
_MOST_OPS, _MOST_GROUPS = 10, 5
_DISPENSABLE = (">parameters", ">times", "what it is", ">calls", "layer", "breaks first", ">interval")
"""Columns that a narrow terminal leaves out, in this order."""
_NAMES = {"op", "name", "layer", "metric", "nearest to its bound", "breaks first", "what it is"}
"""Columns of names, which are as long as they like."""


def final_line(answer: PlanAnswer, page: Path | None) -> str:
    """Return the final line: `PASS ranker.toml holds: latency_p99_ms 4.10 ms <= 10 ms  report: .../plan.html`."""
    where = "" if page is None else f"  report: {one_line(str(page))}"
    return f"{one_line(final_words(answer))}{where}"


def print_plan(console: Console, answer: PlanAnswer, *, verbose: bool) -> None:
    """Print the answer; fits 60 columns and more. `verbose`: all operations, promises, and rates that were tried."""
    print_lines(console, filter(None, (interrupted_sentence(answer),)), style="bold")
    print_lines(console, (sketch_sentence(answer),), style="dim")
    print_objectives(console, answer.objectives)
    if answer.objectives:
        console.print()
    _print_scale(console, answer.scale, verbose=verbose)
    _print_profile(console, answer.profile, verbose=verbose)
    print_lines(console, promise_sentences(answer.promises, answer.profile))
    if verbose and answer.promises:
        console.print()
        _print_table(console, promises_table(answer.promises))
    _print_capacity(console, answer, verbose=verbose)
    _print_unseen(console, answer.unseen)
    print_lines(console, (f"note: {each}" for each in (answer.notes if verbose else all_notes(answer))), style="dim")


def print_objectives(console: Console, objectives: Iterable[ObjectiveAnswer]) -> None:
    """Print one line an objective, in the colour of its status."""
    for each in objectives:
        print_lines(console, (objective_sentence(each),), style=OBJECTIVE_STYLES[each.status])


def _print_scale(console: Console, scale: Scale | None, *, verbose: bool) -> None:
    if scale is None:
        return
    print_lines(console, scale_sentences(scale), style="bold")
    console.print()
    if len(scale.ranges) > 1:
        _print_table(console, frontier_table(scale), 2)
    for limit in scale.limits if verbose or len(scale.ranges) == 1 else ():
        _print_table(console, scale_table(scale, limit), 1)


def _print_profile(console: Console, profile: Profile | None, *, verbose: bool) -> None:
    if profile is None:
        return
    print_lines(console, filter(None, (dominant_sentence(profile),)), style="bold")
    console.print()
    for table in (types_table(profile), layers_table(profile)):
        rows = table.rows if verbose else (*table.rows[:-1][:_MOST_GROUPS], table.rows[-1])
        note = table.note if table.columns[0] == "op" else ""
        _print_table(console, replace(table, rows=rows, note=note))
    if verbose:
        _print_table(console, ops_table(profile))
        print_lines(console, (tracing_sentence(profile),), style="dim")
        console.print()


def _print_capacity(console: Console, answer: PlanAnswer, *, verbose: bool) -> None:
    capacity = named_capacity(answer)
    if verbose and capacity:
        console.print()
        print_capacity(console, capacity, verbose=True)
    else:
        print_lines(console, capacity_lines(answer))
    servers = needed_sentences(answer.needed)
    print_lines(console, servers[:1], style="bold")
    print_lines(console, servers[1:], style="dim")


def _print_unseen(console: Console, unseen: Iterable[Unseen]) -> None:
    shown = list(unseen)
    if shown:
        console.print()
        print_lines(console, (f"{UNSEEN}:",), style="bold")
    for each in shown:
        print_lines(console, (f"- {each.sentence}",))
        if each.remedy:
            remedy = Text.assemble(("remedy ", "dim"), safe_text(console, each.remedy))
            console.print(Padding(remedy, (0, 0, 0, 2), expand=False))


def _print_table(console: Console, table: TextTable, dimensions: int = 0) -> None:
    """Print a table, the first columns of which may have the names of dimensions."""
    named = (name.lstrip(">") for name in table.columns[:dimensions])
    print_text_table(console, narrowed(console, table, _DISPENSABLE), {*_NAMES, *named})
