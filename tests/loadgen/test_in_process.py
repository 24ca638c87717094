from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perfgate.loadgen.in_process import InProcessDriver, Loop, Run, series
from perfgate.loadgen.interface import ClosedLoop, OpenLoop
from perfgate.loadgen.pacing import pacer_for
from perfgate.trials import Call, Requests

DEADLINE_EXCEEDED, INTERNAL = 4, 13
TIMING = "queue;dur=0.5, execute;dur=2, encode;dur=0, batch;desc=8"


class FakeRemote:
    """Runs the loop in this process."""

    def __init__(self, scratch: Path, run: Callable[[int], tuple[int, str]]) -> None:
        self.scratch = scratch
        self.callers = 1
        self.prepared: list[tuple[Call, ...]] = []
        self._run = run

    def prepare(self, calls: Sequence[Call]) -> None:
        self.prepared.append(tuple(calls))

    def run_loop(self, loop: Loop, arguments: Mapping[str, Any]) -> None:
        assert "." not in loop.__qualname__  # another process finds it in its module
        loop(self._run, self.scratch, arguments)

    def call(self, call: Call) -> tuple[int, str, bytes]:
        return 0, "", call.body


def _drive(load: ClosedLoop | OpenLoop, run: Run, *, threads: int = 1, deadline_s: float = 5.0) -> Requests:
    width = load.in_flight if isinstance(load, ClosedLoop) else threads
    return series(run, pacer_for(load), width, 0, deadline_s)


def _sleep(seconds: float) -> Run:
    def run(_: int) -> tuple[int, str]:
        time.sleep(seconds)
        return 0, ""

    return run


def test_calls_are_made_in_turn_beginning_with_the_one_asked_for(tmp_path: Path) -> None:
    numbers: list[int] = []
    remote = FakeRemote(tmp_path, lambda number: (numbers.append(number) or 0, ""))  # type: ignore[func-returns-value]
    calls = (Call(b"a"), Call(b"b", kind=1), Call(b"c"))
    done = InProcessDriver(remote, 5.0).drive(calls, ClosedLoop(in_flight=1, requests=5), first_call=2)
    assert numbers == [2, 3, 4, 5, 6]
    assert done.kind is not None
    assert done.kind.tolist() == [0, 0, 1, 0, 0]
    assert remote.prepared == [calls]


def test_a_closed_loop_keeps_so_many_calls_under_way() -> None:
    now, most, lock = [0], [0], threading.Lock()

    def run(_: int) -> tuple[int, str]:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.005)
        with lock:
            now[0] -= 1
        return 0, ""

    done = _drive(ClosedLoop(in_flight=3, requests=30), run)
    assert done.status.tolist() == [0] * 30
    assert most[0] == 3
    assert np.all(done.send_lag_ms == 0)
    assert np.all(done.service_ms >= 5)


def test_a_closed_loop_ends_with_its_time() -> None:
    done = _drive(ClosedLoop(in_flight=2, duration_s=0.2), _sleep(0.01))
    assert 4 < done.status.size <= 42
    assert done.scheduled_s.max() < 0.2


def test_think_time_is_kept() -> None:
    done = _drive(ClosedLoop(in_flight=1, requests=4, think_time_s=0.05), _sleep(0.001))
    assert np.all(np.diff(done.scheduled_s) > 0.05)


def test_each_user_thinks_no_longer_than_it_should_while_another_one_sleeps() -> None:
    done = _drive(ClosedLoop(in_flight=2, requests=10, think_time_s=0.1), _sleep(0.001))
    # Two users, half a think time apart; a think time from the other user's next call would make it 0.75 s.
    assert done.scheduled_s.max() < 0.65


def test_an_open_loop_keeps_its_instants_and_waits_for_nobody() -> None:
    instants_s = np.linspace(0, 0.09, 10)
    done = _drive(OpenLoop(instants_s), _sleep(0.03), threads=4)
    assert done.scheduled_s.tolist() == instants_s.tolist()
    assert np.all(done.response_ms >= 30)
    assert done.send_lag_ms.min() >= 0


