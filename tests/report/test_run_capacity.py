"""A run's capacities on its page and on the terminal."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from perfgate.report.html.page import render_html
from perfgate.report.sentences import capacity_sentences
from perfgate.report.terminal.result import print_result
from perfgate.results.result import Result
from tests.capacity.answers import HOSTILE, SAMPLES, interrupted, two_arms
from tests.report.example import failing
from tests.report.test_html import assert_keeps_to_itself


def _printed(result: Result, width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    print_result(console, result)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_run_without_a_search_shows_nothing_of_it() -> None:
    assert capacity_sentences(failing()) == ()
    assert "Capacity of" not in _printed(failing())
    assert 'id="capacity"' not in render_html(failing())


def test_each_capacity_has_one_line_on_the_terminal() -> None:
    lines = [line for line in _printed(replace(failing(), capacity=two_arms())).splitlines() if "Capacity of" in line]
    assert lines == [
        "Capacity of models/ranker/1: 491 requests/s [474, 507] (95%); latency_p99_ms at most 20 ms breaks first.",
        "Capacity of models/ranker/2: 412 requests/s [398, 425] (95%); latency_p99_ms at most 20 ms breaks first.",
    ]


def test_an_interrupted_search_is_said_to_be() -> None:
    result = replace(failing(), capacity=interrupted())
    assert capacity_sentences(result)[-1].startswith("Interrupted: this is what was known after")
    assert "Interrupted: this is what was known" in render_html(result)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_section_of_every_answer_is_whole_and_fetches_nothing(name: str) -> None:
    page = render_html(replace(failing(), capacity=SAMPLES[name]()))
    assert_keeps_to_itself(page)
    assert page.count('<section id="capacity">') == 1
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_foreign_names_are_text() -> None:
    found = two_arms()
    arms = tuple(replace(arm, model=HOSTILE) for arm in found.arms)
    result = replace(failing(), capacity=replace(found, arms=arms))
    assert "<script>alert" not in render_html(result)
    assert "\u202e" not in _printed(result)
