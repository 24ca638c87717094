"""How long a thread was ready to run and had to wait for a CPU, from the kernel's scheduler statistics."""

from __future__ import annotations

import os
import threading
from contextlib import suppress


class RunDelay:
    """Reads the calling thread's run delay: each thread has a file of its own, opened at its first question."""

    def __init__(self) -> None:
        self._own = threading.local()

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
