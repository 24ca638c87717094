from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from perfgate.planning.answer import PlanAnswer
from perfgate.planning.sentences import all_notes, summary_lines
from perfgate.report.terminal.plan import final_line, print_plan
from tests.planning.answers import (
    SAMPLES,
    everything,
    hostile,
    no_numbers,
    one_dimension,
    passes,
    profile,
    two_dimensions,
)


def _printed(
    answer: PlanAnswer, width: int = 120, *, verbose: bool = False, colour: bool = False, encoding: str = "utf-8"
) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    console = Console(file=stream, width=width, force_terminal=colour, _environ={"TERM": "xterm"})
    print_plan(console, answer, verbose=verbose)
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("width", [40, 60, 120])
@pytest.mark.parametrize("name", SAMPLES)
def test_everything_fits_the_width(name: str, width: int, verbose: bool) -> None:
    text = _printed(SAMPLES[name](), width, verbose=verbose)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text, "nothing is cut"


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "hostile"])
def test_every_sentence_what_is_unseen_and_every_note_is_printed(name: str) -> None:
    answer = SAMPLES[name]()
    lines = _printed(answer, 400).splitlines()
    places = [lines.index(line) for line in summary_lines(answer)]
    assert places == sorted(places)
    assert [line for line in lines if line.startswith("- ")] == [f"- {each.sentence}" for each in answer.unseen]
    assert [line for line in lines if line.startswith("note: ")] == [f"note: {each}" for each in all_notes(answer)]


def test_the_answer_comes_first_and_what_it_rests_on_below() -> None:
    text = _printed(everything())
    places = [text.index(words) for words in (
        "ranker.toml: 868,353 parameters", "latency_p99_ms holds", "layers.width may be up to",
        "layers.width at each value", "MatMul takes 71%", "By type of operation", "By layer", "Memory: ",
        "Capacity of ", "To hold the objectives", "What random weights cannot show:", "  remedy Record real", "note: ",
    )]  # fmt: skip
    assert places == sorted(places)


def test_a_narrow_terminal_keeps_what_decides() -> None:
    lines = _printed(two_dimensions(), 60).splitlines()
    head = next(line for line in lines if line.startswith("embeddings.user.lookups "))
    assert head.split()[:4] == ["embeddings.user.lookups", "largest", "layers.width", "holds"]
    wide = _printed(two_dimensions(), 120).splitlines()
    assert any(line.startswith("embeddings.user.lookups") and "interval" in line for line in wide)


def test_many_operations_and_the_promises_are_shown_with_v() -> None:
    groups = tuple(replace(profile().by_layer[0], name=f"layer_{number}") for number in range(9))
    many = replace(passes(), profile=replace(profile(), by_layer=groups))
    short, whole = _printed(many), _printed(many, verbose=True)
    assert "layer_4 " in short
    assert "layer_5 " not in short
    assert "layer_8 " in whole
    for words in ("Operations\n", "What the trained model is expected to show", "Tracing overhead", "at each rate"):
        assert words not in short
        assert words in whole


def test_with_two_dimensions_each_value_is_shown_with_v() -> None:
    assert "at each value" not in _printed(two_dimensions())
    assert _printed(two_dimensions(), verbose=True).count("layers.width at each value, ") == 4


def test_a_console_that_knows_few_characters_gets_those() -> None:
    for width in (60, 120):
        for answer in (passes(), hostile()):
            _printed(answer, width, verbose=True, encoding="ascii").encode("ascii")
    assert "?" not in _printed(one_dimension(), encoding="ascii")


def test_foreign_text_moves_no_cursor_and_is_no_markup() -> None:
    text = _printed(hostile(), verbose=True, colour=True)
    assert "\u202e" not in text
    assert "\x07" not in text
    assert "[red]" in text
    assert "\n" not in final_line(hostile(), Path("a\nb"))


def test_the_final_line_names_the_page() -> None:
    assert final_line(passes(), None) == "PASS ranker.toml holds: latency_p99_ms 8.40 ms <= 20 ms; 1 server for 200/s"
    assert final_line(passes(), Path("reports/p/plan.html")).endswith("200/s  report: reports/p/plan.html")


def test_an_interruption_is_said_first() -> None:
    assert _printed(no_numbers(), 300).startswith("Interrupted: this is what was known by then.\n")
