"""Pid files of servers that daemonise, trusted only if file and process are newer than the launch.

An old file may name any process by now, and that process would be ended with the run.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from perfgate.serving.supervisor import process

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_COARSE_S = 1.0
"""Tolerance for the resolution of a file system's timestamps."""


@dataclass(frozen=True, slots=True)
class PidFile:
    """The pid file of a server that is about to be launched; there may be none."""

    file: Path | None
    _wall_s: float = field(default_factory=time.time)
    _boot_s: float = field(default_factory=lambda: time.clock_gettime(time.CLOCK_BOOTTIME))

    def written(self) -> int | None:
        """Read the process number; None if none has been written since the launch."""
        if self.file is None:
            return None
        try:
            fresh = self.file.stat().st_mtime >= self._wall_s - _COARSE_S
            return int(self.file.read_text(encoding="ascii").split()[0]) if fresh else None
        except (OSError, ValueError, IndexError):
            return None

    def running(self) -> int | None:
        """Return the process, if it is running and began after the launch."""
        pid = self.written()
        found = None if pid is None else process(pid)
        if found is None or found[0] == "Z" or (found[2] + 1) / _TICKS_A_SECOND < self._boot_s:
            return None
        return pid

    def awaited(self) -> bool:
        """Return whether a server may still be named in it, or is running."""
        return self.file is not None and (self.written() is None or self.running() is not None)
