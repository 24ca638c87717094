"""A plan and its trained model on a terminal: objectives, promises, and how well plans were kept so far."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from perfgate.planning.check import PlanCheck
from perfgate.planning.check_sentences import (
    beside_sentence,
    check_final_words,
    check_interrupted_sentence,
    checked_sentence,
    record_sentence,
)
from perfgate.planning.tables import check_table
from perfgate.report.terminal.plan import print_objectives
from perfgate.report.terminal.result import STYLES
from perfgate.report.terminal.text_tables import narrowed, print_lines, print_text_table
from perfgate.sanitize import one_line

_DISPENSABLE = (">its interval", ">error")
_NAMES = {"metric", "status"}


def check_final_line(check: PlanCheck, page: Path | None) -> str:
    """Return the final line: `PASS v1 holds: latency_p99_ms 8.90 ms <= 20 ms; 5 of 6 promises covered  report: ...`."""
    where = "" if page is None else f"  report: {one_line(str(page))}"
    return f"{one_line(check_final_words(check))}{where}"


def print_check(console: Console, check: PlanCheck, *, verbose: bool) -> None:
    """Print the check; fits 60 columns and more. `verbose`: promises as a table, too."""
    print_lines(console, filter(None, (check_interrupted_sentence(check),)), style="bold")
    print_lines(console, (f"{check.model}, planned as {check.sketch.given} ({check.plan_id})",), style="dim")
    print_objectives(console, check.objectives)
    console.print()
    for each in check.promises:
        print_lines(console, (checked_sentence(each),), style="" if each.covered else STYLES["warn"])
    if verbose and check.promises:
        console.print()
        print_text_table(console, narrowed(console, check_table(check.promises), _DISPENSABLE), _NAMES)
    print_lines(console, (beside_sentence(check),), style="dim")
    print_lines(console, (record_sentence(check),), style="bold")
    print_lines(console, (f"note: {each}" for each in check.notes), style="dim")
