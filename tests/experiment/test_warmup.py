from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from perfgate.experiment.warmup import (
    MAX_REQUESTS,
    SHORT_WINDOW,
    WINDOW,
    Warmth,
    has_first_call_cost,
    is_stationary,
    warm_up,
)
from perfgate.loadgen.fake import FakeDriver
from perfgate.trials import Call

CALLS = (Call(b"x"),)
RUNS = 200


FIRST_CALLS_S = 15.0


def warm(
    driver: FakeDriver, calls: Sequence[Call], limit_s: float, first_calls_limit_s: float = FIRST_CALLS_S
) -> Warmth:
    return warm_up(driver, calls, lambda: driver.now_s, limit_s, first_calls_limit_s)


def test_falling_latency_is_not_stationary_and_level_or_rising_is() -> None:
    falling = [10 * 0.98**i for i in range(WINDOW)]
    assert not is_stationary(falling)
    assert is_stationary(falling[::-1])
    assert is_stationary([1.0] * WINDOW)


def test_a_slow_fall_within_the_level_is_a_trend() -> None:
    assert not is_stationary([1 - 0.0005 * i for i in range(WINDOW)])


def test_a_step_is_not_hidden_by_spikes_after_it() -> None:
    assert not is_stationary([2.0] * 21 + [9.0] * 9 + [1.0] * 10)


def test_a_spike_is_no_trend() -> None:
    assert is_stationary([30.0, *[1.0, 1.01] * 19, 1.0])


def test_warm_up_goes_on_until_the_cold_requests_are_out_of_the_window() -> None:
    driver = FakeDriver(service_ms=(*[5.0] * 30, *[1.0] * 1000))
    warmth = warm(driver, CALLS, 10)
    assert warmth.stationary
    assert 40 < warmth.requests <= 75
    assert warmth.seconds > 0
    assert warmth.warm_ms == pytest.approx(1.0)


def test_a_slow_model_is_warm_after_fewer_requests_when_half_of_the_time_is_up() -> None:
    driver = FakeDriver(service_ms=(30.0,))
    warmth = warm(driver, CALLS, 1.0)
    assert warmth.stationary
    assert SHORT_WINDOW <= warmth.requests < SHORT_WINDOW + 5


def test_warm_up_ends_with_its_time() -> None:
    driver = FakeDriver(service_ms=[1000 * 0.9**i for i in range(200)])
    warmth = warm(driver, CALLS, 4)
    assert not warmth.stationary
    assert 4 < warmth.seconds < 6


def test_warm_up_ends_with_its_count() -> None:
    driver = FakeDriver(service_ms=[1000 * 0.99**i for i in range(2000)], deadline_s=1e6)
    warmth = warm(driver, CALLS, 1e9)
    assert not warmth.stationary
    assert MAX_REQUESTS <= warmth.requests < MAX_REQUESTS + 5


def _kinds(count: int) -> tuple[Call, ...]:
    return tuple(Call(str(number).encode()) for number in range(count))


def _compiling(kinds: int, first_ms: float) -> list[float]:
    """A model that compiles for each kind of request, and then takes 1 ms."""
    return [*[first_ms, 1.0] * kinds, *[1.0] * 1000]


def test_every_distinct_request_is_sent_twice_before_it_may_end() -> None:
    driver = FakeDriver(service_ms=(1.0,))
    assert warm(driver, _kinds(40), 10).requests == 80
    assert warm(driver, _kinds(3), 10).requests == WINDOW + 1


@pytest.mark.parametrize("first_ms", [80.0, 280.0])
def test_what_compiles_for_each_request_is_warm_after_the_last_of_them(first_ms: float) -> None:
    driver = FakeDriver(service_ms=_compiling(40, first_ms))
    warmth = warm(driver, _kinds(40), 0.625)
    assert (warmth.stationary, warmth.cold_requests) == (True, 0)
    assert 80 + SHORT_WINDOW <= warmth.requests <= 80 + WINDOW
    assert warmth.warm_ms == pytest.approx(1.0)


def test_the_rule_before_called_it_warm_while_it_compiled() -> None:
    latencies = _compiling(40, 80.0)[: 2 * SHORT_WINDOW]
    assert is_stationary(latencies)  # half of them compile: no trend, no step


