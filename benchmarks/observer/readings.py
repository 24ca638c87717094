"""The cost of a single reading, of each kind."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from perfgate.observe import proc_files
from perfgate.observe.choose import observer_of
from perfgate.observe.control_group import ControlGroupAccounts
from perfgate.observe.hierarchy import group_of
from perfgate.observe.threads import thread_cpu_ms
from perfgate.trials import Subject

_BATCHES = 7


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU time of the reader for one reading; medians over batches, and their range."""

    what: str
    median_us: float
    least_us: float
    most_us: float


def costs(pids: list[int], seconds: float) -> Iterator[Cost]:
    """Read one process, and the tree of all, in every way."""
    for what, reading in _readings(pids):
        yield _cost(what, reading, seconds)


def _readings(pids: list[int]) -> Iterator[tuple[str, Callable[[], object]]]:
    one = observer_of(Subject(pids[0]))
    tree = observer_of(Subject(os.getpid(), tree=True))
    statm = os.open(f"/proc/{pids[0]}/statm", os.O_RDONLY)
    yield "process: `cpu_ms()`", one.cpu_ms
    yield "process: `usage()`", one.usage
    yield "process: `memory()`, which walks the page tables for PSS", one.memory
    yield "process: only RSS, as the sampler reads it", lambda: os.pread(statm, 100, 0)
    yield "process: RSS and peak, without PSS", lambda: proc_files.text(f"/proc/{pids[0]}/status")
    yield "process: `thread_cpu_ms()`", lambda: thread_cpu_ms(pids[0])
    yield f"process tree of {len(pids) + 2}: `cpu_ms()`", tree.cpu_ms
    yield f"process tree of {len(pids) + 2}: `usage()`", tree.usage
    if (group := group_of(os.getpid())) is not None and group.account is not None:
        yield "control group: `cpu_ms()`", ControlGroupAccounts(Path(group.account)).cpu_ms


def _cost(what: str, reading: Callable[[], object], seconds: float) -> Cost:
    reading()
    began_s, calls = time.perf_counter(), 0
    while time.perf_counter() - began_s < seconds / _BATCHES / 2 or calls < 3:
        reading()
        calls += 1
    batches = []
    for _ in range(_BATCHES):
        began_s = time.process_time()
        for _ in range(calls):
            reading()
        batches.append((time.process_time() - began_s) / calls * 1e6)
    return Cost(what, statistics.median(batches), min(batches), max(batches))
