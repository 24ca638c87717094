from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from perfgate.metrics import Source
from perfgate.stats.quantile import _harrell_davis_weights, arm_times, harrell_davis, inverted_cdf, replica_times
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm, Depth, Lane
from tests.stats.build import NAN, requests, trial

_SHARES = (0.01, 0.5, 0.9, 0.99, 0.999)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 100, 2_000, 3_688, 40_001])
def test_harrell_davis_is_scipys(count: int) -> None:
    rng = np.random.default_rng(count)
    times = np.sort(rng.lognormal(0, 0.3, count) * np.where(rng.random(count) < 0.02, 50, 1))
    for share in _SHARES:
        expected = stats.quantile(times, share, method="harrell-davis")  # type: ignore[call-overload]  # stubs lack it
        assert harrell_davis(times, share) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize(("count", "share"), [(80_000, 0.99), (80_000, 0.5), (3_688, 0.999)])
def test_no_weight_is_lost_and_few_carry_any(count: int, share: float) -> None:
    first, weights = _harrell_davis_weights(count, share)
    assert weights.sum() == pytest.approx(1, abs=1e-13)
    assert first < share * count < first + weights.size
    assert weights.size < 20 * np.sqrt(count * share * (1 - share)) + 30


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300), st.floats(0, 1))
def test_an_order_statistic_is_numpys(values: list[float], share: float) -> None:
    ascending = np.sort(values)
    assert inverted_cdf(ascending, share) == np.quantile(ascending, share, method="inverted_cdf")


def test_times_are_gathered_over_a_replicas_trials_and_an_arms_replicas() -> None:
    rows = [
        trial(0, Arm.CANDIDATE, 1, requests([5.0, 2.0]), Lane.LOAD, Depth.REQUEST),
        trial(0, Arm.BASELINE, 2, requests([3.0, NAN]), Lane.LOAD, Depth.REQUEST),
        trial(0, Arm.BASELINE, 0, requests([])),
        trial(0, Arm.BASELINE, 0, requests([1.0])),
        trial(1, Arm.BASELINE, 0, requests([]), Lane.LOAD, Depth.REQUEST),
        trial(1, Arm.CANDIDATE, 1, requests([4.0, 3.0], queue_ms=1.0), Lane.LOAD, Depth.REQUEST),
    ]
    columns = TrialTable.of(rows).columns
    units, times = replica_times(columns, Source.LOAD, "service")
    assert list(zip(units.arm.tolist(), units.replica.tolist(), strict=True)) == [(0, 0), (0, 2), (1, 1)]
    assert [each.tolist() for each in times] == [[], [3.0, np.inf], [2.0, 3.0, 4.0, 5.0]]
    assert replica_times(columns, Source.LOAD, "response")[1][2].tolist() == [2.0, 4.0, 5.0, 5.0]
    assert arm_times(columns, Source.LOAD, "service", Arm.BASELINE).tolist() == [3.0, np.inf]
    assert arm_times(columns, Source.EXECUTE, "service", Arm.CANDIDATE).size == 0
    assert columns.service_ms[:2].tolist() == [5.0, 2.0]
