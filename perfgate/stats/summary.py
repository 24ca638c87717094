"""Description of each arm on its own: typical values and distributions, never compared here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """One metric of one arm, described (not compared)."""

    metric: str
    arm: str
    value: float | None
    """In the metric's unit; None where the sample cannot support the number, `note` says why."""
    replicas: tuple[float, ...]
    """One number a replica, in the metric's unit."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """An empirical distribution of response times of one arm under load, thinned for drawing."""

    arm: str
    requests: int
    latency_ms: tuple[float, ...]
    """Ascending."""
    share: tuple[float, ...]
    """Share of requests at or below, same length."""
