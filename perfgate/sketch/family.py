"""All processes that a sketch's code started, in whatever group and below whatever parent."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess

import psutil

MARK = "PERFGATE_BUILDER"
"""Variable in the environment of a builder, which everything that is started below it inherits."""
_KILLING_S = 5.0
"""After this, remaining processes are asleep in the kernel, where no signal reaches them."""
_ROUNDS = 5


def kill_family(process: subprocess.Popen[bytes], mark: str) -> None:
    """Kill a process that leads a group, with its group and all that have its mark, and wait for them."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for _ in range(_ROUNDS):  # again, for what was started meanwhile
        if not (left := [each for each in psutil.process_iter() if _mark_of(each) == mark]):
            return
        for each in left:
            with contextlib.suppress(psutil.Error):
                each.kill()
        psutil.wait_procs(left, timeout=_KILLING_S)


def _mark_of(process: psutil.Process) -> str:
    try:
        return process.environ().get(MARK, "")
    except (psutil.Error, OSError):  # it ended, or belongs to somebody else
        return ""