def test_first_calls_that_do_not_end_are_counted() -> None:
    driver = FakeDriver(service_ms=_compiling(100, 280.0))
    warmth = warm(driver, _kinds(100), 0.625)
    assert not warmth.stationary
    assert warmth.seconds == pytest.approx(FIRST_CALLS_S, rel=0.1)
    assert warmth.cold_requests == pytest.approx(100 - FIRST_CALLS_S / 0.281, abs=3)


def test_first_calls_that_would_take_far_too_long_are_not_gone_on_with() -> None:
    driver = FakeDriver(service_ms=_compiling(400, 280.0))
    warmth = warm(driver, _kinds(400), 0.625)
    assert not warmth.stationary
    assert 0.625 < warmth.seconds < 2.5
    assert warmth.cold_requests > 390


def test_a_slow_model_without_slow_first_calls_does_not_wait_for_all_its_requests() -> None:
    driver = FakeDriver(service_ms=(30.0,))
    warmth = warm(driver, _kinds(400), 1.0)
    assert (warmth.stationary, warmth.cold_requests) == (True, 0)
    assert warmth.requests <= SHORT_WINDOW + 5


@pytest.mark.parametrize(
    ("latencies", "slow"),
    [
        ([500.0, 1.0, *[1.0, 1.0] * 20], False),  # the very first
        ([1.0] * 6 + [80.0, 1.0] + [1.0] * 30, False),  # one spike
        ([1.3, 1.0] * 20, False),  # caches
        ([1.0, 1.0, 80.0, 1.0, 90.0, 1.0], True),
        ([1.0, 1.0] * 10 + [80.0, 1.0] * 2, True),
        ([1.0, 1.0, 80.0, 1.0, 90.0], True),  # the first available pair
        ([1.0, 1.0, 80.0, 1.0, 1.0, 1.0, 1.0, 1.0], False),
        ([1.0, 1.0, 80.0], False),  # its second half is not there yet
        ([], False),
    ],
)
def test_first_calls_are_slow_where_second_ones_are_far_quicker(latencies: list[float], slow: bool) -> None:
    assert has_first_call_cost(latencies) is slow


def _latencies(rng: np.random.Generator, cold: float, constant: float, noise: float) -> tuple[list[float], list[float]]:
    """Draw a true exponential decay to 1, and measurements of it: AR(0.39), 2 % spikes of 3.3 times."""
    shocks = rng.normal(size=MAX_REQUESTS)
    for i in range(1, MAX_REQUESTS):
        shocks[i] = 0.39 * shocks[i - 1] + np.sqrt(1 - 0.39**2) * shocks[i]
    true = 1 + cold * np.exp(-np.arange(MAX_REQUESTS) / constant)
    spikes = np.where(rng.uniform(size=MAX_REQUESTS) < 0.02, 3.3, 1.0)
    return true.tolist(), (true * np.exp(noise * shocks) * spikes).tolist()


def _two_windows_of_ten(latencies: list[float]) -> bool:
    """Compare medians of two windows of ten, the rule before this one."""
    return bool(np.median(latencies[-20:-10]) <= 1.05 * np.median(latencies[-10:]))


def _until(
    rule: Callable[[list[float]], bool], window: int, cold: float, constant: float, noise: float
) -> tuple[float, float]:
    """Return the mean number of requests until the rule says warm, and the share of runs still over 5 % slow then."""
    rng = np.random.default_rng(20)
    counts, slow = [], 0
    for _ in range(RUNS):
        true, measured = _latencies(rng, cold, constant, noise)
        count = window
        while count < MAX_REQUESTS and not rule(measured[count - window : count]):
            count += 5
        counts.append(count)
        slow += true[count - 1] > 1.05
    return float(np.mean(counts)), slow / RUNS


@pytest.mark.parametrize("noise", [0.03, 0.15])
def test_a_level_noisy_latency_is_found_warm_soon(noise: float) -> None:
    requests, _ = _until(is_stationary, WINDOW, 0.0, 1.0, noise)
    assert requests < 48


@pytest.mark.slow
@pytest.mark.parametrize(("cold", "constant"), [(9.0, 5.0), (9.0, 20.0), (1.0, 20.0)])
def test_a_falling_latency_is_hardly_ever_found_warm(cold: float, constant: float) -> None:
    _, slow = _until(is_stationary, WINDOW, cold, constant, 0.05)
    assert slow <= 0.02


def test_two_windows_of_ten_would_find_a_falling_latency_warm() -> None:
    _, slow = _until(_two_windows_of_ten, 20, 1.0, 20.0, 0.05)
    assert slow > 0.8
