from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, isfinite, log, nan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from perfgate.planning.answer import ObjectiveStatus
from perfgate.planning.crossing import crossing_of
from perfgate.planning.evaluation import Evaluation, Ratio
from tests.planning.judged import METRIC, measured

VALUES = (400, 500, 630, 800)


def _line(limit: float, power: float, values: Sequence[int] = VALUES, error: float = 0.01) -> list[Evaluation]:
    return [measured(value, power * log(value / limit), error) for value in values]


@given(st.floats(420, 780), st.floats(0.2, 4))
def test_points_on_a_line_cross_where_the_line_does(limit: float, power: float) -> None:
    found = crossing_of(_line(limit, power), METRIC)
    assert found is not None
    assert found.value == pytest.approx(limit)
    assert found.slope == pytest.approx(power)
    assert found.lower < limit < found.upper


def test_the_interval_is_that_of_weighted_least_squares() -> None:
    """Computed another way: the line's value at the crossing has the error of a prediction, divided by the slope."""
    errors = np.array([0.02, 0.03, 0.02, 0.04])
    y = 1.5 * np.log(np.array(VALUES) / 560) + np.array([0.004, -0.003, 0.002, 0.001])
    points = [measured(value, float(each), float(error)) for value, each, error in zip(VALUES, y, errors, strict=True)]
    found = crossing_of(points, METRIC)
    assert found is not None
    x = np.log(VALUES)
    design = np.stack([np.ones(4), x], axis=1)
    covariance = np.linalg.inv(design.T @ np.diag(errors**-2) @ design)
    intercept, slope = covariance @ design.T @ (y / errors**2)
    at = -intercept / slope
    along = np.array([1.0, at])
    half = stats.t.ppf(0.975, 2) * sqrt(along @ covariance @ along) / slope
    assert (found.value, found.slope) == pytest.approx((exp(at), slope), rel=1e-9)
    assert (found.lower, found.upper) == pytest.approx((exp(at - half), exp(at + half)), rel=1e-9)


def test_more_scatter_than_the_measurements_explain_widens_the_interval() -> None:
    calm = crossing_of(_line(560, 1.5), METRIC)
    off = zip(VALUES, (0.1, -0.1, -0.1, 0.1), strict=True)
    rough = crossing_of([measured(value, 1.5 * log(value / 560) + each) for value, each in off], METRIC)
    assert calm is not None
    assert rough is not None
    assert log(rough.upper / rough.lower) > 3 * log(calm.upper / calm.lower)


def test_a_floor_far_below_does_not_bend_the_line() -> None:
    """A time that does not fall any further for small models: points far away are left out where there are enough."""
    floor = [measured(value, -2.0) for value in (4, 8, 16, 32)]
    found = crossing_of([*floor, *_line(560, 1.5)], METRIC)
    assert found is not None
    assert found.value == pytest.approx(560)
    assert found.slope == pytest.approx(1.5)


def test_measurements_without_an_interval_count_little() -> None:
    wild = Evaluation(560, {METRIC: Ratio(1.8, 0.0, inf, ObjectiveStatus.OPEN)})
    found = crossing_of([*_line(560, 1.5), wild], METRIC)
    assert found is not None
    assert found.value == pytest.approx(560, rel=0.01)


@pytest.mark.parametrize("limit", [399.0, 801.0, 5.0, 1e6])
def test_all_on_one_side_have_no_crossing(limit: float) -> None:
    assert crossing_of(_line(limit, 1.5), METRIC) is None


def test_a_time_that_falls_has_no_crossing() -> None:
    assert crossing_of(_line(560, -1.5), METRIC) is None
    assert crossing_of(_line(560, 1.5), "execute_ms") is None, "it was not measured"
    assert crossing_of([], METRIC) is None


def test_one_value_on_both_sides_has_none() -> None:
    assert crossing_of([measured(500, -0.02), measured(500, 0.02)], METRIC) is None


@pytest.mark.parametrize("value", [nan, inf, 0.0, -1.0])
def test_ratios_without_a_logarithm_are_left_out(value: float) -> None:
    odd = Evaluation(500, {METRIC: Ratio(value, 0.0, inf, ObjectiveStatus.BREAKS)})
    with_it, without = crossing_of([*_line(560, 1.5), odd], METRIC), crossing_of(_line(560, 1.5), METRIC)
    assert with_it == without
    assert with_it is not None


_POINTS = st.lists(st.tuples(st.integers(1, 10**6), st.floats(-3, 3), st.floats(1e-6, 1)), max_size=12)


@given(_POINTS)
def test_whatever_was_measured_there_is_a_crossing_or_none(points: list[tuple[int, float, float]]) -> None:
    found = crossing_of([measured(*each) for each in points], METRIC)
    if found is not None:
        assert isfinite(found.value)
        assert found.value > 0
        assert found.lower <= found.value <= found.upper
        assert found.slope > 0


def test_a_time_that_hardly_rises_crosses_nowhere() -> None:
    """The line through these reaches the bound at a width of e ** -745 or less, which is 0."""
    flat = [measured(1000, -0.001, 2.0), *(measured(value, 0.3) for value in (1010, 1020)), measured(1030, 0.29999)]
    assert crossing_of(flat, METRIC) is None


def test_the_interval_covers_the_limit_in_19_of_20_searches() -> None:
    rng, hits = np.random.default_rng(4), 0
    for _ in range(600):
        noise = rng.normal(0, 0.03, 8)
        values = (400, 450, 500, 540, 580, 630, 700, 800)
        logs = [1.5 * log(value / 560) + each for value, each in zip(values, noise.tolist(), strict=True)]
        found = crossing_of([measured(*each, 0.03) for each in zip(values, logs, strict=True)], METRIC)
        assert found is not None
        hits += found.lower <= 560 <= found.upper
    assert hits / 600 >= 0.93
