from __future__ import annotations

import io
import re
from dataclasses import replace
from math import nan
from pathlib import Path

import pytest
from rich.console import Console

from perfgate.capacity.answer import CapacityAnswer
from perfgate.capacity.sentences import notes, summary_lines
from perfgate.capacity.servers_needed import servers_needed
from perfgate.report.terminal.capacity import final_line, print_capacity
from perfgate.report.terminal.capacity_plot import ROWS, capacity_plot
from tests.capacity.answers import (
    SAMPLES,
    arm,
    below,
    hostile,
    interrupted,
    low_load,
    one_arm,
    open_,
    two_arms,
    unknown_numbers,
)


def _printed(
    answer: CapacityAnswer, width: int = 120, *, verbose: bool = False, colour: bool = False, encoding: str = "utf-8"
) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    console = Console(file=stream, width=width, force_terminal=colour, _environ={"TERM": "xterm"})
    print_capacity(console, answer, verbose=verbose)
    return raw.getvalue().decode(encoding)


def _asked(answer: CapacityAnswer, cost: float | None = 0.34) -> CapacityAnswer:
    return replace(answer, needs=servers_needed(answer, 3e5, 0.3, 2, cost))


def _plot(answer: CapacityAnswer, width: int = 80, *, ascii_only: bool = True) -> list[str]:
    return [line.plain for line in capacity_plot(answer, width, ascii_only=ascii_only)]


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("width", [40, 60, 120])
@pytest.mark.parametrize("name", SAMPLES)
def test_everything_fits_the_width(name: str, width: int, verbose: bool) -> None:
    text = _printed(_asked(SAMPLES[name]()), width, verbose=verbose)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text, "nothing is cut"


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "hostile"])
def test_every_sentence_and_note_is_printed(name: str) -> None:
    answer = _asked(SAMPLES[name]())
    lines = _printed(answer, 400).splitlines()
    places = [lines.index(line) for line in summary_lines(answer)]
    assert places == sorted(places)
    assert [line for line in lines if line.startswith("note: ")] == [f"note: {each}" for each in notes(answer)]


def test_a_narrow_terminal_keeps_what_decides() -> None:
    lines = _printed(one_arm(), 60).splitlines()
    head = next(line for line in lines if line.startswith("requests/s  status"))
    assert head.split() == ["requests/s", "status", "p50", "p99", "missed", "CPUs"]
    assert "Little" not in " ".join(lines)
    assert "batch  queue  in flight  Little\n" in _printed(one_arm(), 120)
    assert "off Little's law" in " ".join(_printed(one_arm(), 120).split())


def test_the_rates_near_the_capacity_are_shown_and_all_with_v() -> None:
    def rates(text: str) -> list[str]:
        return re.findall(r"^ +([\d,]+) +(?:holds|breaks|open) ", text, re.MULTILINE)

    many = replace(one_arm(), arms=(arm(two_arms().arms[1].arm, "v2", 412.0, tuple(range(20, 660, 20))),))
    short, whole = _printed(many), _printed(many, verbose=True)
    assert rates(short) == ["20", *map(str, range(340, 501, 20))]
    assert len(rates(whole)) == 32
    assert "22 more rates with -v and in capacity.json." in " ".join(short.split())
    assert "more rate" not in whole
    unknown = replace(many, arms=(replace(many.arms[0], rate_rps=nan),))
    assert rates(_printed(unknown))[-1] == "640"


def test_the_plot_has_times_by_rate_the_objective_and_the_capacity() -> None:
    head, *lines = _plot(one_arm())
    assert head == "latency_p99_ms by requests/s"
    assert lines[0].startswith("   100 ms |")
    assert lines[ROWS - 1].startswith("  7.03 ms |") or lines[ROWS - 1].startswith("  6.78 ms |")
    assert next(line for line in lines if "20.0 ms" in line).count("-") > 50
    assert lines[0].count("^") == 2, "far beyond the objective"
    columns = [max(line.find("x", 11) for line in lines[:ROWS]), lines[0].index("^")]
    assert columns == sorted(columns)
    assert lines[ROWS + 1].split() == ["0", "640"]
    assert re.fullmatch(r" capacity +=+x=+", lines[ROWS + 2].rstrip())
    assert len(lines) == ROWS + 3


