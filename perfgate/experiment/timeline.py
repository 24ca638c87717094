"""Observations of the servers during the load lane."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeline:
    """The servers' processes during the load lane, as columns of equal length."""

    time_s: tuple[float, ...] = ()
    """Time since the run began."""
    arm: tuple[str, ...] = ()
    """`baseline` or `candidate`."""
    replica: tuple[int, ...] = ()
    """Number of the server in its arm, from 0."""
    cpu_ms: tuple[float, ...] = ()
    """CPU time since the process began."""
    rss_mb: tuple[float, ...] = ()
    """Resident set size, MiB."""
    cost_share: float = float("nan")
    """CPU time that sampling used, in cores."""


@dataclass(frozen=True, slots=True)
class ThreadTime:
    """CPU time of one kind of thread in all servers of an arm, in the load lane, without threads that ended."""

    arm: str
    """`baseline` or `candidate`."""
    thread: str
    """Name of the thread without its number."""
    cpu_ms: float
    """CPU time of all threads with that name."""
    share: float
    """Share of the arm's CPU time in this lane."""
