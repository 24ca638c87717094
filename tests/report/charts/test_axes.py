from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.report.charts.axes import AxisScale, linear_ticks, log_ticks


def test_a_scale_maps_its_ends_and_its_middle() -> None:
    assert AxisScale(0, 10, 100, 0)([0, 5, 10]).tolist() == [100, 50, 0]
    assert AxisScale(1, 100, 0, 200, log=True).at(10) == pytest.approx(100)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_linear_ticks_are_few_round_and_within(low: float, width: float) -> None:
    high = low + width
    ticks = linear_ticks(low, high, 4)
    assert 2 <= len(ticks) <= 8
    assert all(low - width * 1e-6 <= tick <= high + width * 1e-6 for tick in ticks)


@given(st.floats(1e-3, 1e3), st.floats(1.02, 1e6))
def test_logarithmic_ticks_are_few_and_within(low: float, factor: float) -> None:
    ticks = log_ticks(low, low * factor, 6)
    assert 1 <= len(ticks) <= 11
    assert list(ticks) == sorted(set(ticks))
    assert all(low * 0.999 <= tick <= low * factor * 1.001 for tick in ticks)
