import errno
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pytest

from perfgate.errors import InvalidRunError, UsageError
from perfgate.loadgen.arrivals import constant
from perfgate.loadgen.connection import Request
from perfgate.loadgen.endpoint import ServerAddress
from perfgate.loadgen.engine import GrpcDriver
from perfgate.loadgen.interface import ClosedLoop, Driver, OpenLoop, Reply
from perfgate.loadgen.transports import GrpcTransport
from perfgate.loadgen.workers import Workers
from perfgate.trials import Call, Method

pytestmark = [pytest.mark.live, pytest.mark.alone]


class Process(Protocol):
    pid: int


class Echo(Protocol):
    @property
    def address(self) -> str: ...
    @property
    def process(self) -> Process: ...


@pytest.fixture
def dead_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def test_without_file_numbers_the_run_is_invalid_and_says_what_to_do(
    dead_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("perfgate.loadgen.wire.socket.socket", refuse)
    with (
        GrpcDriver(dead_address) as driver,
        pytest.raises(InvalidRunError, match="its limit of open connections") as caught,
    ):
        driver.drive([Call(b"")], ClosedLoop(1, requests=1))
    assert "ulimit -n" in caught.value.remedy


def test_requests_are_made_once_for_the_same_calls(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def prepare(self: GrpcTransport, calls: Sequence[Call]) -> Sequence[Request]:
        made.append(len(calls))
        return whole(self, calls)

    whole = GrpcTransport.prepare
    monkeypatch.setattr(GrpcTransport, "prepare", prepare)
    calls, changing = (Call(b"a"), Call(b"b")), [Call(b"a")]
    with GrpcDriver(echo.address) as driver:
        for first_call in range(3):
            driver.drive(calls, ClosedLoop(1, requests=1), first_call)
        for _ in range(2):
            driver.drive(changing, ClosedLoop(1, requests=1))
            changing.append(Call(b"c"))
    assert made == [2, 1, 2]


def test_file_numbers_may_be_high(echo: Echo) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], 1200), before[1]))
    taken = [os.open(os.devnull, os.O_RDONLY)]
    try:
        while taken[-1] < 1024:
            taken.append(os.open(os.devnull, os.O_RDONLY))
        with GrpcDriver(echo.address, connections=2) as driver:
            done = driver.drive([Call(b"abc")], ClosedLoop(4, requests=40))
        assert done.status.tolist() == [0] * 40
        with Workers(2) as workers, workers.driver(ServerAddress(echo.address)) as several:
            assert several.drive([Call(b"abc")], ClosedLoop(4, requests=40)).status.tolist() == [0] * 40
    finally:
        for number in taken:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def after(delay_s: float, pid: int, number: signal.Signals) -> threading.Timer:
    timer = threading.Timer(delay_s, os.kill, (pid, number))
    timer.start()
    return timer


def test_calls_are_answered_with_status_words_and_body(echo: Echo) -> None:
    with GrpcDriver(echo.address) as driver:
        assert driver.connect()
        assert driver.call(Call(b"abc")) == Reply(0, "", b"abc")
        assert driver.call(Call(b"")) == Reply(0, "", b"")
        assert driver.call(Call(b"fail 3 no input \xc3\xa9")) == Reply(3, "no input é", b"")
        assert driver.call(Call(b"abc")).body == b"abc"
        assert driver.call(Call(b"", Method.CLASSIFY)).status == 12


@pytest.mark.parametrize("connections", [1, 2])
def test_a_closed_loop_sends_each_request_once_in_order(echo: Echo, connections: int) -> None:
    with GrpcDriver(echo.address, connections=connections) as driver:
        calls = [Call(b"abc"), Call(b"fail 3"), Call(b"fail 5")]
        in_order = driver.drive(calls, ClosedLoop(1, requests=7), first_call=1)
        many = driver.drive([Call(b"abc")], ClosedLoop(16, requests=500))
        timed = driver.drive([Call(b"abc")], ClosedLoop(2, duration_s=0.1))

    assert in_order.status.tolist() == [3, 5, 0, 3, 5, 0, 3]
    assert many.status.tolist() == [0] * 500
    assert many.response_ms == pytest.approx(many.service_ms)
    assert not many.send_lag_ms.any()
    assert np.all(np.diff(many.scheduled_s) >= 0)
    assert 0 < timed.scheduled_s[-1] < 0.1


def test_failed_requests_count_as_the_deadline_in_drive_and_as_they_were_in_record(echo: Echo) -> None:
    with GrpcDriver(echo.address, deadline_s=2.0) as driver:
        driven = driver.drive([Call(b"fail 13")], ClosedLoop(1, requests=3))
        recorded = driver.record([Call(b"fail 13")], ClosedLoop(1, requests=3))

    assert driven.response_ms == pytest.approx([2000] * 3)
    assert recorded.status.tolist() == [13] * 3
    assert recorded.response_ms.max() < 1000


def test_an_open_loop_sends_at_its_instants(echo: Echo) -> None:
    instants = constant(200, 0.5)
    with GrpcDriver(echo.address) as driver:
        requests = driver.drive([Call(b"abc")], OpenLoop(instants))

    assert requests.scheduled_s == pytest.approx(instants)
    assert requests.status.tolist() == [0] * 100
    assert np.all(requests.send_lag_ms >= 0)
    assert np.median(requests.send_lag_ms) < 5
    assert requests.response_ms == pytest.approx(requests.service_ms + requests.send_lag_ms)


