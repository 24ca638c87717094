"""Payloads that changed: named if they did not all change alike, in the terminal and on the page."""

from __future__ import annotations

import io
from dataclasses import replace
from math import expm1, log1p

import numpy as np
import pytest
from rich.console import Console

from perfgate.report.html.page import render_html
from perfgate.report.payloads import payload_rows, payload_sentences, standing_out
from perfgate.report.terminal.result import print_result
from perfgate.results.result import Result
from perfgate.stats.payload_changes import PayloadChange, payload_changes
from perfgate.stats.table import TrialTable
from tests.report.example import passing
from tests.stats.generator import World, columns, design, facts, logs

PAYLOADS = 16


def _change(payload: int, change: float, half: float = 0.01, baseline_value: float = 2.0) -> PayloadChange:
    centre = log1p(change)
    ends = expm1(centre - half), expm1(centre + half)
    return PayloadChange("execute_ms", payload, 1 / PAYLOADS, baseline_value, change, *ends)


def _result(*changes: PayloadChange) -> Result:
    return replace(passing(), payload_changes=changes)


def _with(**changes: float) -> list[PayloadChange]:
    """Sixteen requests: the named ones (`p3`) changed by that amount, the others did not."""
    return [_change(number, changes.get(f"p{number}", 0.0)) for number in range(PAYLOADS)]


def test_the_worst_requests_are_named_with_their_part_of_the_traffic() -> None:
    assert payload_sentences(_result(*_with(p3=1.5, p11=1.5))) == (
        "execute_ms of requests 3 and 11 (12.5% of the traffic): +150%; of the others +0.0%",
    )
    assert payload_sentences(_result(*_with(p7=-0.3))) == (
        "execute_ms of request 7 (6.25% of the traffic): -30.0%; of the others +0.0%",
    )


def test_of_many_the_four_furthest_away_are_named() -> None:
    slow = {f"p{number}": 0.1 * (number + 1) for number in range(6)}
    (said,) = payload_sentences(_result(*_with(**slow)))
    assert said.startswith("execute_ms of requests 2, 3, 4, 5 and 2 more (37.5% of the traffic): +")
    assert [each.payload for each in standing_out(_with(**slow))] == [5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize(
    "changes",
    [
        (),
        [_change(number, 0.2 + 0.001 * (number % 3)) for number in range(PAYLOADS)],
        [_change(number, 0.009 * (number == 3), half=0.0001) for number in range(PAYLOADS)],
        [_change(number, 0.5 * (number == 3), half=0.5) for number in range(PAYLOADS)],
        [_change(0, 1.5), _change(1, 0.0)],
    ],
    ids=["older result", "all alike", "sure but tiny", "large but unsure", "two are no majority"],
)
def test_nothing_is_said_where_no_request_surely_stands_out(changes: list[PayloadChange]) -> None:
    result = _result(*changes)
    assert (payload_sentences(result), payload_rows(result)) == ((), ())
    assert "Change per payload" not in render_html(result)


def test_the_page_has_all_requests_of_the_metric_and_marks_those() -> None:
    result = _result(*_with(p3=1.5))
    assert [row.payload for row in payload_rows(result) if row.stands_out] == ["3"]
    assert len(payload_rows(result)) == PAYLOADS
    page = render_html(result)
    assert page.count("<h2>Change per payload</h2>") == 1
    assert '<th scope="row" align="left">3 <b>◆</b></th>' in page


def test_the_terminal_names_them_too() -> None:
    result = _result(*_with(p3=1.5))
    raw = io.StringIO()
    print_result(Console(file=raw, width=200), result)
    assert payload_sentences(result)[0] in raw.getvalue()


def _measured(hit: np.ndarray[tuple[int], np.dtype[np.float64]], seed: int) -> tuple[PayloadChange, ...]:
    world = World(parents=1, parent_sd=0.0, blocks=160)
    candidate, _, _ = design(world)
    payload = np.arange(world.blocks) % PAYLOADS
    times = logs(world, 0.0, np.random.default_rng((83, seed))) + np.log(hit)[payload][:, None] * candidate
    return payload_changes(
        TrialTable(columns(times, candidate, payload=payload), facts(world), shares=(1 / PAYLOADS,) * PAYLOADS)
    )


@pytest.mark.slow
def test_measured_requests_are_found_and_equal_ones_hardly_ever_named() -> None:
    hit = np.where(np.isin(np.arange(PAYLOADS), (3, 11)), 2.5, 1.0)
    for seed in range(5):
        (said,) = payload_sentences(_result(*_measured(hit, seed)))
        assert said.startswith("execute_ms of requests 3 and 11 (12.5% of the traffic): +1")
    named = [payload_sentences(_result(*_measured(np.ones(PAYLOADS), seed))) for seed in range(60)]
    assert sum(map(bool, named)) <= 4
