"""A process that keeps one core busy for a share of the time, like the neighbour on a shared machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from perfgate.parent_death import die_with_parent

PERIOD_S = 0.1


def burn(share: float) -> None:
    """Alternate work and sleep until killed; the work is arithmetic, so it uses CPU and little memory."""
    while True:
        until_s = time.perf_counter() + share * PERIOD_S
        while time.perf_counter() < until_s:
            sum(range(1000))
        time.sleep((1 - share) * PERIOD_S)


@contextmanager
def busy(share: float) -> Iterator[None]:
    """Keep one core busy while the context lasts, or this process lives; nothing for a share of 0."""
    if not share:
        yield
        return
    command = [sys.executable, "-m", __name__, str(share), str(os.getpid())]
    with subprocess.Popen(command) as neighbour:
        try:
            yield
        finally:
            neighbour.kill()


if __name__ == "__main__":
    die_with_parent(int(sys.argv[2]))
    burn(float(sys.argv[1]))
