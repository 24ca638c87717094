from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from perfgate.serving.run_delay import ProcessRunDelay, RunDelay


def test_the_delay_is_the_kernels_own_and_never_falls() -> None:
    delay = RunDelay()
    first = delay.ns()
    until_s = time.perf_counter() + 0.02
    while time.perf_counter() < until_s:
        pass
    second = delay.ns()
    kernel_ns = int(Path("/proc/thread-self/schedstat").read_text().split()[1])
    assert 0 <= first <= second <= kernel_ns


def test_each_thread_gets_its_own_delay() -> None:
    delay, delays = RunDelay(), []
    delay.ns()
    worker = threading.Thread(target=lambda: delays.append(delay.ns()))
    worker.start()
    worker.join()
    assert 0 <= delays[0] < 1e9  # a thread that has just begun has waited less than a whole process may have


class _SetClocks(RunDelay):
    """Three clocks that the test sets: run delay, time, CPU time; ns."""

    def __init__(self, *readings: tuple[int, int, int]) -> None:
        delay, wall, cpu = (iter(clock) for clock in zip(*readings, strict=True))
        super().__init__(lambda: next(wall), lambda: next(cpu))
        self._delays = delay

    def ns(self) -> int:
        return int(next(self._delays))


@pytest.mark.parametrize(
    ("end", "waited"),
    [
        ((3, 5, 2), 3),  # took 5, computed for 2, and was ready for the other 3
        ((3, 5, 5), 0),  # ready for 3, while another thread of the process did the work
        ((3, 5, 4), 1),  # some of both
        ((3, 5, 9), 0),  # on two CPUs
        ((1, 5, 2), 1),  # slept for 2, which is not waiting for a CPU
        ((0, 5, 5), 0),
    ],
)
def test_waiting_is_what_the_process_as_a_whole_lost(end: tuple[int, int, int], waited: int) -> None:
    delay = _SetClocks((100, 1000, 50), tuple(a + b for a, b in zip((100, 1000, 50), end, strict=True)))  # type: ignore[arg-type]
    assert delay.since(delay.begin()) == waited


def test_where_the_kernel_does_not_tell_nothing_was_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> int:
        raise FileNotFoundError

    monkeypatch.setattr("os.open", gone)
    assert RunDelay().ns() == 0


def _tell(tasks: Path, thread: str, used_ns: int, waited_ns: int) -> None:
    (tasks / thread).mkdir(exist_ok=True)
    (tasks / thread / "schedstat").write_text(f"{used_ns} {waited_ns} 7\n")


def test_work_that_another_thread_does_waits_there(tmp_path: Path) -> None:
    for thread in ("1", "2", "3"):
        _tell(tmp_path, thread, 1_000, 500)
    delay = ProcessRunDelay(tmp_path)
    begun = delay.begin()
    _tell(tmp_path, "1", 2_000, 600)  # hands the work over
    _tell(tmp_path, "2", 9_000, 900)  # does it
    time.sleep(0.001)  # the process did not run, for longer than its threads waited
    assert delay.since(begun) == 100 + 400
    again = delay.begin()
    _tell(tmp_path, "3", 9_000, 90_500)  # it was idle when the working threads were searched
    _tell(tmp_path, "2", 9_500, 950)
    time.sleep(0.001)
    assert delay.since(again) == 50


def test_a_thread_that_ends_takes_nothing_away(tmp_path: Path) -> None:
    _tell(tmp_path, "1", 1_000, 500)
    delay = ProcessRunDelay(tmp_path)
    begun = delay.begin()
    (tmp_path / "1" / "schedstat").write_text("")
    assert delay.since(begun) == 0


def test_in_this_process_it_is_at_least_the_calling_threads_own() -> None:
    delay, own = ProcessRunDelay(), RunDelay()
    begun = delay.begin()
    own_ns = own.ns()
    until_s = time.perf_counter() + 0.02
    while time.perf_counter() < until_s:
        pass
    assert 0 <= delay.since(begun) <= 20e6 + max(0, own.ns() - own_ns) + 1e9
    assert delay.ns() >= own_ns
