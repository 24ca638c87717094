"""Processes to observe: forked from one parent with much memory, with threads, some of them working.

`python -m benchmarks.observer.crowd COUNT RSS_MIB THREADS` prints their numbers, and they end with its input.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_WORK_S, _REST_S = 0.01, 0.09


@contextmanager
def crowd(count: int, rss_mb: int, threads: int) -> Iterator[list[int]]:
    """Start the processes; every fourth works a tenth of the time, the others sleep."""
    program = [sys.executable, "-m", "benchmarks.observer.crowd", str(count), str(rss_mb), str(threads)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None  # noqa: S101 - requested by the caller
        yield [int(pid) for pid in parent.stdout.readline().split()]
        parent.communicate()


def _child(threads: int, *, at_work: bool) -> None:
    for _ in range(threads - 1):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    if at_work:
        threading.Thread(target=_work, daemon=True).start()
    os.read(0, 1)


def _work() -> None:
    while True:
        until_s = time.thread_time() + _WORK_S
        while time.thread_time() < until_s:
            pass
        time.sleep(_REST_S)


def main() -> None:
    """Fork the processes, and end with them."""
    count, rss_mb, threads = map(int, sys.argv[1:])
    pages = bytearray(rss_mb << 20)
    pages[:: os.sysconf("SC_PAGE_SIZE")] = b"x" * len(range(0, len(pages), os.sysconf("SC_PAGE_SIZE")))
    pids = []
    for number in range(count):
        if not (pid := os.fork()):
            _child(threads, at_work=number % 4 == 0)
            os._exit(0)
        pids.append(pid)
    print(*pids, flush=True)
    for pid in pids:
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
