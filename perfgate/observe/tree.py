"""CPU and memory of a process tree, whose processes may come and go."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from perfgate.observe import proc_files
from perfgate.observe.hierarchy import group_of
from perfgate.observe.limits import Throttling
from perfgate.observe.proc_files import PROC, Stat
from perfgate.observe.process import cpu_clock_ms
from perfgate.observe.threads import Switches
from perfgate.trials import Memory, Subject, Usage


@dataclass(slots=True)
class _Count:
    """One counter of a process and of its children that ended; it never decreases.

    The kernel adds a child's count to its parent's `waited` once the parent waits for it, whether or not it was
    observed here. An observed child is counted when it is gone, and not again when it is added to `waited`.
    """

    own: float
    waited: float
    ended: float = field(init=False)
    unmatched: float = 0.0
    """Counts of children that are gone, not yet in `waited`."""

    def __post_init__(self) -> None:
        self.ended = self.waited

    @property
    def total(self) -> float:
        return self.own + self.ended

    def child_gone(self, total: float) -> None:
        self.ended += total
        self.unmatched += total

    def update(self, own: float, waited: float) -> None:
        brought, self.waited = waited - self.waited, waited
        self.ended += max(0.0, brought - self.unmatched)
        self.unmatched = max(0.0, self.unmatched - brought)
        self.own = max(self.own, own)  # in this order a NaN is ignored


@dataclass(slots=True)
class _Member:
    """One process of the tree, as last observed."""

    pid: int
    parent: int
    start_ticks: int
    counts: tuple[_Count, _Count, _Count]
    """CPU time in ms, minor faults, major faults."""
    switches: Switches
    switched: tuple[float, float] = (0.0, 0.0)


class TreeAccounts:
    """Observes a process tree, searching for new processes at each reading.

    A process stays in the tree when its parent ends. One that comes and goes between two readings is counted once its
    parent has waited for it, in ticks of 10 ms. One that nobody in the tree waits for is not counted; a control group
    counts those.
    """

    def __init__(
        self,
        subject: Subject,
        proc: Path = PROC,
        clock: Callable[[int], float] = cpu_clock_ms,
        tick_ms: float | None = None,
    ) -> None:
        if subject.pid is None:
            raise ValueError("no process is named")
        self._proc, self._clock = proc, clock
        self._tick_ms = tick_ms or 1e3 / os.sysconf("SC_CLK_TCK")
        self._members: dict[int, _Member] = {}  # parents before children, in order of discovery
        self._others: set[int] = set()
        self._gone = [0.0, 0.0, 0.0]
        self._gone_switches = (0.0, 0.0)
        self._peak_mb = math.nan
        self._throttling = Throttling(group_of(subject.pid, proc))
        if (began := proc_files.stat(subject.pid, proc)) is not None:
            self._adopt(subject.pid, began)
        self._look()

    def cpu_ms(self) -> float:
        """CPU time of the tree, including processes that ended; NaN if none is left."""
        return self._total(0) if self._look() else math.nan

    def memory(self) -> Memory:
        """Sum over the processes alive; the peak is the highest observed sum of their high-water marks.

        They may not have reached these at the same time. RSS counts shared pages several times, PSS does not.
        """
        if not self._look():
            return proc_files.UNKNOWN_MEMORY
        each = [proc_files.memory(pid, self._proc) for pid in self._members]
        peak_mb = _sum(one.rss_peak_mb for one in each)
        self._peak_mb = peak_mb if math.isnan(self._peak_mb) else max(self._peak_mb, peak_mb)
        pss_mb, uss_mb = _sum(one.pss_mb for one in each), _sum(one.uss_mb for one in each)
        return Memory(_sum(one.rss_mb for one in each), self._peak_mb, pss_mb, uss_mb)

    def usage(self) -> Usage:
        """Count over the tree; processes that ended keep the switches observed at the last call."""
        if not self._look():
            return Usage()
        for member in self._members.values():
            member.switched = member.switches.count() or member.switched
        seen = [self._gone_switches, *(member.switched for member in self._members.values())]
        voluntary, involuntary = (sum(counts) for counts in zip(*seen, strict=True))
        return Usage(voluntary, involuntary, self._total(1), self._total(2), self._throttling.ms())

    @property
    def missing(self) -> tuple[str, ...]:
        """Nothing."""
        return ()

    def pids(self) -> list[int]:
        """List the processes that are currently in the tree."""
        self._look()
        return list(self._members)

    def _total(self, which: int) -> float:
        return self._gone[which] + sum(member.counts[which].total for member in self._members.values())

    def _look(self) -> bool:
        """Update all processes, and find new ones; False if none is left."""
        alive = set(proc_files.pids(self._proc))
        self._others &= alive
        seen = {pid: self._see(member) for pid, member in self._members.items() if pid in alive}
        ended = [member for pid, member in self._members.items() if seen.get(pid) is None]
        for member in reversed(ended):  # children first: their parents take over their counts
            self._bury(member)
        for pid, member in self._members.items():
            for count, (own, waited) in zip(member.counts, seen[pid] or (), strict=True):
                count.update(own, waited)
        self._find(alive - self._others - self._members.keys())
        return bool(self._members)

    def _see(self, member: _Member) -> list[tuple[float, float]] | None:
        now = proc_files.stat(member.pid, self._proc)
        if now is None or now.start_ticks != member.start_ticks:
            return None
        member.parent = now.parent
        return list(self._read(member.pid, now))

    def _bury(self, member: _Member) -> None:
        del self._members[member.pid]
        parent = self._members.get(member.parent)
        for which, count in enumerate(member.counts):
            if parent is None:
                self._gone[which] += count.total
            else:
                parent.counts[which].child_gone(count.total)
        self._gone_switches = _pair(self._gone_switches, member.switched)

    def _find(self, newcomers: set[int]) -> None:
        stats = {pid: now for pid in newcomers if (now := proc_files.stat(pid, self._proc)) is not None}
        while family := [pid for pid, now in stats.items() if now.parent in self._members]:
            for pid in family:
                self._adopt(pid, stats.pop(pid))
        self._others |= stats.keys()

    def _adopt(self, pid: int, now: Stat) -> None:
        cpu, minor, major = (_Count(own, waited) for own, waited in self._read(pid, now))
        if math.isnan(cpu.own):
            cpu.own = 0.0
        self._members[pid] = _Member(pid, now.parent, now.start_ticks, (cpu, minor, major), Switches(pid, self._proc))

    def _read(self, pid: int, now: Stat) -> Iterator[tuple[float, float]]:
        """Return the use of a process itself, and of its children that ended; read before the living ones."""
        yield self._clock(pid), now.waited_ticks * self._tick_ms
        yield now.minor_faults, now.waited_minor_faults
        yield now.major_faults, now.waited_major_faults


def _pair(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return one[0] + other[0], one[1] + other[1]


def _sum(values: Iterator[float]) -> float:
    """Sum the known values; NaN if there are none."""
    known = [value for value in values if not math.isnan(value)]
    return sum(known) if known else math.nan
