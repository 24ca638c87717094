from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from perfgate.report.charts.downsample import medians, min_max


@given(st.integers(1, 5000), st.integers(4, 400), st.integers(0, 9))
def test_the_extremes_stay_and_the_limit_holds(count: int, limit: int, seed: int) -> None:
    y = np.random.default_rng(seed).standard_cauchy(count)
    x = np.arange(count, dtype=float)
    kept_x, kept_y = min_max(x, y, limit)
    assert len(kept_x) <= max(limit, 1)
    assert (kept_y.min(), kept_y.max()) == (y.min(), y.max())
    assert np.all(np.diff(kept_x) > 0)
    assert np.array_equal(y[kept_x.astype(int)], kept_y)


def test_the_middle_is_drawn_too() -> None:
    y = np.random.default_rng(1).normal(size=40_000)
    kept = min_max(np.arange(40_000.0), y, 800)[1]
    assert np.mean(np.abs(kept) < 1) > 0.4


def test_a_short_series_is_left_alone() -> None:
    x = np.arange(10.0)
    assert min_max(x, x, 10)[1] is x


def test_medians_follow_the_course_and_ignore_a_spike() -> None:
    x = np.arange(90.0)
    y = np.where(x == 40, 1e6, x // 30)
    at, course = medians(x, y, 3)
    assert at.tolist() == [14.5, 44.5, 74.5]
    assert course.tolist() == [0, 1, 2]
