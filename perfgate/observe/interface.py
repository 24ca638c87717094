"""The interface of observers of a server process and of the machine."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from perfgate.trials import Conditions, Memory, Usage


class ProcessObserver(Protocol):
    """Reads the counters of one server process."""

    def cpu_ms(self) -> float:
        """CPU time used so far by all threads; NaN if the process is gone."""

    def memory(self) -> Memory:
        """Return current memory; NaN fields if the platform does not report them, or the process is gone."""

    def usage(self) -> Usage:
        """Counters since the server began; NaN fields if the platform does not report them, or the process is gone."""

    @property
    def missing(self) -> tuple[str, ...]:
        """What this observer cannot report: `CPU time`, `memory`."""


class MachineObserver(Protocol):
    """Reads the counters of the machine between two instants."""

    def start(self) -> None:
        """Record the present counters."""

    def conditions(self) -> Conditions:
        """Return the conditions since `start`."""


class ProcessSeries(Protocol):
    """Samples of all watched processes in order of time; arrays of equal length."""

    @property
    def time_s(self) -> NDArray[np.float64]:
        """On the clock of the run."""

    @property
    def pid(self) -> NDArray[np.int64]:
        """Process number."""

    @property
    def cpu_ms(self) -> NDArray[np.float64]:
        """CPU time since the process began."""

    @property
    def rss_mb(self) -> NDArray[np.float64]:
        """Resident set size."""


class Sampler(Protocol):
    """Samples processes between entering and leaving it."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def series(self) -> ProcessSeries:
        """All samples."""

    @property
    def cost_share(self) -> float:
        """CPU time of the sampler itself, in cores; NaN if unknown."""