@pytest.mark.parametrize(("allowed", "reached"), [(30, 30), (1024, 40)])
def test_more_threads_come_when_they_are_needed_and_no_more_than_allowed(allowed: int, reached: int) -> None:
    now, most, lock, all_here = [0], [0], threading.Lock(), threading.Event()

    def run(_: int) -> tuple[int, str]:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
            if now[0] == reached:
                all_here.set()
        all_here.wait(10)  # even if threads start slowly on a busy machine
        time.sleep(0.1)  # time for an extra one to show
        with lock:
            now[0] -= 1
        return 0, ""

    done = _drive(OpenLoop(np.zeros(40)), run, threads=allowed)
    assert done.status.tolist() == [0] * 40
    assert most[0] == reached
    assert threading.active_count() < 20


def test_what_waits_for_a_thread_counts_as_sent() -> None:
    done = _drive(OpenLoop(np.zeros(4)), _sleep(0.02), threads=1)
    assert np.all(done.send_lag_ms == 0)
    np.testing.assert_allclose(done.service_ms, done.response_ms)
    assert np.all(done.response_ms > [19, 39, 59, 79])


def test_a_call_that_outlasts_its_deadline_has_failed_and_one_that_waited_it_out_is_not_made(tmp_path: Path) -> None:
    made: list[int] = []

    def run(number: int) -> tuple[int, str]:
        made.append(number)
        time.sleep(0.03)
        return 0, ""

    np.save(tmp_path / "x.npy", np.zeros(1))
    done = InProcessDriver(FakeRemote(tmp_path, run), 0.02).drive((Call(b""),), OpenLoop(np.zeros(3)))
    assert done.status.tolist() == [DEADLINE_EXCEEDED] * 3
    np.testing.assert_allclose(done.response_ms, 20)
    assert made == [0]


def test_a_status_of_the_model_is_kept_and_counts_as_the_deadline(tmp_path: Path) -> None:
    driver = InProcessDriver(FakeRemote(tmp_path, lambda number: (INTERNAL if number % 2 else 0, "")), 5.0)
    done = driver.drive((Call(b""),), ClosedLoop(in_flight=1, requests=4))
    assert done.status.tolist() == [0, INTERNAL, 0, INTERNAL]
    assert done.response_ms[1] == 5000
    assert done.response_ms[0] < 100


def test_stage_times_come_along(tmp_path: Path) -> None:
    driver = InProcessDriver(FakeRemote(tmp_path, lambda number: (0, TIMING if number else "")), 5.0)
    stages = driver.drive((Call(b""),), ClosedLoop(in_flight=1, requests=2)).stages
    assert stages is not None
    np.testing.assert_array_equal(stages.queue_ms, [np.nan, 0.5])
    np.testing.assert_array_equal(stages.batch_size, [np.nan, 8])
    silent = InProcessDriver(FakeRemote(tmp_path, lambda _: (0, "")), 5.0)
    assert silent.drive((Call(b""),), ClosedLoop(in_flight=1, requests=2)).stages is None


@pytest.mark.parametrize("in_flight", [1, 3])
def test_an_error_in_a_call_ends_the_series(in_flight: int) -> None:
    def run(number: int) -> tuple[int, str]:
        if number == 5:
            raise RuntimeError("the graph is gone")
        return 0, ""

    with pytest.raises(RuntimeError, match="the graph is gone"):
        _drive(ClosedLoop(in_flight=in_flight, duration_s=60), run)
    assert threading.active_count() < 20


def test_it_is_a_driver_with_no_cost_of_its_own(tmp_path: Path) -> None:
    with InProcessDriver(FakeRemote(tmp_path, lambda _: (0, "")), 5.0) as driver:
        assert driver.cpu_ms == 0
        assert driver.call(Call(b"x")).body == b"x"
        with pytest.raises(ValueError, match="no calls"):
            driver.drive((), ClosedLoop(in_flight=1, requests=1))
        empty = driver.drive((Call(b""),), OpenLoop(np.zeros(0)))
        assert empty.status.size == 0
