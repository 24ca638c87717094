import os
import re
import signal
import subprocess
import sys
import threading
import time
from typing import Any, Protocol

import numpy as np
import psutil
import pytest

from perfgate.errors import InvalidRunError
from perfgate.loadgen import records
from perfgate.loadgen.arrivals import constant
from perfgate.loadgen.division import divided, turn_of
from perfgate.loadgen.endpoint import ServerAddress
from perfgate.loadgen.engine import Engine
from perfgate.loadgen.interface import ClosedLoop, OpenLoop
from perfgate.loadgen.workers import Workers, open_driver
from perfgate.trials import Call, Requests, Stages

ACCOUNT = r"(\d+) requests were lost with it; of the (\d+) of the series, (\d+) were answered, (\d+) failed, and (\d+) "
LINE = "queue;dur=0.5, execute;dur=2, encode;dur=0.1, batch;desc=4"


class Server(Protocol):
    @property
    def address(self) -> str: ...
    @property
    def process(self) -> Any: ...


def part(*scheduled_s: float, kind: bool = False, stages: bool = False) -> Requests:
    times = np.array(scheduled_s)
    reported = Stages(times, times + 1, times + 2, times + 3) if stages else None
    kinds = np.full(times.size, 2, np.int8) if kind else None
    return Requests(times, times * 10, times * 20, times * 30, (times * 2).astype(np.int8), kinds, reported)


@pytest.mark.parametrize(("kind", "stages"), [(False, False), (True, False), (False, True), (True, True)])
def test_records_pass_as_bytes_as_they_are(kind: bool, stages: bool) -> None:
    requests = part(0.0, 1.5, 2.5, kind=kind, stages=stages)
    found = records.unpacked(*records.packed(requests))

    for name in ("scheduled_s", "response_ms", "service_ms", "send_lag_ms", "status"):
        assert np.array_equal(getattr(found, name), getattr(requests, name))
    assert (found.kind is not None, found.stages is not None) == (kind, stages)
    assert found.kind is None or found.kind.tolist() == [2] * 3
    assert found.stages is None or found.stages.batch_size.tolist() == [3.0, 4.5, 5.5]


def test_parts_are_merged_in_order_of_schedule() -> None:
    merged = records.merge([part(0.0, 2.0, stages=True), part(1.0, 3.0, kind=True)])

    assert merged.scheduled_s.tolist() == [0, 1, 2, 3]
    assert merged.status.tolist() == [0, 2, 4, 6]
    assert merged.send_lag_ms.tolist() == [0, 30, 60, 90]
    assert merged.kind is not None
    assert merged.kind.tolist() == [0, 2, 0, 2]
    assert merged.stages is not None
    assert merged.stages.queue_ms == pytest.approx([0, np.nan, 2, np.nan], nan_ok=True)


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
@pytest.mark.parametrize("size", [0, 1, 2, 11])
def test_each_arrival_goes_to_one_worker_with_its_own_call(workers: int, size: int) -> None:
    instants = np.arange(size) / 10
    shares = [share for share in divided(OpenLoop(instants), workers) if isinstance(share, OpenLoop)]
    calls = tuple(Call(bytes([number])) for number in range(4))
    sent: dict[float, Call] = {}
    for number, share in enumerate(shares):
        turn = turn_of(calls, 3, number, workers)
        sent |= {float(at): turn[index % len(turn)] for index, at in enumerate(share.instants_s)}

    assert sorted(sent) == instants.tolist()
    assert [sent[at] for at in instants.tolist()] == [calls[(3 + index) % 4] for index in range(size)]


def test_requests_in_flight_are_divided_as_evenly_as_they_go() -> None:
    shares = divided(ClosedLoop(7, requests=20, think_time_s=0.5), 3)

    assert shares == [ClosedLoop(n, requests=r, think_time_s=0.5) for n, r in [(3, 7), (2, 7), (2, 6)]]
    assert divided(ClosedLoop(2, duration_s=1), 3) == [ClosedLoop(1, duration_s=1), ClosedLoop(1, duration_s=1), None]
    assert divided(ClosedLoop(9, requests=2), 3) == [ClosedLoop(5, requests=1), ClosedLoop(4, requests=1), None]


def test_one_worker_is_this_process() -> None:
    with Workers(1) as workers, open_driver(ServerAddress("127.0.0.1:1"), workers) as driver:
        assert isinstance(driver, Engine)
        assert not workers.channels


