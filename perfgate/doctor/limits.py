"""Limits of the control groups that this process is in, its own and those above: they hold for all below."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from perfgate.baseline.fingerprint import Read

_CGROUP = "/sys/fs/cgroup"
_NO_LIMIT = 1 << 60
"""Version 1 writes the largest number of pages for no limit."""


def quota_cpus(read: Read) -> float | None:
    """Give the smallest CPU quota, as a number of CPUs; None where there is none."""
    found = [
        int(words[0]) / int(words[1])
        for group in _groups(read, "cpu")
        if len(words := _quota(read, group)) > 1 and all(word.isdigit() and int(word) for word in words[:2])
    ]
    return min(found, default=None)


def throttled(read: Read) -> int | None:
    """Count how often a quota was reached; None where nobody counts."""
    texts = (read(f"{group}/cpu.stat") for group in _groups(read, "cpu"))
    counts = [int(match[1]) for text in texts if (match := re.search(r"^nr_throttled (\d+)", text or "", re.MULTILINE))]
    return max(counts, default=None)


def memory_mib(read: Read) -> float | None:
    """Give the smallest memory limit; None where there is none."""
    texts = (read(f"{group}/memory.max") or read(f"{group}/memory.limit_in_bytes") for group in _groups(read, "memory"))
    limits = [int(text) for text in texts if text and text.strip().isdigit()]
    return min((limit / 2**20 for limit in limits if limit < _NO_LIMIT), default=None)


def _quota(read: Read, group: str) -> list[str]:
    """Read microseconds of a period, and the period."""
    if (both := read(f"{group}/cpu.max")) is not None:
        return both.split()
    return [(read(f"{group}/cpu.cfs_{name}_us") or "").strip() for name in ("quota", "period")]


def _groups(read: Read, controller: str) -> Iterator[str]:
    """Name the directories to look into: of version 2 and of version 1, each from the process's own group up."""
    for line in (read("/proc/self/cgroup") or "0::/").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" or controller in controllers.split(","):
            top = f"{_CGROUP}/{controllers}" if controllers else _CGROUP
            own = PurePosixPath(path.lstrip("/"))  # in a container often the host's name, which is not there
            yield from (f"{top}/{each}" for each in (own, *own.parents) if str(each) != ".")
            yield top
