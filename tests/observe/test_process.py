from __future__ import annotations

import ctypes
import math
import os
import subprocess
import sys
import threading
from dataclasses import astuple
from pathlib import Path

import pytest

from perfgate.observe.clock import cpu_clock_id
from perfgate.observe.process import ProcessAccounts
from perfgate.trials import Subject, Usage

_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's own accounts")


def _me() -> ProcessAccounts:
    return ProcessAccounts(Subject(os.getpid()))


def _busy() -> int:
    return sum(number * number for number in range(200_000))


def test_cpu_time_grows_with_work() -> None:
    me = _me()
    before_ms = me.cpu_ms()
    _busy()
    assert me.cpu_ms() > before_ms


@_LINUX
def test_the_clock_id_is_the_c_librarys() -> None:
    clock = ctypes.c_int()
    assert ctypes.CDLL(None).clock_getcpuclockid(os.getpid(), ctypes.byref(clock)) == 0
    assert clock.value == cpu_clock_id(os.getpid())


def test_memory_is_plausible() -> None:
    memory = _me().memory()
    assert 5 < memory.uss_mb <= memory.rss_mb + 1
    assert memory.rss_peak_mb >= memory.rss_mb


@_LINUX
def test_faults_and_switches_are_counted() -> None:
    me = _me()
    before = me.usage()
    pages = bytearray(50 << 20)
    for _ in range(20):
        threading.Event().wait(0.001)
    after = me.usage()
    assert len(pages) == 50 << 20
    assert after.minor_faults > before.minor_faults
    assert after.voluntary_switches >= before.voluntary_switches + 20
    assert me.missing == ()


@_LINUX
def test_the_peak_comes_from_the_high_water_mark(tmp_path: Path) -> None:
    _write(tmp_path / "7/status", "Name:\tx\nVmHWM:\t 2097152 kB\nVmRSS:\t 1024 kB\n")
    memory = ProcessAccounts(Subject(7), proc=tmp_path).memory()
    assert (memory.rss_mb, memory.rss_peak_mb) == (1, 2048)
    assert math.isnan(memory.pss_mb)  # not permitted to read PSS: RSS is known all the same


@_LINUX
def test_another_process_with_the_same_number_is_not_taken_for_it(tmp_path: Path) -> None:
    stat = "7 (a) b) c) S 1 1 1 0 -1 0 11 0 2 0 5 5 0 0 20 0 1 0 {} 0 0\n"
    status = "voluntary_ctxt_switches:\t3\nnonvoluntary_ctxt_switches:\t4\n"
    _write(tmp_path / "7/stat", stat.format(1000))
    _write(tmp_path / "7/task/7/status", "Name:\tx\n" + status)
    one = ProcessAccounts(Subject(7), proc=tmp_path)
    assert astuple(one.usage())[:4] == (3, 4, 11, 2)
    _write(tmp_path / "7/stat", stat.format(2000))
    assert all(math.isnan(value) for value in astuple(one.usage()))


def test_a_gone_process_is_unknown_not_an_error() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        gone = ProcessAccounts(Subject(child.pid))
        assert gone.cpu_ms() >= 0
        child.communicate(b"\n")
    assert math.isnan(gone.cpu_ms())
    assert math.isnan(gone.memory().rss_mb)
    assert all(math.isnan(value) for value in astuple(gone.usage()))
    assert len(astuple(gone.usage())) == len(astuple(Usage()))


def test_a_process_that_was_never_there_is_unknown_too() -> None:
    assert math.isnan(ProcessAccounts(Subject(2**22 + 1)).cpu_ms())
    with pytest.raises(ValueError, match="no process"):
        ProcessAccounts(Subject())


def _write(file: Path, contents: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(contents)
