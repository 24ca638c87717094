from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.console import Console

from perfgate.fleet.answer import FleetAnswer
from perfgate.fleet.sentences import demand_sentences, level_sentence, state_sentences
from perfgate.gate.verdict import Verdict
from perfgate.report.terminal.fleet import print_fleet
from tests.fleet.answers import (
    SAMPLES,
    answer,
    explained,
    failing,
    gate,
    hostile,
    invalid,
    many,
    move,
    objectives_only,
    passing,
)


def _printed(answer: FleetAnswer, width: int = 100, *, verbose: bool = False, colour: bool = False) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
    console = Console(file=stream, width=width, force_terminal=colour, _environ={"TERM": "xterm"})
    print_fleet(console, answer, verbose=verbose)
    return raw.getvalue().decode()


@pytest.mark.parametrize("width", [60, 100])
@pytest.mark.parametrize("name", SAMPLES)
def test_everything_fits_the_width_without_colour(name: str, width: int) -> None:
    text = _printed(SAMPLES[name](), width)
    assert max(map(len, text.splitlines())) <= width
    assert "\x1b" not in text
    assert "…" not in text, "nothing is cut"


def test_gates_that_need_attention_come_first_with_what_moved() -> None:
    lines = _printed(failing(), 140).splitlines()
    assert lines[0].split() == ["gate", "owner", "what", "moved", "since"]
    assert re.fullmatch(
        r"fail +ranker--bursty +ranking team +latency_p99_ms \+16\.6% \[\+13\.6, \+19\.6\] +2026-11-27",
        lines[1].strip(),
    )
    rows = [line.split()[:2] for line in lines[1 : lines.index("")] if not line.startswith(" ")]
    assert rows == [["fail", "ranker--bursty"], ["inconclusive", "audio--steady"], ["inconclusive", "ranker--steady"]]
    assert "rss_peak_mb needs about 90 s more" in lines[2], "why, and then what moved"


def test_the_weightiest_cause_has_a_line_of_its_own() -> None:
    _, moved, cause, *_ = _printed(explained(), 140).splitlines()
    assert "execute_ms +26.6% [+23.6, +29.6]" in moved
    assert cause.strip() == "Operations were added in tower_4: +0.371 ms [+0.363, +0.38]"


def test_a_gate_without_a_metric_says_what_decided() -> None:
    text = _printed(objectives_only(), 140)
    assert "latency_p99_ms 28.4 ms > 20 ms" in text
    assert "audio--steady" not in text, "it passes, and nothing moved"
    assert "audio--steady" in _printed(objectives_only(), 140, verbose=True)


def test_a_gate_that_fails_by_an_objective_says_so_beside_what_moved() -> None:
    found = replace(gate("ranker", "bursty", move("execute_ms", -0.1)), verdict=Verdict.FAIL, headline="p99 28.4 > 20")
    _, failed, moved, *_ = _printed(answer(found), 140).splitlines()
    assert failed.split()[0] == "fail"
    assert "p99 28.4 > 20" in failed
    assert moved.strip() == "execute_ms -10.0% [-13.0, -7.0]"


@pytest.mark.parametrize("build", [passing, failing, invalid])
def test_all_sentences_stand_below_the_table(build: Callable[[], FleetAnswer]) -> None:
    found = build()
    text = _printed(found, 400)
    said = (*state_sentences(found), *demand_sentences(found), level_sentence(found))
    places = [text.index(words) for words in said]
    assert places == sorted(places)


def test_of_many_gates_that_pass_only_some_of_those_that_moved_are_listed() -> None:
    counts = {
        verbose: sum(line.startswith("pass") for line in _printed(many(110), 300, verbose=verbose).splitlines())
        for verbose in (False, True)
    }
    assert counts[False] <= 10 < counts[True]


def test_hostile_names_move_no_cursor() -> None:
    text = _printed(hostile())
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", text)
    assert "[red]" in text, "it is no markup"


def test_verdicts_have_a_colour_where_there_is_colour() -> None:
    assert "\x1b[" in _printed(failing(), colour=True)
