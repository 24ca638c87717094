"""Files of /proc/PID, parsed (proc(5)); None or NaN for what is not there, or not ours to read."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from perfgate.trials import Memory

PROC = Path("/proc")

Read = Callable[[str], str | None]
"""Gives the text of a system file; None where it cannot be read. `text` does, and so does `get` of a dictionary."""

UNKNOWN_MEMORY = Memory(math.nan, math.nan, math.nan, math.nan)
_MIB = 1 << 20
_PART_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Stat:
    """What `/proc/PID/stat` says of a process; its times have the resolution of the tick, 10 ms as a rule."""

    state: str
    parent: int
    minor_faults: int
    waited_minor_faults: int
    """Those of children that ended and were waited for, and of theirs."""
    major_faults: int
    waited_major_faults: int
    waited_ticks: int
    """CPU time of children that ended and were waited for, and of theirs."""
    start_ticks: int
    """With the number of the process this tells it from any other."""


def text(path: str | Path) -> str | None:
    """Contents of a small file; None where it cannot be read, also because its process ended meanwhile."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    parts = []
    try:
        while part := os.read(file, _PART_BYTES):  # the kernel hands out long ones a page at a time
            parts.append(part)
        return b"".join(parts).decode(errors="replace")
    except OSError:
        return None
    finally:
        os.close(file)


def names(directory: str | Path) -> list[str]:
    """List a directory; empty where that is not possible."""
    try:
        return os.listdir(directory)  # noqa: PTH208 - Path.iterdir takes four times as long
    except OSError:
        return []


def pids(proc: Path = PROC) -> list[int]:
    """All processes there are."""
    return [int(name) for name in names(proc) if name.isdecimal()]


def stat(pid: int, proc: Path = PROC) -> Stat | None:
    """Read the fields that observers need; the name before them may contain anything, parentheses and spaces too."""
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
    """Lines of a name and a number: `VmRSS:  12 kB`, `usage_usec 12`."""
    found = {}
    for line in (contents or "").splitlines():
        words = line.split()
        if len(words) > 1 and words[1].isdecimal():
            found[words[0].rstrip(":")] = float(words[1])
    return found


def memory(pid: int, proc: Path = PROC) -> Memory:
    """Read its memory; PSS and USS take milliseconds, a walk of the page tables, and the right to trace the process."""
    status = numbers(text(f"{proc}/{pid}/status"))
    pages = numbers(text(f"{proc}/{pid}/smaps_rollup"))
    rss_kib = pages.get("Rss", status.get("VmRSS", math.nan))
    peaks = [kib for kib in (rss_kib, status.get("VmHWM", math.nan)) if not math.isnan(kib)]
    own_kib = pages.get("Private_Clean", math.nan) + pages.get("Private_Dirty", math.nan)
    return Memory(
        rss_kib / 1024, max(peaks, default=math.nan) / 1024, pages.get("Pss", math.nan) / 1024, own_kib / 1024
    )


def mib(octets: float) -> float:
    """Bytes in MiB."""
    return octets / _MIB
