"""What the experiment asks about a server process and the machine."""

from __future__ import annotations

from typing import Protocol

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
        """Tell what happened since `start`."""