@pytest.mark.live
@pytest.mark.alone
@pytest.mark.slow
def test_a_series_of_several_workers_is_one_series(echo: Server) -> None:
    calls = [Call(b"abc"), Call(b"fail 3", kind=1), Call(f"timing {LINE}".encode(), kind=2)]
    with Workers(2) as workers, open_driver(ServerAddress(echo.address, deadline_s=2.0), workers) as driver:
        assert driver.connect()
        assert driver.call(Call(b"x")).body == b"x"
        scheduled = driver.drive(calls, OpenLoop(constant(400, 0.5)), first_call=1)
        cpu_ms, pids = driver.cpu_ms, [process.pid for process in workers.channels]
        closed = driver.drive(calls, ClosedLoop(5, requests=301))
        empty = driver.drive(calls, OpenLoop(np.empty(0)))
        one = driver.drive(calls, ClosedLoop(1, requests=3))
        assert driver.cpu_ms > cpu_ms
        assert driver.pauses == 0
        with open_driver(ServerAddress(echo.address), workers) as other:
            assert not other.drive(calls[:1], ClosedLoop(4, requests=8)).status.any()
        assert [process.pid for process in workers.channels] == pids

    assert scheduled.scheduled_s == pytest.approx(constant(400, 0.5))
    assert scheduled.status.tolist() == ([3, 0, 0] * 67)[:200]
    assert scheduled.kind is not None
    assert scheduled.kind.tolist() == ([1, 2, 0] * 67)[:200]
    assert scheduled.stages is not None
    assert np.count_nonzero(~np.isnan(scheduled.stages.queue_ms)) == np.count_nonzero(scheduled.kind == 2)
    assert np.all(scheduled.send_lag_ms >= 0)
    assert np.all(scheduled.response_ms[scheduled.status == 3] >= 2000)
    assert closed.status.size == 301
    assert np.all(np.diff(closed.scheduled_s) >= 0)
    assert empty.status.size == 0
    assert one.status.tolist() == [0, 3, 0]
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


@pytest.mark.live
@pytest.mark.alone
def test_a_worker_that_dies_makes_the_run_invalid(echo: Server) -> None:
    with Workers(2) as workers, open_driver(ServerAddress(echo.address), workers) as driver:
        victim = workers.start()[1].pid
        timer = threading.Timer(0.8, os.kill, (victim, signal.SIGKILL))
        timer.start()
        with pytest.raises(InvalidRunError, match=rf"process {victim}\) died: killed by SIGKILL") as caught:
            driver.drive([Call(b"abc")], OpenLoop(constant(100, 5)))
        timer.join()
        assert not workers.channels
        assert not driver.drive([Call(b"abc")], ClosedLoop(2, requests=4)).status.any()  # started again

    found = re.search(ACCOUNT, caught.value.problem)
    assert found is not None
    lost, planned, answered, failed, unsent = map(int, found.groups())
    assert (lost, planned, failed) == (250, 500, 0)
    assert lost + answered + failed + unsent == planned
    assert 0 < answered < unsent  # the other worker stopped long before its five seconds were over


@pytest.mark.live
@pytest.mark.alone
def test_a_worker_that_dies_while_it_sends_for_a_time_has_said_how_many_it_had_sent(echo: Server) -> None:
    load = ClosedLoop(4, duration_s=20, think_time_s=0.02)
    with Workers(2) as workers, open_driver(ServerAddress(echo.address), workers) as driver:
        assert (
            driver.drive([Call(b"abc")], ClosedLoop(4, requests=2000)).status.size == 2000
        )  # which do not count later
        victim = workers.start()[1].pid
        timer = threading.Timer(1.4, os.kill, (victim, signal.SIGKILL))
        timer.start()
        with pytest.raises(InvalidRunError, match=rf"process {victim}\) died: killed by SIGKILL") as caught:
            driver.drive([Call(b"abc")], load)
        timer.join()

    found = re.search(
        r"at least ([\d,]+) requests were lost with it; .* ([\d,]+) were answered, 0 failed", caught.value.problem
    )
    assert found is not None
    lost, answered = (int(number.replace(",", "")) for number in found.groups())
    assert 0 < lost <= 1.4 * 2 / 0.02  # two in flight, of which each waits for 20 ms in between
    assert 0 < answered <= 2.5 * 2 / 0.02


@pytest.mark.live
@pytest.mark.alone
def test_pauses_after_broken_connections_are_counted() -> None:
    with Workers(2) as workers, open_driver(ServerAddress("127.0.0.1:1", deadline_s=0.2), workers) as driver:
        refused = driver.drive([Call(b"")], ClosedLoop(2, duration_s=0.3))

    assert set(refused.status.tolist()) == {14}
    assert refused.response_ms == pytest.approx([200] * refused.status.size, abs=50)
    assert driver.pauses >= refused.status.size // 2


@pytest.mark.live
@pytest.mark.alone
def test_no_worker_outlives_a_killed_parent(echo: Server) -> None:
    program = f"""
import sys, numpy as np
from perfgate.loadgen.workers import Workers, open_driver
from perfgate.loadgen.endpoint import ServerAddress
from perfgate.loadgen.interface import OpenLoop
from perfgate.trials import Call
with Workers(2) as workers, open_driver(ServerAddress({echo.address!r}), workers) as driver:
    print(*[process.pid for process in workers.start()], flush=True)
    driver.drive([Call(b"abc")], OpenLoop(np.arange(100_000) / 100))
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    time.sleep(1.0)
    assert len([pid for pid in pids if psutil.pid_exists(pid)]) == 2
    parent.kill()
    parent.communicate()
    end_s = time.monotonic() + 5
    while time.monotonic() < end_s and any(_runs(pid) for pid in pids):
        time.sleep(0.02)

    assert not [pid for pid in pids if _runs(pid)]


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_worker_imports_nothing_heavy() -> None:
    program = "import sys, perfgate.loadgen.worker; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert not set(done.stdout.split()) & {"tensorflow", "pandas", "scipy", "grpc", "pydantic", "pyarrow", "click"}
