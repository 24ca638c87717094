"""Accounts that a test can foretell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from perfgate.trials import Conditions, Memory, Usage


@dataclass(slots=True)
class FakeProcessAccounts:
    """CPU time that follows a clock, and constant memory."""

    clock: Callable[[], float]
    rss_mb: float = 300.0

    def cpu_ms(self) -> float:
        """Report half a core since the clock began."""
        return self.clock() * 500.0

    def usage(self) -> Usage:
        """Count nothing."""
        return Usage()

    @property
    def missing(self) -> tuple[str, ...]:
        """Nothing."""
        return ()

    def memory(self) -> Memory:
        """Report the same at all times."""
        return Memory(self.rss_mb, self.rss_mb * 1.1, self.rss_mb / 4, self.rss_mb / 5)


@dataclass(slots=True)
class FakeMachineAccounts:
    """A machine in always the same conditions."""

    steal_share: float = 0.0
    cpu_pressure_share: float = 0.01

    def start(self) -> None:
        """Nothing to remember."""

    def conditions(self) -> Conditions:
        """Tell the given conditions."""
        return Conditions(self.steal_share, self.cpu_pressure_share)
