"""Kill a process, and wait until the kernel has removed it."""

from __future__ import annotations

import time

import psutil


def kill(pid: int, within_s: float = 10) -> None:
    """Send SIGKILL, and wait: a busy kernel takes time to remove a process, which listens until then."""
    process = psutil.Process(pid)
    process.kill()
    end_s = time.monotonic() + within_s
    while _there(process):
        assert time.monotonic() < end_s, f"process {pid} is still there {within_s:g} s after SIGKILL"
        time.sleep(0.01)


def _there(process: psutil.Process) -> bool:
    try:  # its first thread may be a zombie while others still hold its sockets open
        return process.is_running() and (process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1)
    except psutil.NoSuchProcess:  # its parent was faster
        return False
