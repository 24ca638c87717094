"""How long work was ready to run and had to wait for a CPU, from the kernel's scheduler statistics."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Begun:
    """Where a stretch of work began, on three clocks, in ns: the thread's run delay, time, CPU time of the process."""

    delay_ns: int
    wall_ns: int
    cpu_ns: int


class RunDelay:
    """Reads the calling thread's run delay: each thread has a file of its own, opened at its first question."""

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.perf_counter_ns,
        cpu_ns: Callable[[], int] = time.process_time_ns,
    ) -> None:
        self._own, self._wall_ns, self._cpu_ns = threading.local(), wall_ns, cpu_ns

    def begin(self) -> Begun:
        """Begin a stretch of work of the calling thread."""
        return Begun(self.ns(), self._wall_ns(), self._cpu_ns())

    def since(self, begun: Begun) -> int:
        """Give the nanoseconds that the work of the calling thread waited; at most those in which the process ran not.

        A thread that hands its work to another one of its process, and is kept off the CPU by that very one, is ready
        and waits in the kernel's books, while the work goes on: that is no time lost. Work on several CPUs at once that
        used as much CPU time as it took has waited for none, by this count.
        """
        idle_ns = self._wall_ns() - begun.wall_ns - (self._cpu_ns() - begun.cpu_ns)
        return min(self.ns() - begun.delay_ns, max(0, idle_ns))

    def ns(self) -> int:
        """Give the nanoseconds waited since the thread began; 0 where the kernel does not tell.

        The second number of `/proc/thread-self/schedstat` (Linux, Documentation/scheduler/sched-stats.rst). Reading it
        takes some microseconds.
        """
        if not hasattr(self._own, "file"):
            self._own.file = None
            with suppress(OSError):
                self._own.file = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
        if self._own.file is None:
            return 0
        return int(os.pread(self._own.file, 64, 0).split()[1])
