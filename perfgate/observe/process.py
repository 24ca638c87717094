"""CPU and memory of one process, from the kernel's own accounting."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path

import psutil

from perfgate.trials import Memory, Subject, Usage

_MIB = 1 << 20
_CPUCLOCK_SCHED = 2  # include/linux/posix-timers_types.h: a process's clock, in scheduler nanoseconds
_UNKNOWN = Memory(math.nan, math.nan, math.nan, math.nan)


def cpu_clock_id(pid: int) -> int:
    """Clock id of another process's CPU time, as `clock_getcpuclockid(3)` makes it on Linux: `(~pid << 3) | 2`."""
    return (~pid << 3) | _CPUCLOCK_SCHED


class ProcessAccounts:
    """Observes one process; a CPU reading costs about a microsecond on Linux, where it has nanoseconds."""

    def __init__(self, subject: Subject, proc: Path = Path("/proc")) -> None:
        if subject.pid is None:
            raise ValueError("no process is named")
        self._pid, self._proc = (pid := subject.pid), proc
        self._process = psutil.Process(pid)
        self._has_clock = sys.platform == "linux"

    def cpu_ms(self) -> float:
        """CPU time of all threads since the process began; off Linux with the 10 ms ticks that psutil has."""
        try:
            if self._has_clock:
                return time.clock_gettime_ns(cpu_clock_id(self._pid)) / 1e6
            times = self._process.cpu_times()
        except (OSError, psutil.Error):
            return math.nan
        return (times.user + times.system) * 1e3

    def memory(self) -> Memory:
        """Memory now, in MiB; reading PSS walks the page tables, which takes milliseconds: not within a measurement."""
        try:
            info = self._process.memory_full_info()
        except (psutil.Error, OSError):
            return _UNKNOWN
        rss_mb = info.rss / _MIB
        pss_mb = getattr(info, "pss", math.nan) / _MIB
        return Memory(rss_mb, max(self._peak_mb(), rss_mb), pss_mb, info.uss / _MIB)

    def usage(self) -> Usage:
        """Counters since the process began."""
        return Usage()

    @property
    def missing(self) -> tuple[str, ...]:
        """Nothing."""
        return ()

    def _peak_mb(self) -> float:
        """VmHWM of proc(5), which psutil does not read; 0 where there is none."""
        try:
            lines = (self._proc / str(self._pid) / "status").read_text().splitlines()
        except OSError:
            return 0.0
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)
