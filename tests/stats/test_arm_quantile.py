"""Percentiles of all requests of an arm, with servers as clusters."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from perfgate.metrics import BY_NAME, Source
from perfgate.stats.arm_quantile import arm_quantiles
from perfgate.stats.effect import Effect
from perfgate.stats.estimate import estimate
from perfgate.stats.quantile import harrell_davis, replica_times
from perfgate.stats.replicate import requests_for_quantile
from perfgate.stats.table import Columns, TrialTable
from perfgate.trials import Arm
from tests.stats.build import load_trials

SERVERS, REQUESTS = 12, 200
P99 = BY_NAME["latency_p99_ms"]
NEED = requests_for_quantile(0.99)


def _columns(rng: np.random.Generator, server_sd: float = 0.0, slow: float = 0.0, requests: int = REQUESTS) -> Columns:
    """Skewed times; that share of the candidate's requests takes five times as long."""

    def times_ms(arm: Arm, _: int) -> list[float]:
        times = np.exp(rng.normal(0, 0.3, requests) + rng.normal(0, server_sd))
        return list((times * np.where(rng.random(requests) < slow * (arm is Arm.CANDIDATE), 5.0, 1.0)).tolist())

    return Columns.of(load_trials(SERVERS, times_ms))


def _logs(columns: Columns, share: float, of: int) -> NDArray[np.float64]:
    units, logs = arm_quantiles(columns, Source.LOAD, "response", share, of)
    assert logs is not None
    assert units.arm.size == 2 * SERVERS
    return logs


def _effect(columns: Columns) -> Effect:
    found = estimate(P99, TrialTable(columns), 0.01, cross_check=False)
    assert found is not None
    return found


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_the_mean_over_servers_is_harrell_and_davis_s_percentile_of_the_arm(share: float) -> None:
    columns = _columns(np.random.default_rng(3), server_sd=0.1)
    logs = _logs(columns, share, SERVERS * REQUESTS)
    for arm in (0, 1):
        times = np.sort(columns.response_ms.reshape(SERVERS, 2, REQUESTS)[:, arm].ravel())
        assert np.exp(logs.reshape(2, SERVERS)[arm].mean()) == pytest.approx(harrell_davis(times, share), rel=1e-9)


def test_a_server_that_is_slower_has_a_larger_part() -> None:
    def times_ms(_: Arm, number: int) -> list[float]:
        return list(((1 + number / 10) * np.linspace(1, 2, REQUESTS)).tolist())

    columns = Columns.of(load_trials(SERVERS, times_ms))
    ours = _logs(columns, 0.9, NEED)[:SERVERS]
    assert (np.diff(ours) > -1e-12).all()
    assert ours[-1] > ours[0]


@pytest.mark.parametrize("requests", [NEED // SERVERS, NEED // SERVERS + 1])
def test_it_takes_2_000_requests_of_an_arm(requests: int) -> None:
    _, logs = arm_quantiles(_columns(np.random.default_rng(4), requests=requests), Source.LOAD, "response", 0.99, NEED)
    assert (logs is None) is (requests * SERVERS < NEED)


def test_endless_requests_have_no_percentile() -> None:
    columns = _columns(np.random.default_rng(5))
    columns.response_ms[7] = np.nan
    assert arm_quantiles(columns, Source.LOAD, "response", 0.99, NEED)[1] is None


@pytest.mark.slow
@pytest.mark.parametrize("server_sd", [0.0, 0.1])
def test_bounds_of_equal_models_miss_as_often_as_they_may(server_sd: float) -> None:
    runs = 300
    found = [_effect(_columns(np.random.default_rng((6, run, int(server_sd * 10))), server_sd)) for run in range(runs)]
    missed = sum(each.lower > 0 for each in found) + sum(each.upper < 0 for each in found)
    assert missed <= stats.binom.isf(1e-3, 2 * runs, 0.01)
    spread = np.std([each.log_change for each in found])
    # Not too narrow; a sixth too wide if all requests are alike, because gaps between a few slow ones are random.
    assert 0.95 < np.sqrt(np.mean([each.log_se**2 for each in found])) / spread < 1.25


def test_one_request_in_60_five_times_slower_is_found_where_each_server_has_200() -> None:
    found = []
    for run in range(20):
        columns = _columns(np.random.default_rng((7, run)), server_sd=0.02, slow=1 / 60)
        _, times = replica_times(columns, Source.LOAD, "response")
        rule_before = min(each.size for each in times) >= NEED  # of each server; otherwise there was no number at all
        assert not rule_before
        found.append(_effect(columns))
    assert sum(each.lower > P99.catch / 2 for each in found) >= 19
