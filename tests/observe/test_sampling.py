from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from perfgate.observe.sampling import Sampler
from perfgate.trials import Subject

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's own accounts")

_WORK = "import sys\nprint(1, flush=True)\nwhile True: pass"
_SLEEP = "import sys\nprint(1, flush=True)\nsys.stdin.read()"


@pytest.fixture
def child() -> Iterator[Callable[[str], int]]:
    made: list[subprocess.Popen[bytes]] = []

    def start(program: str) -> int:
        one = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        made.append(one)
        assert one.stdout is not None
        one.stdout.readline()
        return one.pid

    yield start
    for one in made:
        one.kill()
        one.communicate()


def _wait(until: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 20
    while not until():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def test_working_and_idle_processes_are_distinguished(child: Callable[[str], int]) -> None:
    working, idle = child(_WORK), child(_SLEEP)
    began_s = time.monotonic()
    with Sampler([Subject(working), idle], every_s=0.02) as sampler:
        _wait(lambda: len(sampler.series().of(idle).time_s) >= 20)
    series = sampler.series()
    ended_s = time.monotonic()
    assert set(series.pid.tolist()) == {working, idle}
    assert np.all((series.time_s >= began_s) & (series.time_s <= ended_s))
    assert np.all(np.diff(series.time_s) >= 0)
    assert np.all(np.diff(series.of(working).cpu_ms) >= 0)
    assert series.of(working).cores > 5 * series.of(idle).cores
    assert np.all(series.rss_mb > 3)
    assert np.all(np.isnan(series.pss_mb))
    assert 0 < sampler.cost_share < 0.5
    middle_s = float(np.median(series.time_s))
    assert 0 < len(series.between(began_s, middle_s).time_s) < len(series.time_s)


def test_processes_may_come_later_and_end_earlier(child: Callable[[str], int]) -> None:
    first, second = child(_SLEEP), child(_SLEEP)
    with Sampler([first, 2**22 + 1, Subject()], every_s=0.01) as sampler:
        _wait(lambda: len(sampler.series().of(first).time_s) > 2)
        sampler.watch(second)
        _wait(lambda: len(sampler.series().of(second).time_s) > 2)
        os.kill(first, signal.SIGKILL)
        ended_s = time.monotonic() + 0.1
        _wait(lambda: len(sampler.series().of(second).between(ended_s, np.inf).time_s) > 5)
    series = sampler.series()
    assert len(series.of(first).between(ended_s, np.inf).time_s) == 0  # dead, but not waited for
    assert set(series.pid.tolist()) == {first, second}


def test_pss_is_read_now_and_then_of_one_at_a_time(child: Callable[[str], int]) -> None:
    pids = [child(_SLEEP) for _ in range(2)]
    with Sampler(pids, every_s=0.02, pss_every_s=0.2) as sampler:
        _wait(lambda: all(np.count_nonzero(~np.isnan(sampler.series().of(pid).pss_mb)) >= 2 for pid in pids))
    series = sampler.series()
    known = ~np.isnan(series.pss_mb)
    assert np.all(series.pss_mb[known] > 1)
    assert np.all(series.pss_mb[known] < series.rss_mb[known] + 1)
    assert np.all(np.diff(series.time_s[known]) > 0.01)


def test_the_program_imports_nothing_heavy() -> None:
    program = """
import sys
import perfgate.observe.sampler
print(*({name.partition(".")[0] for name in sys.modules} & {"numpy", "psutil", "tensorflow", "dataclasses", "asyncio"}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.slow
@pytest.mark.parametrize("signal_", [signal.SIGKILL, signal.SIGTERM])
def test_no_sampler_outlives_its_parent(signal_: signal.Signals) -> None:
    program = """
import os, threading, time
from perfgate.observe.sampling import Sampler
sampler = Sampler([os.getpid()])
beginner = threading.Thread(target=sampler.__enter__)
beginner.start()
beginner.join()
time.sleep(0.3)
assert len(sampler.series().time_s) > 0  # it lives on though the thread that began it ended
print(sampler._process.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        sampler = int(parent.stdout.readline())
        os.kill(sampler, 0)
        parent.send_signal(signal_)
    _wait(lambda: not _lives(sampler))


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_sampler_that_dies_leaves_what_it_wrote(child: Callable[[str], int]) -> None:
    pid = child(_SLEEP)
    with Sampler([pid], every_s=0.01) as sampler:
        _wait(lambda: len(sampler.series().time_s) > 2)
        assert sampler._process is not None
        sampler._process.kill()
        sampler._process.wait()
        sampler.watch(pid)
    assert len(sampler.series().time_s) > 2


def test_samples_need_time_between_them() -> None:
    with pytest.raises(ValueError, match="time between"):
        Sampler([], every_s=0)
