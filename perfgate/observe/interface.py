"""What the experiment asks about a server process and the machine."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from perfgate.trials import Conditions, Memory, Usage


class ProcessObserver(Protocol):
    """Reads the accounts of one server process."""

    def cpu_ms(self) -> float:
        """CPU time used so far by all threads; NaN when the process is gone."""

    def memory(self) -> Memory:
        """Memory now; NaN fields where the platform does not tell, or the process is gone."""

    def usage(self) -> Usage:
        """Counters since the server began; NaN fields where the platform does not tell, or the process is gone."""

    @property
    def missing(self) -> tuple[str, ...]:
        """What this way of observing cannot tell: `CPU time`, `memory`."""


class MachineObserver(Protocol):
    """Reads the accounts of the machine between two instants."""

    def start(self) -> None:
        """Remember the present counters."""

    def conditions(self) -> Conditions:
        """Return what happened since `start`."""


class ProcessSeries(Protocol):
    """Samples of all watched processes in order of time; arrays of equal length."""

    @property
    def time_s(self) -> NDArray[np.float64]:
        """On the clock of the run."""

    @property
    def pid(self) -> NDArray[np.int64]:
        """Which process."""

    @property
    def cpu_ms(self) -> NDArray[np.float64]:
        """CPU time since the process began."""

    @property
    def rss_mb(self) -> NDArray[np.float64]:
        """Resident set size."""


class Sampler(Protocol):
    """Samples processes from when it is entered to when it is left."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def series(self) -> ProcessSeries:
        """All samples."""

    @property
    def cost_share(self) -> float:
        """CPU time of the sampler itself, in cores; NaN where it does not tell."""
