from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import pytest

from perfgate.planning.tables import (
    frontier_table,
    layers_table,
    objectives_table,
    ops_table,
    promises_table,
    scale_table,
    types_table,
)
from tests.planning.answers import (
    BREAKING,
    HOLDING,
    OPEN,
    SAMPLES,
    no_numbers,
    one_dimension,
    passes,
    profile,
    two_dimensions,
)


def test_objectives_have_their_margin_or_what_would_decide() -> None:
    table = objectives_table((HOLDING, replace(BREAKING, warns=True), OPEN))
    assert table.rows == (
        ("latency_p99_ms", "holds", "at most 20 ms", "8.40 ms", "[7.80, 9.40]", "58% left (53% to 61%)"),
        ("latency_p99_ms", "breaks (warn)", "at most 20 ms", "28.4 ms", "[25.8, 31.6]", "42% beyond (29% to 58%)"),
        ("latency_p99_ms", "open", "at most 20 ms", "19.2 ms", "[17.8, 21.6]", OPEN.more),
    )


def test_operations_are_shares_of_one_execution() -> None:
    table = ops_table(profile(), 2)
    assert table.rows[0] == (
        "MatMul", "ranker/layers_2/MatMul", "layers_2", "1", "1.04 ms", "45%", "[43.7%, 46.8%]",
    )  # fmt: skip
    assert table.note.startswith("Shares of one execution, 2.31 ms; 95% intervals over servers")
    assert table.note.endswith("4 more take less.")
    assert "more take less" not in ops_table(profile()).note
    assert len(ops_table(profile()).rows) == 6


def test_groups_end_with_what_no_operation_takes_and_add_up() -> None:
    found = profile()
    for table, groups in ((types_table(found), found.by_type), (layers_table(found), found.by_layer)):
        assert table.rows[-1] == ("outside of ops", "0.250 ms", "10.8%", "")
        assert len(table.rows) == len(groups) + 1
        assert sum(each.ms for each in groups) + found.rest_ms == pytest.approx(found.execute_ms)
    assert layers_table(found).rows[0] == ("layers_2", "1.10 ms", "47.6%", "[46.2%, 49.5%]")


def test_times_without_an_interval_or_an_execution_time_have_none() -> None:
    one = replace(profile().by_type[0], low=nan, high=inf)
    assert types_table(replace(profile(), by_type=(one,))).rows[0] == ("MatMul", "1.64 ms", "71%", "")
    assert types_table(replace(profile(), execute_ms=0.0)).rows[0][2] == "n/a"


def test_promises_without_a_value_are_left_out() -> None:
    table = promises_table(passes().promises)
    assert table.rows[2][:3] == ("rss_peak_mb", "612 MiB", "[598, 627]")
    assert table.rows[2][3].startswith("highest resident set size")
    assert len(table.rows) == len(passes().promises)
    assert promises_table(no_numbers().promises).rows == ()
    unknown = replace(passes().promises[0], metric="invented_ms")
    assert promises_table((unknown,)).rows == (("invented_ms", "2.31", "[2.19, 2.44]", ""),)


def test_the_scale_has_a_row_for_each_value() -> None:
    scale = one_dimension().scale
    assert scale
    table = scale_table(scale, scale.limits[0])
    assert table.title == "layers.width at each value"
    assert table.columns[0] == ">layers.width"
    assert table.rows[3] == ("1,408", "holds", "latency_p99_ms", "93%", "[87.4%, 98.6%]", "4,237,568", "2")
    endless = replace(scale.limits[0].points[0], ratio_upper=inf)
    assert scale_table(scale, replace(scale.limits[0], points=(endless,))).rows[0][4] == ""


def test_the_frontier_has_a_row_for_each_value_of_the_second_dimension() -> None:
    scale = two_dimensions().scale
    assert scale
    table = frontier_table(scale)
    assert table.columns[:2] == (">embeddings.user.lookups", ">largest layers.width")
    assert table.rows == (
        ("10", "3,800", "(at least 3,591)", "2,048", "", "latency_p99_ms"),
        ("40", "1,460", "[1,379, 1,562]", "1,408", "1,536", "latency_p99_ms"),
        ("160", "300", "(at most 321)", "", "512", "latency_p99_ms"),
        ("400", "below 256", "", "", "256", "latency_p99_ms"),
    )
    assert scale_table(scale, scale.limits[1]).title == "layers.width at each value, embeddings.user.lookups=40"
    held = replace(scale.limits[0], estimate=nan, holds=4096)
    lost = replace(held, holds=None)
    assert [row[1] for row in frontier_table(replace(scale, limits=(held, lost))).rows] == [
        "at least 4,096",
        "not known",
    ]


@pytest.mark.parametrize("name", SAMPLES)
def test_every_row_has_every_column(name: str) -> None:
    answer = SAMPLES[name]()
    tables = [objectives_table(answer.objectives), promises_table(answer.promises)]
    if answer.profile:
        tables += [ops_table(answer.profile), types_table(answer.profile), layers_table(answer.profile)]
    if answer.scale:
        tables += [frontier_table(answer.scale), *(scale_table(answer.scale, each) for each in answer.scale.limits)]
    for table in tables:
        assert all(len(row) == len(table.columns) for row in table.rows)
