from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from perfgate.observe.process import ProcessAccounts, cpu_clock_id

_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's own accounts")


def _busy() -> int:
    return sum(number * number for number in range(200_000))


def test_cpu_time_grows_with_work() -> None:
    me = ProcessAccounts(os.getpid())
    before_ms = me.cpu_ms()
    _busy()
    assert me.cpu_ms() > before_ms


@_LINUX
def test_the_clock_id_is_the_c_librarys() -> None:
    import ctypes  # noqa: PLC0415 - Linux only

    clock = ctypes.c_int()
    assert ctypes.CDLL(None).clock_getcpuclockid(os.getpid(), ctypes.byref(clock)) == 0
    assert clock.value == cpu_clock_id(os.getpid())


def test_memory_is_plausible() -> None:
    memory = ProcessAccounts(os.getpid()).memory()
    assert 5 < memory.uss_mb <= memory.rss_mb + 1
    assert memory.rss_peak_mb >= memory.rss_mb


@_LINUX
def test_the_peak_comes_from_the_high_water_mark(tmp_path: Path) -> None:
    status = tmp_path / str(os.getpid())
    status.mkdir()
    (status / "status").write_text("Name:\tx\nVmHWM:\t 2097152 kB\n")
    assert ProcessAccounts(os.getpid(), proc=tmp_path).memory().rss_peak_mb == 2048


def test_a_gone_process_is_unknown_not_an_error() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        gone = ProcessAccounts(child.pid)
        assert gone.cpu_ms() >= 0
        child.communicate(b"\n")
    assert math.isnan(gone.cpu_ms())
    assert math.isnan(gone.memory().rss_mb)
