"""Limits of control groups: those of a group and all its ancestors apply, so every level is searched."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from perfgate.observe.hierarchy import ControlGroup, own_levels
from perfgate.observe.proc_files import Read, mib, numbers, text

_NO_LIMIT = 1 << 60
"""In version 1, no limit is written as the largest number of pages."""


def quota_cpus(read: Read = text) -> float | None:
    """Return the smallest CPU quota of this process, as a number of CPUs; None if there is none."""
    quotas = (_quota(read, group) for group in own_levels("cpu", read))
    found = [int(words[0]) / int(words[1]) for words in quotas if len(words) > 1 and all(map(_is_limit, words[:2]))]
    return min(found, default=None)


def _quota(read: Read, group: Path) -> list[str]:
    """Read a quota and its period, in microseconds; `max` and -1 mean no quota."""
    if (both := read(f"{group}/cpu.max")) is not None:
        return both.split()
    return [(read(f"{group}/cpu.cfs_{name}_us") or "").strip() for name in ("quota", "period")]


def _is_limit(word: str) -> bool:
    return word.isdigit() and int(word) > 0


def throttled(read: Read = text) -> int | None:
    """Count how often a quota of this process was reached; None if this is not counted."""
    counts = [numbers(read(f"{group}/cpu.stat")).get("nr_throttled") for group in own_levels("cpu", read)]
    return max((int(count) for count in counts if count is not None), default=None)


def memory_mib(read: Read = text) -> float | None:
    """Return the smallest memory limit of this process; None if there is none."""
    return min((mib(limit) for _, limit in _memory_limits(read)), default=None)


def memory_left_mib(read: Read = text) -> float | None:
    """Return what the memory limits leave, including page cache that the kernel can reclaim; None without a limit."""
    left = [limit - _in_use(read, group) for group, limit in _memory_limits(read)]
    return min((mib(each) for each in left if not math.isnan(each)), default=None)


def _memory_limits(read: Read) -> Iterator[tuple[Path, int]]:
    """Yield each group that has a limit, with the limit in bytes."""
    for group in own_levels("memory", read):
        limit = (read(f"{group}/memory.max") or read(f"{group}/memory.limit_in_bytes") or "").strip()
        if limit.isdigit() and int(limit) < _NO_LIMIT:
            yield group, int(limit)


def _in_use(read: Read, group: Path) -> float:
    """Read the bytes that cannot be reclaimed; NaN if unknown."""
    used = (read(f"{group}/memory.current") or read(f"{group}/memory.usage_in_bytes") or "").strip()
    counts = numbers(read(f"{group}/memory.stat"))  # version 1: `total_` is the whole group's
    cache = counts.get("total_inactive_file", counts.get("inactive_file", 0.0))
    return int(used) - cache if used.isdigit() else math.nan


class Throttling:
    """How long CPU limits kept a group from running: its own limit and those of its ancestors, summed."""

    def __init__(self, group: ControlGroup | None) -> None:
        self._files = [path / "cpu.stat" for path in group.cpu] if group is not None else []
        self._name, self._per_ms = ("throttled_usec", 1e3) if group is None or group.v2 else ("throttled_time", 1e6)

    def ms(self) -> float:
        """Milliseconds since the group was created; NaN if no limit can be set."""
        counts = [numbers(text(file)).get(self._name) for file in self._files]
        known = [count for count in counts if count is not None]
        return sum(known) / self._per_ms if known else math.nan
