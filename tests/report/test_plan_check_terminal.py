from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from perfgate.planning.check import PlanCheck
from perfgate.planning.check_sentences import check_lines
from perfgate.report.terminal.plan_check import check_final_line, print_check
from tests.planning.answers import CHECKS, check, hostile_check


def _printed(
    found: PlanCheck, width: int = 120, *, verbose: bool = False, colour: bool = False, encoding: str = "utf-8"
) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    console = Console(file=stream, width=width, force_terminal=colour, _environ={"TERM": "xterm"})
    print_check(console, found, verbose=verbose)
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("width", [40, 60, 120])
@pytest.mark.parametrize("name", CHECKS)
def test_everything_fits_the_width(name: str, width: int, verbose: bool) -> None:
    text = _printed(CHECKS[name](), width, verbose=verbose)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text, "nothing is cut"


@pytest.mark.parametrize("name", ["check", "alone", "nothing_checked"])
def test_every_sentence_is_printed_in_order(name: str) -> None:
    found = CHECKS[name]()
    lines = _printed(found, 400).splitlines()
    places = [lines.index(line) for line in check_lines(found)]
    assert places == sorted(places)
    assert lines[-1] == f"note: {found.notes[0]}"


def test_the_table_is_shown_with_v() -> None:
    assert "Promises and what the trained model shows" not in _printed(check())
    assert "Promises and what the trained model shows" in _printed(check(), verbose=True)


def test_a_console_that_knows_few_characters_gets_those() -> None:
    assert "?" not in _printed(check(), verbose=True, encoding="ascii")


def test_foreign_text_moves_no_cursor_and_is_no_markup() -> None:
    text = _printed(hostile_check(), verbose=True, colour=True)
    assert "\u202e" not in text
    assert "\x07" not in text
    assert "[red]" in text
    assert "\n" not in check_final_line(hostile_check(), Path("a\nb"))


def test_the_final_line_names_the_page() -> None:
    assert check_final_line(check(), None).endswith("5 of 6 promises covered")
    assert check_final_line(check(), Path("r/plan-check.html")).endswith("covered  report: r/plan-check.html")