def test_sleeping_between_requests_takes_no_cpu(echo: Echo) -> None:
    with GrpcDriver(echo.address) as driver:
        driver.connect()
        before = time.thread_time()
        driver.drive([Call(b"abc")], OpenLoop(np.array([0.0, 0.25, 0.5])))
        assert time.thread_time() - before < 0.1


def test_a_deadline_ends_a_request_and_leaves_the_connection_to_the_others(echo: Echo) -> None:
    with GrpcDriver(echo.address, deadline_s=0.4) as driver:
        requests = driver.drive([Call(b"sleep 0.9"), Call(b"abc")], OpenLoop(np.array([0.0, 0.01, 0.02, 0.03])))

    assert requests.status.tolist() == [4, 0, 4, 0]
    assert np.all(requests.response_ms[[0, 2]] >= 400)
    assert np.all(requests.response_ms[[0, 2]] < 850)
    assert np.all(requests.response_ms[[1, 3]] < 400)


@pytest.mark.parametrize("size", [100_000, 5_000_000])
def test_large_requests_and_answers_pass(echo: Echo, size: int) -> None:
    large = os.urandom(size)
    with GrpcDriver(echo.address) as driver:
        assert driver.call(Call(large)).body == large
        assert len(driver.call(Call(f"size {size}".encode())).body) == size
        requests = driver.drive([Call(large)], ClosedLoop(4, requests=12))

    assert requests.status.tolist() == [0] * 12


def test_a_refused_connection_fails_each_request_and_none_is_lost(dead_address: str) -> None:
    with GrpcDriver(dead_address, deadline_s=0.5) as driver:
        assert not driver.connect()
        assert driver.call(Call(b"")).status == 14
        scheduled = driver.drive([Call(b"")], OpenLoop(constant(200, 0.2)))
        began = time.perf_counter()
        closed = driver.drive([Call(b"")], ClosedLoop(2, duration_s=0.2))
        took_s = time.perf_counter() - began

    assert scheduled.status.tolist() == [14] * 40
    assert scheduled.response_ms.min() >= 500
    assert np.median(scheduled.response_ms) == pytest.approx(500, abs=60)
    assert set(closed.status.tolist()) == {14}
    assert closed.status.size <= 30  # a pause follows each refusal
    assert took_s < 1


def test_a_killed_server_leaves_every_request_accounted_for(echo: Echo) -> None:
    with GrpcDriver(echo.address, deadline_s=0.5) as driver:
        driver.connect()
        timer = after(0.25, echo.process.pid, signal.SIGKILL)
        requests = driver.drive([Call(b"abc")], OpenLoop(constant(200, 0.5)))
        timer.join()

    assert requests.status.size == 100
    assert not requests.status[:40].any()
    assert requests.status[-30:].tolist() == [14] * 30
    assert np.all(requests.response_ms[requests.status != 0] >= 500)


def test_a_stopped_server_shows_in_the_response_time_of_the_open_loop(echo: Echo) -> None:
    with GrpcDriver(echo.address) as driver:
        driver.connect()
        timers = [after(0.2, echo.process.pid, signal.SIGSTOP), after(0.5, echo.process.pid, signal.SIGCONT)]
        requests = driver.drive([Call(b"abc")], OpenLoop(constant(200, 0.8)))
        for timer in timers:
            timer.join()

    assert requests.status.tolist() == [0] * 160
    assert 250 < requests.response_ms.max() < 1500
    assert np.count_nonzero(requests.response_ms > 50) > 30  # everything that arrived during the stop, not just one


def test_a_server_that_stays_stopped_times_out_every_request(echo: Echo) -> None:
    with GrpcDriver(echo.address, deadline_s=0.3) as driver:
        driver.connect()
        os.kill(echo.process.pid, signal.SIGSTOP)
        requests = driver.drive([Call(b"abc")], OpenLoop(constant(500, 0.2)))

    assert requests.status.tolist() == [4] * 100
    assert np.all((requests.response_ms >= 300) & (requests.response_ms < 1500))


def test_the_driver_goes_on_when_a_server_comes_back(echo: Echo) -> None:
    with GrpcDriver(echo.address, deadline_s=0.3) as driver:
        os.kill(echo.process.pid, signal.SIGSTOP)
        assert not driver.connect()
        os.kill(echo.process.pid, signal.SIGCONT)
        assert driver.connect()
        assert not driver.drive([Call(b"abc")], ClosedLoop(2, requests=20)).status.any()


def test_a_broken_connection_is_opened_again_before_the_next_series(dead_address: str) -> None:
    with GrpcDriver(dead_address, deadline_s=0.2) as driver:
        driver.drive([Call(b"")], ClosedLoop(1, requests=1))
        with socket.create_server(("127.0.0.1", int(dead_address.rpartition(":")[2]))):
            requests = driver.drive([Call(b"")], ClosedLoop(1, requests=1))  # accepted, but never answered

    assert requests.status.tolist() == [4]


@pytest.mark.parametrize("address", ["localhost", ":8500", "http://localhost:8500", "::1:8500", "a b:1"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="address"):
        GrpcDriver(address)


def test_closing_twice_does_no_harm(dead_address: str) -> None:
    driver: Driver = GrpcDriver(dead_address)
    driver.close()
    driver.close()
