"""Observers with predictable values, for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from perfgate.trials import Conditions, Memory, Subject, Usage


@dataclass(slots=True)
class FakeProcessAccounts:
    """CPU time that follows a clock, and constant memory."""

    clock: Callable[[], float]
    rss_mb: float = 300.0
    missing: tuple[str, ...] = ()

    def cpu_ms(self) -> float:
        """Report half a core since the clock began."""
        return self.clock() * 500.0

    def usage(self) -> Usage:
        """Count nothing."""
        return Usage()

    def memory(self) -> Memory:
        """Report constant memory."""
        return Memory(self.rss_mb, self.rss_mb * 1.1, self.rss_mb / 4, self.rss_mb / 5)


@dataclass(slots=True)
class FakeMachineAccounts:
    """A machine whose conditions never change."""

    steal_share: float = 0.0
    cpu_pressure_share: float = 0.01

    def start(self) -> None:
        """Do nothing."""

    def conditions(self) -> Conditions:
        """Return the given conditions."""
        return Conditions(self.steal_share, self.cpu_pressure_share)


@dataclass(frozen=True, slots=True, eq=False)
class FakeSeries:
    """A sampler with given samples."""

    time_s: NDArray[np.float64]
    pid: NDArray[np.int64]
    cpu_ms: NDArray[np.float64]
    rss_mb: NDArray[np.float64]


@dataclass(slots=True)
class FakeSampler:
    """Samples each of the subjects twice, a second apart and half a core busy."""

    subjects: Sequence[Subject]
    cost_share: float = 0.004

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing."""

    def series(self) -> FakeSeries:
        """Return the samples."""
        pids = np.array([subject.pid for subject in self.subjects], np.int64)
        count = pids.size
        return FakeSeries(
            np.repeat([0.0, 1.0], count), np.tile(pids, 2), np.repeat([0.0, 500.0], count), np.full(2 * count, 300.0)
        )
