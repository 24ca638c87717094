"""An explanation on a terminal: the change, its causes, the sum, and the ops behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from perfgate.explain.explanation import Explanation, StaticDifferences
from perfgate.explain.sentences import (
    NO_CAUSE,
    cause_lines,
    causes,
    change_sentence,
    looked_at,
    node_changes,
    overhead_sentence,
)
from perfgate.explain.tables import (
    TextTable,
    beside_tables,
    differing,
    group_tables,
    ops_table,
    static_tables,
    sum_table,
)
from perfgate.report.terminal.tables import add_row, plain_table, print_table, safe_text

_WIDE = 120
_MOST_OPS = 10
_ONLY_WIDE = {">baseline", ">candidate", "what it is", "detail"}
"""Columns of tables with a change that a narrow terminal has no room for."""


def print_explanation(console: Console, explanation: Explanation, *, verbose: bool) -> None:
    """Print causes, the sum and the ops that changed; fits 60 columns and more.

    `verbose`: all ops, types and scopes, tensors, and what differs in the saved models; the last two also if nothing
    was traced.
    """
    _print_lines(console, (change_sentence(explanation),))
    _print_causes(console, explanation)
    for table in _measured(explanation, verbose=verbose):
        _print_text_table(console, table)
    if explanation.attribution:
        _print_lines(console, (overhead_sentence(explanation.attribution),), style="dim")
    if explanation.static and (verbose or not explanation.attribution):
        _print_static(console, explanation.static, verbose=verbose)
    _print_lines(console, (f"note: {note}" for note in explanation.notes), style="dim")


def _print_static(console: Console, static: StaticDifferences, *, verbose: bool) -> None:
    """Print what differs between the saved models; `verbose`: nodes and tensors too."""
    _print_lines(console, (f"Saved models: {node_changes(static)}.",))
    print_static_tables(console, static, verbose=verbose)


def print_static_tables(console: Console, static: StaticDifferences, *, verbose: bool) -> None:
    """Print the tables without the sentence."""
    for table in static_tables(static, whole=verbose):
        _print_text_table(console, table)


def print_cause_lines(console: Console, explanation: Explanation | None) -> None:
    """Print the first causes, one line each; nothing without an explanation."""
    for number, words in enumerate(cause_lines(explanation) if explanation else (), 1):
        console.print(Text.assemble((f"cause {number} ", "yellow"), safe_text(console, words)))


def _print_causes(console: Console, explanation: Explanation) -> None:
    found = causes(explanation)
    if not found:
        _print_lines(console, (NO_CAUSE,), style="bold")
        _print_lines(console, (looked_at(explanation),))
    for number, cause in enumerate(found, 1):
        change = f": {cause.change}" if cause.change else ""
        console.print(Text.assemble(f"{number}. ", (safe_text(console, cause.sentence).plain, "bold"), change))
        remedy = Text.assemble(("remedy ", "dim"), safe_text(console, cause.remedy))
        for words in (*(safe_text(console, f"- {each}") for each in cause.evidence), remedy):
            console.print(Padding(words, (0, 0, 0, 3), expand=False))
    console.print()


def _measured(explanation: Explanation, *, verbose: bool) -> Iterator[TextTable]:
    found = explanation.attribution
    if found:
        yield sum_table(found)
        ops = found.ops if verbose else differing(found)
        if ops:
            yield ops_table(found, ops, len(ops) if verbose else _MOST_OPS)
        yield from group_tables(found) if verbose else ()
    yield from beside_tables(explanation, len(explanation.peak_tensors)) if verbose or not found else ()


def _print_text_table(console: Console, given: TextTable) -> None:
    narrow = console.width < _WIDE and ">change" in given.columns and ">interval" in given.columns
    table = given.without(_ONLY_WIDE) if narrow else given
    shown = plain_table(*table.columns, gap=2 if console.width >= _WIDE else 1, wraps=_wrapping(table))
    for row in table.rows:
        add_row(shown, *(safe_text(console, cell) for cell in row))
    _print_lines(console, (table.title,), style="bold")
    _print_lines(console, (table.note,) if table.note else (), style="dim")
    print_table(console, shown)


def _wrapping(table: TextTable) -> set[str]:
    """Return the columns of names and sentences, which are as long as they like."""
    return {name for name in table.columns if not name.startswith(">") and name not in {"status", "part"}}


def _print_lines(console: Console, lines: Iterable[str], style: str = "") -> None:
    for words in lines:
        console.print(safe_text(console, words), style=style)
