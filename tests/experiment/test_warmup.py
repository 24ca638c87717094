from __future__ import annotations

from collections.abc import Callable

from perfgate.experiment.warmup import MAX_REQUESTS, WINDOW, is_stationary, warm_up
from perfgate.load.fake import FakeDriver
from perfgate.trials import Call


def _clock(driver: FakeDriver) -> Callable[[], float]:
    return lambda: driver.now_s


def test_two_windows_are_needed() -> None:
    assert not is_stationary([1.0] * (2 * WINDOW - 1))
    assert is_stationary([1.0] * (2 * WINDOW))


def test_falling_latency_is_not_stationary_and_rising_is() -> None:
    falling = [10 * 0.98**i for i in range(2 * WINDOW)]
    assert not is_stationary(falling)
    assert is_stationary(falling[::-1])


def test_warm_up_goes_on_until_the_cold_requests_are_out_of_the_windows() -> None:
    driver = FakeDriver(service_ms=(*[5.0] * 30, *[1.0] * 1000))
    warmth = warm_up(driver, (Call(b"x"),), _clock(driver), limit_s=10)
    assert warmth.stationary
    assert 20 <= warmth.requests <= 60
    assert warmth.seconds > 0


def test_warm_up_ends_with_its_time() -> None:
    driver = FakeDriver(service_ms=[1000 * 0.9**i for i in range(200)])
    warmth = warm_up(driver, (Call(b"x"),), _clock(driver), limit_s=4)
    assert not warmth.stationary
    assert 4 < warmth.seconds < 6


def test_warm_up_ends_with_its_count() -> None:
    driver = FakeDriver(service_ms=[1000 * 0.99**i for i in range(2000)], deadline_s=1e6)
    warmth = warm_up(driver, (Call(b"x"),), _clock(driver), limit_s=1e9)
    assert not warmth.stationary
    assert warmth.requests == MAX_REQUESTS
