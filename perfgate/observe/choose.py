"""Choice of the most informative observer for a server."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from perfgate.observe.control_group import ControlGroupAccounts
from perfgate.observe.gpu import GpuCounters, WithGpu, management_library
from perfgate.observe.interface import ProcessObserver
from perfgate.observe.nothing import NoAccounts
from perfgate.observe.proc_files import PROC
from perfgate.observe.process import ProcessAccounts
from perfgate.observe.prometheus import PrometheusAccounts
from perfgate.observe.threads import thread_cpu_ms
from perfgate.observe.tree import TreeAccounts
from perfgate.trials import Memory, Subject, Usage


def observer_of(
    subject: Subject, *, proc: Path = PROC, gpu: Callable[[], Any | None] = management_library
) -> ProcessObserver:
    """Return an observer for a server; never fails: what cannot be read is NaN, or named in `missing`."""
    local, pids = _local(subject, proc)
    if local is None:
        return PrometheusAccounts(subject.prometheus_url) if subject.prometheus_url else NoAccounts()
    library = gpu()
    return local if library is None else WithGpu(local, GpuCounters(library, pids))


def thread_cpu_ms_of(subject: Subject, *, proc: Path = PROC) -> Mapping[str, float]:
    """CPU time of the threads alive in all processes of a server, by folded name; empty if no process is named."""
    used_ms: Counter[str] = Counter()
    for pid in _local(subject, proc)[1]():
        used_ms.update(thread_cpu_ms(pid, proc))
    return used_ms


def _local(subject: Subject, proc: Path) -> tuple[ProcessObserver | None, Callable[[], Collection[int]]]:
    """Return the observer for a server on this machine, and the server's processes."""
    process: ProcessObserver | None = None
    pids: Callable[[], Collection[int]] = tuple
    if subject.pid is not None and subject.tree:
        process = tree = TreeAccounts(subject, proc)
        pids = tree.pids
    elif (pid := subject.pid) is not None:
        process, pids = ProcessAccounts(subject, proc), lambda: (pid,)
    if subject.cgroup is None:
        return process, pids
    group = ControlGroupAccounts(subject.cgroup, proc)
    return (group if process is None else GroupAndProcess(group, process)), group.pids


class GroupAndProcess:
    """CPU time and memory of a control group; switches and faults of the serving process in it."""

    def __init__(self, group: ProcessObserver, process: ProcessObserver) -> None:
        self._group, self._process = group, process
        self._cpu = process if "CPU time" in group.missing else group
        self._memory = process if "memory" in group.missing else group

    def cpu_ms(self) -> float:
        """CPU time of the group, or of the process if the group has none."""
        return self._cpu.cpu_ms()

    def memory(self) -> Memory:
        """Memory of the group, or of the process if the group has none."""
        return self._memory.memory()

    def usage(self) -> Usage:
        """Counters of the process, throttling of the group."""
        throttled_ms = self._group.usage().throttled_ms
        of_process = self._process.usage()
        return of_process if math.isnan(throttled_ms) else replace(of_process, throttled_ms=throttled_ms)

    @property
    def missing(self) -> tuple[str, ...]:
        """What neither reports."""
        return tuple(word for word in self._group.missing if word in self._process.missing)
