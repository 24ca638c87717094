from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perfgate.baseline.record import MetricSummary
from perfgate.metrics import Scale
from perfgate.results.history import MetricHistory, group_of, group_records, series_of
from tests.report.history_records import record, records, step


def only(series: dict[str, list[float | None]]) -> MetricHistory:
    (found,) = series_of(records(series))
    return found


def test_a_change_has_its_record_size_levels_and_direction() -> None:
    made = records({"execute_ms": step(40, 25, 0.10)})
    (series,) = series_of(made)
    (change,) = series.changes
    assert (change.index, change.point.record_id) == (25, made[25].id)
    assert change.change == pytest.approx(0.10, abs=0.01)
    assert change.lower < change.change < change.upper
    assert change.after / change.before == pytest.approx(1 + change.change)
    assert (change.direction, change.is_small) == ("worse", False)
    assert [(level.begin, level.end) for level in series.levels] == [(0, 25), (25, 40)]
    assert series.scale is Scale.RATIO


@pytest.mark.parametrize(
    ("metric", "size", "direction"),
    [
        ("execute_ms", -0.1, "better"),
        ("throughput_rps", 0.2, "better"),
        ("throughput_rps", -0.2, "worse"),
        ("new_metric", 0.1, "changed"),
    ],
)
def test_worse_is_what_the_metrics_table_says(metric: str, size: float, direction: str) -> None:
    (change,) = only({metric: [*step(40, 20, size)]}).changes
    assert change.direction == direction


@pytest.mark.parametrize(
    ("metric", "level", "size", "is_small"),
    [
        ("execute_ms", 2.0, 0.02, True),  # the gate accepts 2.5 %
        ("execute_ms", 2.0, 0.04, False),
        ("execute_ms", 2.0, -0.02, True),
        ("rss_peak_mb", 80.0, 0.08, True),  # 5 %, but at least 8 MiB
        ("rss_peak_mb", 800.0, 0.08, False),
        ("new_metric", 2.0, 0.02, False),
    ],
)
def test_changes_within_the_default_tolerance_are_small(metric: str, level: float, size: float, is_small: bool) -> None:
    series = only({metric: [*step(60, 30, size, level, spread=0.002)]})
    assert [change.is_small for change in series.changes] == [is_small]
    assert len(series.large) == (0 if is_small else 1)


def test_tigerbeetle_as_throughput_has_the_changes_that_otava_expects() -> None:
    """The default tolerance of throughput is 5 %, the smallest change in Otava's test of this series."""
    text = (Path(__file__).parents[1] / "data" / "tigerbeetle.json").read_text()
    series = only({"throughput_rps": [float(value) for value in json.loads(text)["values"]]})
    assert [change.index for change in series.large] == [15, 71]
    assert [change.direction for change in series.large] == ["worse", "better"]


def test_a_metric_that_is_compared_by_difference_keeps_its_unit() -> None:
    rng = np.random.default_rng(2)
    growth = [*rng.normal(-0.1, 0.1, 20), *rng.normal(2.9, 0.1, 20)]
    series = only({"rss_growth_mb_per_1k": growth})
    (change,) = series.changes
    assert series.scale is Scale.DIFFERENCE
    assert change.change == pytest.approx(3.0, abs=0.1)
    assert change.before == pytest.approx(-0.1, abs=0.1)
    assert change.direction == "worse"


def test_values_down_to_zero_are_compared_by_difference() -> None:
    rng = np.random.default_rng(3)
    queue = [0.0, *rng.uniform(0.0, 0.1, 19), *rng.uniform(1.0, 1.1, 20)]
    series = only({"queue_ms": queue})
    (change,) = series.changes
    assert series.scale is Scale.DIFFERENCE
    assert change.change == pytest.approx(1.0, abs=0.05)
    assert not change.is_small


def test_records_without_the_number_are_left_out_and_the_change_stays_with_its_record() -> None:
    values: list[float | None] = [*step(40, 20, 0.1)]
    for missing in (3, 7, 19, 30):
        values[missing] = None
    made = list(records({"execute_ms": values, "cpu_ms_per_request": [1.0]}))
    made[5] = replace(made[5], metrics={"execute_ms": MetricSummary(math.nan)})
    both = {series.metric: series for series in series_of(made)}
    assert len(both["execute_ms"].points) == 35
    assert both["execute_ms"].changes[0].point.record_id == made[20].id
    assert len(both["cpu_ms_per_request"].points) == 1


@pytest.mark.parametrize("values", [[2.0], [2.0] * 19, [2.0] * 30, [0.0] * 30])
def test_one_value_and_constants_have_one_level(values: list[float | None]) -> None:
    series = only({"execute_ms": values})
    assert series.changes == ()
    assert [level.value for level in series.levels] == pytest.approx([values[0]])
    assert series.is_long_enough == (len(values) >= 20)


def test_a_metric_that_no_record_has_a_number_for_has_no_series() -> None:
    assert list(series_of(records({"latency_p999_ms": [None, None]}))) == []


def test_series_stand_in_the_order_of_the_metrics_table_and_can_be_chosen() -> None:
    made = records({"rss_peak_mb": [300.0], "own": [1.0], "execute_ms": [2.0]})
    assert [series.metric for series in series_of(made)] == ["execute_ms", "rss_peak_mb", "own"]
    assert [series.metric for series in series_of(made, ["own", "rss_peak_mb"])] == ["rss_peak_mb", "own"]


def test_a_change_states_whether_the_model_changed() -> None:
    made = list(records({"execute_ms": step(40, 20, 0.1)}))
    assert [change.is_same_model for series in series_of(made) for change in series.changes] == [False]
    made[20] = replace(made[20], model=made[19].model)
    assert [change.is_same_model for series in series_of(made) for change in series.changes] == [True]


def test_other_scenarios_and_environments_are_listed_newest_first() -> None:
    old = record(0, {}, scenario_digest="sha256:aa")
    here, there = record(1, {}), record(2, {}, fingerprint="ff")
    newest = record(3, {})
    groups = group_records([newest, old, there, here])
    assert groups == ((here, newest), (there,), (old,))
    assert group_of(groups[0]).records == 2
    assert (group_of(groups[0]).first_utc, group_of(groups[0]).last_utc) == (here.created_utc, newest.created_utc)


def test_a_run_that_was_promoted_twice_counts_once() -> None:
    first, again = record(0, {}), record(1, {}, run_id="run-0")
    assert group_records([again, first]) == ((first,),)
