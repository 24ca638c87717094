from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from perfgate.serving.run_delay import RunDelay


def test_the_delay_is_the_kernels_own_and_never_falls() -> None:
    delay = RunDelay()
    first = delay.ns()
    until_s = time.perf_counter() + 0.02
    while time.perf_counter() < until_s:
        pass
    second = delay.ns()
    told = int(Path("/proc/thread-self/schedstat").read_text().split()[1])
    assert 0 <= first <= second <= told


def test_each_thread_is_told_its_own() -> None:
    delay, told = RunDelay(), []
    delay.ns()
    worker = threading.Thread(target=lambda: told.append(delay.ns()))
    worker.start()
    worker.join()
    assert 0 <= told[0] < 1e9  # a thread that just began has not waited as long as a whole process may have


def test_where_the_kernel_does_not_tell_nothing_was_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> int:
        raise FileNotFoundError

    monkeypatch.setattr("os.open", gone)
    assert RunDelay().ns() == 0
