"""CPU and memory of one process, from the kernel's own counters."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from pathlib import Path

import psutil

from perfgate.observe import proc_files
from perfgate.observe.clock import cpu_clock_id
from perfgate.observe.hierarchy import group_of
from perfgate.observe.limits import Throttling
from perfgate.observe.proc_files import PROC, mib
from perfgate.observe.threads import Switches
from perfgate.trials import Memory, Subject, Usage

_LINUX = sys.platform == "linux"


def cpu_clock_ms(pid: int) -> float:
    """CPU time of all threads since the process began; NaN if it is gone. In psutil's 10 ms ticks except on Linux."""
    try:
        if _LINUX:
            return time.clock_gettime_ns(cpu_clock_id(pid)) / 1e6
        times = psutil.Process(pid).cpu_times()
    except (OSError, psutil.Error):
        return math.nan
    return (times.user + times.system) * 1e3


class ProcessAccounts:
    """Observes one process; on Linux a CPU reading has nanoseconds, and takes about a microsecond."""

    def __init__(self, subject: Subject, proc: Path = PROC) -> None:
        if subject.pid is None:
            raise ValueError("no process is named")
        self._pid, self._proc = (pid := subject.pid), proc
        self._began = proc_files.stat(pid, proc)
        self._switches = Switches(pid, proc)
        self._throttling = Throttling(group_of(pid, proc))

    def cpu_ms(self) -> float:
        """CPU time of all threads since the process began."""
        return cpu_clock_ms(self._pid)

    def memory(self) -> Memory:
        """Return current memory, in MiB; reading PSS takes milliseconds: not during measurements."""
        return proc_files.memory(self._pid, self._proc) if _LINUX else _memory_off_linux(self._pid)

    def usage(self) -> Usage:
        """Switches and faults of all threads since the process began, and its control group's throttled time."""
        now, switches = proc_files.stat(self._pid, self._proc), self._switches.count()
        if now is None or self._began is None or now.start_ticks != self._began.start_ticks:
            return Usage()
        voluntary, involuntary = switches or (math.nan, math.nan)
        faults = float(now.minor_faults), float(now.major_faults)
        return Usage(voluntary, involuntary, *faults, throttled_ms=self._throttling.ms())

    @property
    def missing(self) -> tuple[str, ...]:
        """Nothing."""
        return ()


def _memory_off_linux(pid: int) -> Memory:
    with contextlib.suppress(psutil.Error, OSError):
        info = psutil.Process(pid).memory_full_info()
        return Memory(mib(info.rss), mib(info.rss), getattr(info, "pss", math.nan), mib(info.uss))
    return proc_files.UNKNOWN_MEMORY
