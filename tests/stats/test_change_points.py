from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import stats

from benchmarks.change_points.__main__ import coverage, false_alarms, power
from benchmarks.change_points.methods import METHODS, chosen, no_memory, pelt_bic, t_tests
from benchmarks.change_points.noise import NOISES, Change, autoregressive, log_normal, normal, shifted, student_t3
from perfgate.stats.change_points import (
    FEWEST,
    SHORTEST,
    autocorrelation,
    clip_outliers,
    find_levels,
    significance,
)
from perfgate.stats.change_points import _mean_variance as mean_variance

TIGERBEETLE = json.loads((Path(__file__).parents[1] / "data" / "tigerbeetle.json").read_text())
SERIES = 150

Numbers = NDArray[np.float64]


def worst_of(share: float, series: int) -> float:
    """Return the share that a method with that true rate exceeds in one of a thousand tests."""
    return float(stats.binom.ppf(0.999, series, share)) / series


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("normal", 20),
        ("normal", 50),
        ("Student's t, 3 df", 100),
        ("log-normal", 100),
        ("normal, one outlier of 8 sd", 30),
    ],
)
def test_independent_series_without_a_change_have_none(name: str, count: int) -> None:
    assert false_alarms(chosen, NOISES[name], count, SERIES) <= worst_of(0.01, SERIES)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [("AR(0.4)", 20), ("AR(0.4)", 100), ("AR(0.4), t with 3 df", 30)])
def test_a_series_with_memory_and_no_change_seldom_has_one(name: str, count: int) -> None:
    assert false_alarms(chosen, NOISES[name], count, SERIES) <= worst_of(0.04, SERIES)


@pytest.mark.slow
def test_what_would_raise_false_alarms_is_seen_to_do_so() -> None:
    """Negative controls: ignored autocorrelation, t-tests on skewed values, a penalty for independent values."""
    remembering = autoregressive(0.4)
    assert false_alarms(no_memory, remembering, 100, SERIES) > worst_of(0.04, SERIES)
    assert false_alarms(pelt_bic, remembering, 100, SERIES) > 0.5
    assert false_alarms(t_tests, log_normal, 200, SERIES) > worst_of(0.01, SERIES)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("true", "least"),
    [
        (Change(20, 10, 3.0), 0.65),
        (Change(30, 20, 3.0), 0.85),
        (Change(50, 40, 2.0), 0.7),
        (Change(100, 50, 2.0), 0.85),
    ],
)
def test_changes_are_found_where_they_are(true: Change, least: float) -> None:
    assert power(chosen, normal, true, SERIES) >= least


@pytest.mark.slow
def test_changes_are_found_in_series_with_memory_and_heavy_tails() -> None:
    assert power(chosen, autoregressive(0.4), Change(100, 50, 3.0), SERIES) >= 0.85
    assert power(chosen, student_t3, Change(50, 25, 2.0), SERIES) >= 0.7


@pytest.mark.slow
def test_the_intervals_of_changes_that_are_found_hold_the_truth() -> None:
    covered, mean = coverage(normal, Change(100, 50, 3.0), SERIES)
    assert covered >= 0.87
    assert mean == pytest.approx(3.0, abs=0.05)


@pytest.mark.parametrize("name", METHODS)
def test_every_way_that_was_tried_finds_a_plain_change(name: str) -> None:
    values = shifted(normal, (5,), Change(100, 50, 8.0))
    assert 50 in METHODS[name](values)


def test_tigerbeetle_has_the_changes_that_otava_expects() -> None:
    """Otava's own test expects exactly these two among changes of at least 5 %, without tolerance."""
    steps = find_levels(np.log(np.array(TIGERBEETLE["values"], np.float64))).steps
    large = [step.index for step in steps if abs(step.size) >= np.log(1.05)]
    assert large == TIGERBEETLE["otava_at_least_5_percent_p_0_01"]
    known = np.array(TIGERBEETLE["otava_any_size_p_0_001"])
    assert all(np.min(np.abs(known - step.index)) <= 2 for step in steps)
    assert len(steps) >= len(known) - 2


