"""The process that samples CPU time and memory of other processes while they are measured.

Run as `-m perfgate.observe.sampler EVERY_S PSS_EVERY_S`. It reads the numbers of the processes to watch from standard
input, one a line, at any time. It writes records to standard output, including those of its own process, and ends with
its input, which the kernel closes whenever perfgate dies (PR_SET_PDEATHSIG would end it with the thread that started
it). It imports next to nothing and keeps the files that it reads open, because it shares the machine with the
measurement.
"""

from __future__ import annotations

import contextlib
import os
import select
import struct
import sys
import time
from collections.abc import Iterator

from perfgate.observe.clock import cpu_clock_id

RECORD = struct.Struct("=dqddd")
"""Seconds on the monotonic clock, process, CPU time in ms since it began, RSS and PSS in MiB; PSS mostly NaN."""

_INPUT, _OUTPUT = 0, 1
_NAN = float("nan")
_MIB = float(1 << 20)
_PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / _MIB


class _Watched:
    """One process, through files that belong to it alone: its number may be reused after it ended."""

    def __init__(self, pid: int, pss_every_s: float) -> None:
        self.pid, self._pss_every_s = pid, pss_every_s
        self._clock, self._pss_due_s = cpu_clock_id(pid), 0.0
        self._sizes = os.open(f"/proc/{pid}/statm", os.O_RDONLY | os.O_CLOEXEC)

    def sample(self, *, may_walk: bool) -> tuple[bytes, bool]:
        """Take a record, and return whether it includes PSS; OSError if the process is gone."""
        cpu_ns = time.clock_gettime_ns(self._clock)
        size, resident, _ = os.pread(self._sizes, 100, 0).split(maxsplit=2)
        if size == b"0":
            raise ProcessLookupError("it ended, and nobody waited for it yet")
        now_s, pss_mb = time.monotonic(), _NAN
        walked = may_walk and now_s >= self._pss_due_s
        if walked:
            self._pss_due_s = now_s + self._pss_every_s
            pss_mb = _pss_mb(self.pid)
        return RECORD.pack(now_s, self.pid, cpu_ns / 1e6, int(resident) * _PAGE_MIB, pss_mb), walked

    def close(self) -> None:
        """Close its files."""
        os.close(self._sizes)


def _pss_mb(pid: int) -> float:
    with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/smaps_rollup", "rb") as rollup:  # noqa: PTH123
        for line in rollup:
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) / 1024
    return _NAN


def _records(watched: dict[int, _Watched], *, with_pss: bool) -> Iterator[bytes]:
    """Sample all once, with PSS of at most one: that takes milliseconds, and blocks changes of its mappings."""
    for pid, one in list(watched.items()):
        try:
            record, walked = one.sample(may_walk=with_pss)
        except OSError:
            watched.pop(pid).close()
            continue
        with_pss = with_pss and not walked
        yield record


def main() -> None:
    """Sample until the input ends."""
    every_s, pss_every_s = float(sys.argv[1]), float(sys.argv[2])
    with_pss = pss_every_s < float("inf")
    watched = {os.getpid(): _Watched(os.getpid(), float("inf"))}
    input_, rest = select.poll(), b""
    input_.register(_INPUT, select.POLLIN)
    due_s = time.monotonic()
    while True:
        if input_.poll(max(0.0, due_s - time.monotonic()) * 1e3):
            if not (part := os.read(_INPUT, 1 << 16)):
                return
            *lines, rest = (rest + part).split(b"\n")
            for pid in map(int, lines):
                with contextlib.suppress(OSError):  # it has already ended
                    watched[pid] = watched.get(pid) or _Watched(pid, pss_every_s)
            continue
        os.write(_OUTPUT, b"".join(_records(watched, with_pss=with_pss)))
        due_s += every_s * max(1, -(-(time.monotonic() - due_s) // every_s))  # missed samples are not made up for


if __name__ == "__main__":
    main()
