"""Observation of all servers during the load lane: CPU time and memory over time, and CPU time by thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import numpy as np

from perfgate.experiment.servers import LiveReplica
from perfgate.experiment.timeline import ThreadTime, Timeline
from perfgate.observe.interface import ProcessSeries, Sampler
from perfgate.trials import Arm, Subject

_MOST_ROWS = 6_000
"""Most rows in the result; a longer series is downsampled, whole instants at a time."""


class LoadWatch:
    """Observes while entered; the results are available after leaving."""

    def __init__(
        self,
        replicas: Sequence[LiveReplica],
        sampler: Callable[[Sequence[Subject]], Sampler],
        threads: Callable[[Subject], Mapping[str, float]],
        began_s: float,
    ) -> None:
        """`began_s`: when the run began, on the samples' clock."""
        self._replicas: dict[int, list[LiveReplica]] = {}  # both arms may name the same running server
        for live in replicas:
            if live.server.pid is not None:
                self._replicas.setdefault(live.server.pid, []).append(live)
        self._sampler = sampler([live.server.subject for live in replicas])
        self._cpu_ms_of, self._began_s = threads, began_s
        self.timeline = Timeline()
        self.threads: tuple[ThreadTime, ...] = ()

    def __enter__(self) -> Self:
        """Begin observing."""
        self._before = self._used_ms()
        self._sampler.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop observing, and keep the results."""
        self._sampler.__exit__(kind, error, trace)
        self.timeline = self._timeline_of(self._sampler.series(), self._sampler.cost_share)
        after = self._used_ms()
        self.threads = tuple(row for arm in Arm if arm in after for row in _spent(arm, self._before[arm], after[arm]))

    def _used_ms(self) -> dict[Arm, Counter[str]]:
        used: dict[Arm, Counter[str]] = {}
        for lives in self._replicas.values():
            spent = self._cpu_ms_of(lives[0].server.subject)
            for live in lives:
                used.setdefault(live.slot.arm, Counter()).update(spent)
        return used

    def _timeline_of(self, series: ProcessSeries, cost_share: float) -> Timeline:
        known = np.isin(series.pid, list(self._replicas))
        instants = np.unique(series.time_s[known])
        every = -(-int(known.sum()) // _MOST_ROWS) or 1
        kept = np.flatnonzero(known & np.isin(series.time_s, instants[::every]))
        of_each = [self._replicas[pid] for pid in series.pid[kept].tolist()]
        keep = np.repeat(kept, [len(lives) for lives in of_each])
        lives = [live for several in of_each for live in several]
        return Timeline(
            time_s=tuple(np.round(series.time_s[keep] - self._began_s, 3).tolist()),
            arm=tuple(live.slot.arm.value for live in lives),
            replica=tuple(live.slot.replica for live in lives),
            cpu_ms=tuple(np.round(series.cpu_ms[keep], 3).tolist()),
            rss_mb=tuple(np.round(series.rss_mb[keep], 3).tolist()),
            cost_share=cost_share,
        )


def _spent(arm: Arm, before: Counter[str], after: Counter[str]) -> tuple[ThreadTime, ...]:
    spent_ms = {name: max(0.0, used - before[name]) for name, used in after.items()}
    total_ms = sum(spent_ms.values())
    ordered = sorted(spent_ms.items(), key=lambda item: -item[1])
    return tuple(ThreadTime(arm.value, name, ms, ms / total_ms) for name, ms in ordered if ms > 0)