def test_both_versions_have_their_sign_and_their_capacity() -> None:
    text = "\n".join(_plot(two_arms()))
    assert text.startswith("latency_p99_ms by requests/s  o baseline  x candidate\n")
    assert "*" in text, "both at one place"
    baseline, candidate = text.splitlines()[-2:]
    assert baseline.startswith(" baseline ")
    assert candidate.startswith("candidate ")
    assert baseline.index("o") > candidate.index("x", 10)


def test_the_curve_rises_with_the_rate() -> None:
    rows = [line.ljust(80) for line in _plot(one_arm())[1 : ROWS + 1]]
    heights = [
        max(place for place, row in enumerate(reversed(rows)) if row[column] in "x^")
        for column in range(11, 78)
        if any(row[column] in "x^" for row in rows)
    ]
    assert heights == sorted(heights)
    assert heights[0] == 0
    assert heights[-1] == ROWS - 1


def test_what_has_no_99th_percentile_is_plotted_by_what_it_has() -> None:
    assert _plot(open_())[0] == "latency_p90_ms by requests/s"
    assert _plot(unknown_numbers())[0] == "latency_p90_ms by requests/s"
    nothing = replace(one_arm(), arms=(replace(one_arm().arms[0], points=one_arm().arms[0].points[:1]),))
    assert _plot(nothing) == []
    assert "by requests/s" not in _printed(nothing)
    assert _plot(replace(one_arm(), arms=())) == []


def test_equal_times_and_an_objective_far_away_can_be_plotted() -> None:
    (found,) = one_arm().arms
    same = tuple(replace(point, p99_ms=5.0) for point in found.points)
    flat = replace(one_arm(), objectives=(), arms=(replace(found, points=same),))
    assert _plot(flat)[ROWS].count("x") > 5
    assert len(_plot(replace(one_arm(), arms=(replace(found, points=same),)))) == ROWS + 4
    assert "-x" not in "".join(_plot(flat)[1 : ROWS + 1]), "no line without an objective"


def test_an_arm_without_an_estimate_has_no_capacity_below_the_plot() -> None:
    assert not any(line.startswith(" capacity") for line in _plot(below()))
    assert any(line.startswith(" capacity") for line in _plot(unknown_numbers()))


def test_a_console_that_knows_few_characters_gets_a_plot_of_those() -> None:
    for width in (60, 120):
        _printed(_asked(two_arms()), width, encoding="ascii").encode("ascii")
    assert "●" in _printed(two_arms())
    assert "?" not in _printed(_asked(two_arms()), encoding="ascii")


def test_foreign_text_moves_no_cursor_and_is_no_markup() -> None:
    text = _printed(_asked(hostile()), verbose=True, colour=True)
    assert "\u202e" not in text
    assert "\x07" not in text
    assert "[red]" in text
    assert "\n" not in final_line(hostile(), Path("a\nb"))


def test_the_final_line_names_the_page() -> None:
    assert final_line(one_arm(), None) == "CAPACITY models/ranker/2 412/s [398, 425]"
    assert final_line(two_arms(), Path("reports/r/report.html")) == (
        "FAIL capacity_rps -16.1% [-18.9, -13.2] < -4.76%; 412/s instead of 491/s  report: reports/r/report.html"
    )


def test_servers_have_their_table_only_if_a_demand_was_given() -> None:
    assert "Servers needed" not in _printed(two_arms())
    text = _printed(_asked(two_arms(), None))
    assert "Servers needed" in text
    assert "cost" not in text
    assert re.search(r"^servers +906 +1,079$", text, re.MULTILINE)


def test_low_load_and_an_interruption_are_said() -> None:
    assert "breaks at low load: at 20 requests/s" in _printed(low_load(), 300)
    assert _printed(interrupted(), 300).startswith("Interrupted: this is what was known after 7 turns.\n")
