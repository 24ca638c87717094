"""Parsed files of /proc/PID (proc(5)); None or NaN for anything that is missing or not readable."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from perfgate.trials import Memory

PROC = Path("/proc")

Read = Callable[[str], str | None]
"""Returns the text of a system file; None if it cannot be read. `text` does, and so does a dictionary's `get`."""

UNKNOWN_MEMORY = Memory(math.nan, math.nan, math.nan, math.nan)
_MIB = 1 << 20
_PART_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Stat:
    """Fields of `/proc/PID/stat`; times have the resolution of the tick, usually 10 ms."""

    state: str
    parent: int
    minor_faults: int
    waited_minor_faults: int
    """Those of children that ended and were waited for, and of their children."""
    major_faults: int
    waited_major_faults: int
    waited_ticks: int
    """CPU time of children that ended and were waited for, and of their children."""
    start_ticks: int
    """Together with the process number, identifies a process uniquely."""


def text(path: str | Path) -> str | None:
    """Content of a small file; None if it cannot be read, also because its process ended meanwhile."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    parts = []
    try:
        while part := os.read(file, _PART_BYTES):  # the kernel returns long ones a page at a time
            parts.append(part)
        return b"".join(parts).decode(errors="replace")
    except OSError:
        return None
    finally:
        os.close(file)


def names(directory: str | Path) -> list[str]:
    """List a directory; empty if that fails."""
    try:
        return os.listdir(directory)  # noqa: PTH208 - Path.iterdir takes four times as long
    except OSError:
        return []


def pids(proc: Path = PROC) -> list[int]:
    """All processes."""
    return [int(name) for name in names(proc) if name.isdecimal()]


def stat(pid: int, proc: Path = PROC) -> Stat | None:
    """Read the fields that observers need; the name before them may contain anything, even parentheses and spaces."""
    fields = (text(f"{proc}/{pid}/stat") or "").rpartition(")")[2].split()
    try:
        return Stat(
            state=fields[0],
            parent=int(fields[1]),
            minor_faults=int(fields[7]),
            waited_minor_faults=int(fields[8]),
            major_faults=int(fields[9]),
            waited_major_faults=int(fields[10]),
            waited_ticks=int(fields[13]) + int(fields[14]),
            start_ticks=int(fields[19]),
        )
    except (IndexError, ValueError):
        return None


def numbers(contents: str | None) -> dict[str, float]:
    """Parse lines of a name and a number: `VmRSS:  12 kB`, `usage_usec 12`."""
    found = {}
    for line in (contents or "").splitlines():
        words = line.split()
        if len(words) > 1 and words[1].isdecimal():
            found[words[0].rstrip(":")] = float(words[1])
    return found


def memory(pid: int, proc: Path = PROC) -> Memory:
    """Read a process's memory; PSS and USS need a page table walk of milliseconds, and permission to trace it."""
    status = numbers(text(f"{proc}/{pid}/status"))
    pages = numbers(text(f"{proc}/{pid}/smaps_rollup"))
    rss_kib = pages.get("Rss", status.get("VmRSS", math.nan))
    peaks = [kib for kib in (rss_kib, status.get("VmHWM", math.nan)) if not math.isnan(kib)]
    own_kib = pages.get("Private_Clean", math.nan) + pages.get("Private_Dirty", math.nan)
    return Memory(
        rss_kib / 1024, max(peaks, default=math.nan) / 1024, pages.get("Pss", math.nan) / 1024, own_kib / 1024
    )


def mib(octets: float) -> float:
    """Convert bytes to MiB."""
    return octets / _MIB