def test_levels_and_sizes_are_those_of_the_values() -> None:
    values = np.repeat([1.0, 3.0, 2.0], 10)
    found = find_levels(values)
    assert [step.index for step in found.steps] == [10, 20]
    assert found.levels == pytest.approx((1.0, 3.0, 2.0))
    assert [step.size for step in found.steps] == pytest.approx([2.0, -1.0])
    assert all(step.lower <= step.size <= step.upper for step in found.steps)


@pytest.mark.parametrize("count", range(FEWEST))
def test_too_few_values_have_one_level_and_no_change(count: int) -> None:
    values = np.where(np.arange(count) < count // 2, 0.0, 100.0)
    found = find_levels(values)
    assert found.steps == ()
    assert len(found.levels) == min(count, 1)


def test_the_fewest_that_are_enough_are_enough() -> None:
    assert [step.index for step in find_levels(np.repeat([0.0, 1.0], FEWEST // 2)).steps] == [FEWEST // 2]


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0])
def test_a_constant_has_no_change(value: float) -> None:
    assert find_levels(np.full(50, value)).steps == ()


def test_a_change_shorter_than_a_segment_is_an_outlier() -> None:
    values = normal(np.random.default_rng(1), 60)
    values[30 : 30 + SHORTEST - 2] += 20
    assert find_levels(values).steps == ()


def test_a_single_outlier_does_not_move_a_level() -> None:
    values = np.random.default_rng(2).normal(0, 0.1, 40)
    hit = values.copy()
    hit[-1] = 50.0
    assert find_levels(hit).levels[0] == pytest.approx(find_levels(values).levels[0], abs=0.02)


def test_clipping_leaves_a_lasting_change_and_what_is_mostly_constant() -> None:
    step = np.concatenate([np.zeros(20), np.ones(20)]) + np.random.default_rng(3).normal(0, 0.01, 40)
    assert np.max(np.abs(clip_outliers(step) - step)) < 0.05
    blips = np.zeros(40)
    blips[[4, 20, 33]] = 1.0
    assert np.array_equal(clip_outliers(blips), blips)


def test_memory_is_estimated_about_the_levels() -> None:
    remembering = autoregressive(0.6)(np.random.default_rng(4), 2000)
    remembering[1000:] += 5
    assert autocorrelation(remembering, (0, 1000, 2000)) == pytest.approx(0.6, abs=0.06)
    assert autocorrelation(np.ones(30), (0, 15, 30)) == 0.0


def test_the_variance_of_a_mean_agrees_with_its_definition() -> None:
    count, rho = 7, 0.6
    lags = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    assert mean_variance(count, rho) == pytest.approx(float(np.mean(rho**lags)))
    assert mean_variance(count, 0.0) == pytest.approx(1 / count)


def test_significance_is_that_of_students_t_on_normal_scores() -> None:
    values = np.random.default_rng(6).normal(size=30)
    values[18:] += 1
    scores = stats.norm.ppf((stats.rankdata(values) - 0.5) / 30)
    expected = stats.ttest_ind(scores[:18], scores[18:]).pvalue * 30
    assert significance(values, 18, 0.0) == pytest.approx(expected)
    assert significance(values, 18, 0.4) > significance(values, 18, 0.0)


def test_significance_where_nothing_varies() -> None:
    assert significance(np.repeat([1.0, 2.0], 10), 10, 0.0) == 0.0
    assert significance(np.ones(20), 10, 0.0) > 1


@settings(deadline=None, max_examples=60)
@given(arrays(np.float64, st.integers(0, 60), elements=st.floats(-1e6, 1e6, allow_subnormal=False)))
def test_any_series_is_split_in_order_and_in_whole(values: Numbers) -> None:
    found = find_levels(values)
    places = [0, *(step.index for step in found.steps), len(values)]
    assert all(b - a >= SHORTEST for a, b in pairwise(places)) or not found.steps
    assert len(found.levels) == (len(found.steps) + 1 if len(values) else 0)
    assert all(np.isfinite([step.size, step.lower, step.upper]).all() for step in found.steps)
    assert found == find_levels(values)
