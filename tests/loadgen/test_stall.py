"""The truth under a stall: 500 requests/s for 10 s, with the server stopped for 1.4 s in the middle.

The server answers thousands a second, so that almost only the stop is visible: requests at its beginning waited 1.4 s,
those at its end not at all. The time to answer the 700 queued requests is added; it is measured with 700 concurrent
requests on separate connections, because REST opens one for each of them.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal, Protocol

import numpy as np
import pytest

from benchmarks.driver.noop_server import noop_server
from perfgate.loadgen.arrivals import constant
from perfgate.loadgen.endpoint import ServerAddress
from perfgate.loadgen.interface import Driver, OpenLoop
from perfgate.loadgen.workers import Workers, open_driver
from perfgate.trials import Call, Requests

pytestmark = [pytest.mark.live, pytest.mark.alone, pytest.mark.slow]

RATE_RPS, STOP_S = 500, 1.4


class Server(Protocol):
    @property
    def address(self) -> str: ...
    @property
    def process(self) -> Any: ...


def before_all_others(pid: int) -> None:
    """Exclude the machine's other work: on a busy machine a stopped process may get a CPU 0.1 s after SIGCONT."""
    with suppress(PermissionError):
        os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(2))


def stop_and_go(pid: int, begin_s: float) -> None:
    before_all_others(0)  # this thread
    time.sleep(max(0.0, begin_s - time.perf_counter()))
    os.kill(pid, signal.SIGSTOP)
    time.sleep(STOP_S)
    os.kill(pid, signal.SIGCONT)


def backlog_ms(endpoint: ServerAddress, body: bytes, workers: Workers | None = None) -> float:
    """Measure how long the server takes for as many requests as queue up while it is stopped."""
    at_once = OpenLoop(np.zeros(int(STOP_S * RATE_RPS)))
    with open_driver(endpoint, workers) as driver:
        return float(driver.drive([Call(body)], at_once).response_ms.max())


def drive_through_a_stop(driver: Driver, pid: int, duration_s: float, body: bytes) -> Requests:
    schedule = OpenLoop(constant(RATE_RPS, duration_s))
    before_all_others(pid)
    driver.drive([Call(body)], OpenLoop(constant(RATE_RPS, 0.2)))  # warm connections and caches, as in mid-run
    stopper = threading.Thread(target=stop_and_go, args=(pid, time.perf_counter() + duration_s / 2))
    stopper.start()
    requests = driver.drive([Call(body)], schedule)
    stopper.join()
    assert requests.scheduled_s == pytest.approx(schedule.instants_s)
    return requests


def tell_the_truth(requests: Requests, backlog_ms: float) -> None:
    assert requests.status.tolist() == [0] * 5000
    p90_ms, p99_ms = np.quantile(requests.response_ms, [0.9, 0.99])
    assert p99_ms == pytest.approx(1300, rel=0.1)
    assert 390 < p90_ms < 420 + backlog_ms


def count_the_late(requests: Requests, backlog_ms: float) -> None:
    """With a deadline of 0.5 s, all requests in the first 0.9 s of the stop got no response in time.

    Neither do those after them that the server cannot answer in time while it works the backlog off.
    """
    late = requests.status == 4
    assert requests.status.size == 2500
    assert 0.9 * 0.9 * RATE_RPS <= np.count_nonzero(late) <= (1.1 * 0.9 + backlog_ms / 1e3) * RATE_RPS
    assert np.count_nonzero(requests.status) == np.count_nonzero(late)
    assert np.all(requests.response_ms[late] >= 500)
    assert np.quantile(requests.response_ms, 0.99) == pytest.approx(500, rel=0.1)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stall_shows_over_grpc(workers: int) -> None:
    with noop_server("frames") as server, Workers(workers) as several:
        queued_ms = backlog_ms(ServerAddress(server.address), b"", several)
        with open_driver(ServerAddress(server.address), several) as driver:
            tell_the_truth(drive_through_a_stop(driver, server.pid, 10, b""), queued_ms)
        with open_driver(ServerAddress(server.address, deadline_s=0.5), several) as driver:
            count_the_late(drive_through_a_stop(driver, server.pid, 5, b""), queued_ms)


def test_a_stall_shows_over_rest(start_server: Callable[..., Server]) -> None:
    server = start_server("rest_noop.py")

    def endpoint(deadline_s: float) -> ServerAddress:
        protocol: Literal["rest"] = "rest"
        return ServerAddress(rest_address=server.address, protocol=protocol, deadline_s=deadline_s)

    queued_ms = backlog_ms(endpoint(5.0), b"{}")
    with open_driver(endpoint(5.0)) as driver:
        tell_the_truth(drive_through_a_stop(driver, server.process.pid, 10, b"{}"), queued_ms)
    with open_driver(endpoint(0.5)) as driver:
        count_the_late(drive_through_a_stop(driver, server.process.pid, 5, b"{}"), queued_ms)
