import numpy as np
import pytest

from perfgate.loadgen.arrivals import constant
from perfgate.loadgen.fake import FakeDriver, Stall
from perfgate.loadgen.interface import ClosedLoop, Driver, OpenLoop
from perfgate.trials import Call

CALLS = (Call(b""),)


def test_a_queue_grows_when_requests_come_faster_than_they_are_served() -> None:
    requests = FakeDriver(service_ms=(10.0,)).drive(CALLS, OpenLoop(np.array([0.0, 0.005, 0.010, 0.100])))

    assert requests.response_ms == pytest.approx([10.0, 15.0, 20.0, 10.0])
    assert requests.scheduled_s == pytest.approx([0.0, 0.005, 0.010, 0.100])
    assert not requests.status.any()


def test_a_closed_loop_waits_for_answers() -> None:
    requests = FakeDriver(service_ms=(1.0, 3.0)).drive(CALLS, ClosedLoop(in_flight=2, requests=4))

    assert requests.scheduled_s == pytest.approx([0.0, 0.0, 0.001, 0.004])
    assert requests.service_ms == pytest.approx([1.0, 4.0, 4.0, 4.0])


def test_a_closed_loop_sends_nothing_after_its_duration() -> None:
    requests = FakeDriver(service_ms=(10.0,)).drive(CALLS, ClosedLoop(in_flight=1, duration_s=0.095))

    assert requests.scheduled_s.size == 10


def test_a_closed_loop_thinks_before_it_sends_again() -> None:
    requests = FakeDriver(service_ms=(10.0,)).drive([Call(b"")], ClosedLoop(in_flight=2, requests=4, think_time_s=0.1))

    assert requests.scheduled_s == pytest.approx([0.0, 0.05, 0.11, 0.16])


def test_virtual_time_goes_on_from_series_to_series() -> None:
    driver = FakeDriver(service_ms=(10.0,), stalls=(Stall(0.025, 1.0),))
    first = driver.drive(CALLS, ClosedLoop(1, requests=2))
    second = driver.drive(CALLS, ClosedLoop(1, requests=2))

    assert first.service_ms == pytest.approx([10.0, 10.0])
    assert second.service_ms == pytest.approx([1010.0, 10.0])
    assert driver.now_s == pytest.approx(1.04)
    assert driver.sent == 4


def test_what_is_given_up_counts_as_its_deadline_and_costs_the_server_nothing() -> None:
    driver = FakeDriver(service_ms=(100.0,), deadline_s=0.15)
    requests = driver.drive(CALLS, OpenLoop(np.array([0.0, 0.001, 0.002, 0.21])))

    assert requests.status.tolist() == [0, 4, 4, 0]
    assert requests.response_ms == pytest.approx([100.0, 150.0, 150.0, 100.0])


def test_failures_keep_their_status_and_count_as_the_deadline() -> None:
    driver = FakeDriver(failures={1: 13}, deadline_s=2.0)
    requests = driver.drive(CALLS, ClosedLoop(1, requests=3))

    assert requests.status.tolist() == [0, 13, 0]
    assert requests.response_ms == pytest.approx([1.0, 2000.0, 1.0])
    assert driver.call(Call(b"abc")).body == b"abc"


def test_a_stalled_server_shows_in_the_open_loop_and_hides_in_the_closed_one() -> None:
    """Coordinated omission: 500 requests/s for 10 s, with the server stopped for 1.4 s."""
    stalls = (Stall(3.0, 1.4),)
    open_loop = FakeDriver(service_ms=(0.1,), stalls=stalls).drive(CALLS, OpenLoop(constant(500, 10)))
    closed_loop = FakeDriver(service_ms=(0.1,), stalls=stalls).drive(CALLS, ClosedLoop(1, duration_s=10))

    assert np.quantile(open_loop.response_ms, 0.99) == pytest.approx(1300, abs=20)
    assert np.quantile(closed_loop.service_ms, 0.99) == pytest.approx(0.1)
    assert closed_loop.service_ms.max() == pytest.approx(1400.1)


def test_closing_is_remembered() -> None:
    fake = FakeDriver()
    driver: Driver = fake
    with driver:
        assert not fake.closed
    assert fake.closed


def test_a_series_needs_calls() -> None:
    with pytest.raises(ValueError, match="no calls"):
        FakeDriver().drive([], ClosedLoop(1, requests=1))
