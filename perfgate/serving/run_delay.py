"""Run delay: how long work was ready to run but waited for a CPU, from the kernel's scheduler statistics."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_STRETCHES = 50
"""Stretches between two searches for the working threads."""


@dataclass(frozen=True, slots=True)
class Begun:
    """Start of a stretch of work, on three clocks, in ns: the thread's run delay, time, CPU time of the process."""

    delay_ns: int
    wall_ns: int
    cpu_ns: int


class RunDelay:
    """Reads the calling thread's run delay; each thread has a file of its own, opened at its first use."""

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
        """Return the nanoseconds that the calling thread's work waited, at most those in which the process did not run.

        A thread that hands its work to another thread of its process, and is kept off the CPU by that one, counts as
        waiting for the kernel although the work continues: that is no lost time. By this bound, work on several CPUs
        that used as much CPU time as it took has not waited.
        """
        idle_ns = self._wall_ns() - begun.wall_ns - (self._cpu_ns() - begun.cpu_ns)
        return min(self.ns() - begun.delay_ns, max(0, idle_ns))

    def ns(self) -> int:
        """Return the nanoseconds waited since the thread began; 0 if the kernel does not report them.

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


class ProcessRunDelay(RunDelay):
    """Reads the run delay of all threads of this process that do the work, for one stretch of work at a time.

    TensorFlow hands most of a graph's operations to a thread of its own: the calling thread's delay is about half of
    what an execution waited on a busy machine (docs/explanation/method.md). Every 50th stretch finds these threads by
    their increase in CPU time; reading all of some 30 threads takes a tenth of a millisecond.
    """

    def __init__(self, tasks: Path = Path("/proc/self/task")) -> None:
        super().__init__()
        self._tasks, self._files, self._stretches = tasks, dict[str, int](), 0
        self._used_ns: dict[str, int] = {}  # of every thread, if this stretch is a search

    def begin(self) -> Begun:
        """Begin a stretch of work of the whole process."""
        if self._stretches % _STRETCHES == 0:
            self._open_all()
            self._used_ns = {thread: self._read(thread)[0] for thread in self._files}
        self._stretches += 1
        return super().begin()

    def since(self, begun: Begun) -> int:
        """Return the nanoseconds that the work waited in all its threads, at most those the process did not run."""
        waited_ns = max(0, super().since(begun))
        if self._used_ns:
            idle = [thread for thread, used_ns in self._used_ns.items() if self._read(thread)[0] == used_ns]
            self._used_ns = {}
            for thread in idle:
                os.close(self._files.pop(thread))
        return waited_ns

    def ns(self) -> int:
        """Sum over the threads that are read."""
        return sum(self._read(thread)[1] for thread in self._files)

    def _open_all(self) -> None:
        with suppress(OSError):
            for task in self._tasks.iterdir():
                if task.name not in self._files:
                    with suppress(OSError):
                        self._files[task.name] = os.open(task / "schedstat", os.O_RDONLY)

    def _read(self, thread: str) -> tuple[int, int]:
        """CPU time and run delay of a thread, ns; nothing for one that has ended."""
        try:
            used, waited, _ = os.pread(self._files[thread], 64, 0).split()
        except (OSError, ValueError):
            return 0, 0
        return int(used), int(waited)
