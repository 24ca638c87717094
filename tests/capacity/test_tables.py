from __future__ import annotations

from dataclasses import replace
from math import nan

import pytest

from perfgate.capacity.answer import RateStatus
from perfgate.capacity.servers_needed import servers_needed
from perfgate.capacity.tables import CURVE_COLUMNS, curve_table, needs_table
from tests.capacity.answers import SAMPLES, above, below, one_arm, two_arms, unknown_numbers


def test_one_row_a_rate_with_every_number() -> None:
    table = curve_table(one_arm().arms[0])
    assert table.title == "models/ranker/2 at each rate"
    assert table.columns == CURVE_COLUMNS
    assert table.rows[4] == (
        "280", "holds", "4.93 ms", "7.07 ms", "10.1 ms", "0%", "280", "0.672", "607 MiB", "4.96", "25%", "1.49", "1.00",
    )  # fmt: skip
    assert len(table.rows) == len(one_arm().arms[0].points)


def test_what_little_s_law_contradicts_is_marked_and_explained() -> None:
    table = curve_table(one_arm().arms[0])
    assert [row[-1] for row in table.rows if row[-1].endswith("!")] == ["0.810!"] * 2
    assert "! more than 10% off Little's law." in table.note
    assert "!" not in curve_table(above().arms[1]).note


def test_unknown_numbers_are_not_available_and_without_an_objective_the_worst_is_shown() -> None:
    table = curve_table(unknown_numbers().arms[0])
    assert {row[4] for row in table.rows} == {row[7] for row in table.rows} == {"n/a"}
    assert "queue:" not in table.note
    arm = above().arms[1]
    point = replace(arm.points[0], missed={"latency_p99_ms": 0.002, "error_rate": 0.03})
    assert curve_table(replace(arm, points=(point,))).rows[0][5] == "3%"
    assert curve_table(replace(arm, points=(replace(point, missed={}),))).rows[0][5] == "n/a"
    assert "the objective that most of them miss" in curve_table(arm).note


def test_servers_cpu_memory_and_cost_of_both_versions() -> None:
    answer = replace(two_arms(), needs=servers_needed(two_arms(), 3e5, 0.3, 2, 0.34))
    table = needs_table(answer)
    assert table
    assert table.title == "Servers needed"
    assert table.columns == ("what", ">models/ranker/1", ">models/ranker/2")
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["servers"] == ("906", "1,079")
    assert rows["by the estimate"] == ("875", "1,043")
    assert rows["CPU-hours a day, requests"] == ("17,280", "17,280")
    assert rows["CPU-hours a day, reserved"] == ("43,488", "51,792")
    assert rows["memory"] == ("541 GiB", "645 GiB")
    assert rows["cost a day"] == ("7,393", "8,805")
    assert table.note == ""


def test_rows_of_which_nothing_is_known_are_left_out() -> None:
    answer = replace(unknown_numbers(), needs=servers_needed(unknown_numbers(), 3e5, 0.3, 2))
    table = needs_table(answer)
    assert table
    assert [row[0] for row in table.rows] == [
        "servers", "by the estimate", "requests/s each", "CPU-hours a day, reserved",
    ]  # fmt: skip
    nothing = needs_table(replace(below(), needs=servers_needed(below(), 3e5, 0.3, 2)))
    assert nothing
    assert [row[0] for row in nothing.rows] == ["by the upper end", "CPU-hours a day, requests"]
    assert nothing.note == "n/a: no rate is known that the version carries."
    assert needs_table(below()) is None
    bound = needs_table(replace(above(), needs=servers_needed(above(), 3e5, 0.3, 2)))
    assert bound
    assert bound.rows[0] == ("servers", "906", "at most 672")


@pytest.mark.parametrize("name", SAMPLES)
def test_every_answer_has_its_tables(name: str) -> None:
    answer = SAMPLES[name]()
    needs = needs_table(replace(answer, needs=servers_needed(answer, 3e5, 0.3, 2)))
    assert needs
    arms = (*answer.arms, *(replace(arm, objective="", memory_mb=nan) for arm in answer.arms))
    for table in (needs, *map(curve_table, arms)):
        assert all(len(row) == len(table.columns) for row in table.rows)


@pytest.mark.parametrize("name", ["one_arm", "two_arms", "low_load"])
def test_the_answers_agree_with_themselves(name: str) -> None:
    for point in (point for arm in SAMPLES[name]().arms for point in arm.points):
        assert (point.p99_ms > 20) == (point.missed["latency_p99_ms"] > 0.01)
        assert point.p50_ms < point.p90_ms < point.p99_ms
        assert (point.status is RateStatus.HOLDS) <= (point.p99_ms <= 20)
