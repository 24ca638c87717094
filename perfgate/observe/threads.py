"""Activity of a process's threads: their switches, and their CPU time."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from perfgate.observe.proc_files import PROC, names, text

_SWITCHES = re.compile(r"\nvoluntary_ctxt_switches:\s*(\d+)\s+nonvoluntary_ctxt_switches:\s*(\d+)")
_NUMBER = re.compile(r"[\W_]*\d+(?![A-Za-z0-9])")


def folded(name: str) -> str:
    """Remove the counting part of a thread's name: `rpc_0` and `rpc_1` become `rpc`."""
    return _NUMBER.sub("", name) or name


def thread_cpu_ms(pid: int, proc: Path = PROC) -> Mapping[str, float]:
    """CPU time of the threads alive, by folded name, most first; empty if the kernel keeps no scheduler statistics.

    Excludes threads that ended, by which their sum is less than the process's CPU time.
    """
    used_ms: defaultdict[str, float] = defaultdict(float)
    for thread in names(f"{proc}/{pid}/task"):
        schedule = (text(f"{proc}/{pid}/task/{thread}/schedstat") or "").split()
        name = text(f"{proc}/{pid}/task/{thread}/comm")
        if name is not None and schedule and schedule[0] != "0":
            used_ms[folded(name.rstrip("\n"))] += int(schedule[0]) / 1e6
    return dict(sorted(used_ms.items(), key=lambda item: -item[1]))


class Switches:
    """Counts the context switches of a process; threads that ended keep their last observed value."""

    def __init__(self, pid: int, proc: Path = PROC) -> None:
        self._tasks = f"{proc}/{pid}/task"
        self._ended = (0.0, 0.0)
        self._alive: dict[str, tuple[float, float]] = {}

    def count(self) -> tuple[float, float] | None:
        """Voluntary and involuntary switches so far; None if the process is gone."""
        threads = names(self._tasks)
        seen = {thread: counts for thread in threads if (counts := self._of(thread)) is not None}
        if not seen:
            return None
        for thread, last in self._alive.items():
            if thread not in seen or seen[thread] < last:  # a smaller value: the number now belongs to another thread
                self._ended = _sum(self._ended, last)
        self._alive = seen
        return _sum(self._ended, *seen.values())

    def _of(self, thread: str) -> tuple[float, float] | None:
        found = _SWITCHES.search(text(f"{self._tasks}/{thread}/status") or "")
        return None if found is None else (float(found[1]), float(found[2]))


def _sum(*counts: tuple[float, float]) -> tuple[float, float]:
    return sum(voluntary for voluntary, _ in counts), sum(involuntary for _, involuntary in counts)
