"""CPU, memory and throttling of a control group, version 1 or 2."""

from __future__ import annotations

import math
from pathlib import Path

from perfgate.observe import proc_files
from perfgate.observe.hierarchy import group_at, pids_in
from perfgate.observe.limits import Throttling
from perfgate.observe.proc_files import PROC, mib, numbers, text
from perfgate.trials import Memory, Usage


class ControlGroupAccounts:
    """Observes all processes of a control group, including those that come, go and have ended.

    RSS is the memory charged to the group, including its file cache: what counts against its limit. USS is its
    anonymous memory, PSS the sum over its processes.
    """

    def __init__(self, directory: Path, proc: Path = PROC) -> None:
        self._group, self._proc = group_at(directory, proc), proc
        self._throttling, self._peak_mb = Throttling(self._group), 0.0

    def cpu_ms(self) -> float:
        """CPU time of everything that ever ran in the group or below it; in steps of 1 us (v2) or 1 ns (v1)."""
        if self._group.v2:
            return numbers(self._read(self._group.account, "cpu.stat")).get("usage_usec", math.nan) / 1e3
        return _number(self._read(self._group.account, "cpuacct.usage")) / 1e6

    def memory(self) -> Memory:
        """Return current memory; reading PSS takes milliseconds a process."""
        now, most = ("current", "peak") if self._group.v2 else ("usage_in_bytes", "max_usage_in_bytes")
        charged_mb = mib(_number(self._read(self._group.memory, f"memory.{now}")))
        peak_mb = mib(_number(self._read(self._group.memory, f"memory.{most}")))  # v2 has it since Linux 5.19
        if math.isnan(charged_mb):
            return proc_files.UNKNOWN_MEMORY
        self._peak_mb = max(self._peak_mb, charged_mb, 0.0 if math.isnan(peak_mb) else peak_mb)
        detail = numbers(self._read(self._group.memory, "memory.stat"))
        own_mb = mib(detail.get("anon" if self._group.v2 else "total_rss", math.nan))
        return Memory(charged_mb, self._peak_mb, self._pss_mb(), own_mb)

    def usage(self) -> Usage:
        """Faults of the whole group, and its throttled time; switches are not counted by group."""
        count = numbers(self._read(self._group.memory, "memory.stat"))
        before = "" if self._group.v2 else "total_"
        all_faults, major = (count.get(before + name, math.nan) for name in ("pgfault", "pgmajfault"))
        return Usage(minor_faults=all_faults - major, major_faults=major, throttled_ms=self._throttling.ms())

    @property
    def missing(self) -> tuple[str, ...]:
        """What the group's controllers do not count."""
        unknown = {"CPU time": self.cpu_ms(), "memory": _number(self._read(self._group.memory, self._now))}
        return tuple(word for word, value in unknown.items() if math.isnan(value))

    def pids(self) -> list[int]:
        """List the processes that are currently in the group."""
        return [] if self._group.account is None else list(pids_in(self._group.account))

    @property
    def _now(self) -> str:
        return "memory.current" if self._group.v2 else "memory.usage_in_bytes"

    def _pss_mb(self) -> float:
        shares = [proc_files.memory(pid, self._proc).pss_mb for pid in self.pids()]
        known = [share for share in shares if not math.isnan(share)]
        return sum(known) if known else math.nan

    @staticmethod
    def _read(directory: Path | None, name: str) -> str | None:
        return None if directory is None else text(directory / name)


def _number(contents: str | None) -> float:
    """Read the single number in a file; NaN for none, and for `max`."""
    try:
        return float((contents or "").strip())
    except ValueError:
        return math.nan
