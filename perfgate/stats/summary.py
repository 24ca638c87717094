"""Description of each arm on its own: typical values and distributions, never compared here."""

from __future__ import annotations

from dataclasses import dataclass

METHOD = 2
"""Counts changes of how a replica's numbers come about, after which they do not compare with older ones.

1: trimmed means over blocks of all payloads, percentiles of each replica, servers that start one after the other.
2: means over payloads, percentiles of the arm, servers that start side by side, from one fork server.
"""


@dataclass(frozen=True, slots=True)
class Typical:
    """What the gate compares one metric by: a number a replica, in the metric's unit (docs/explanation/method.md)."""

    replicas: tuple[float, ...]
    """In the order of the replicas' numbers."""
    source: str
    """Where it was measured, a `Source` value."""
    state: str
    """In which state, a `State` value."""
    method: int = 1
    """By which rules: numbers of other ones do not compare; 1 where it is not told."""


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """One metric of one arm, described (not compared)."""

    metric: str
    """Name in the metrics table."""
    arm: str
    """`baseline` or `candidate`."""
    value: float | None
    """In the metric's unit; None where the sample cannot support the number, `note` says why."""
    replicas: tuple[float, ...]
    """One number a replica, in the metric's unit."""
    note: str = ""
    """Why there is no value; else empty."""
    typical: Typical | None = None
    """None where the gate has no number for each replica."""


@dataclass(frozen=True, slots=True)
class Curve:
    """An empirical distribution of response times of one arm under load, thinned for drawing."""

    arm: str
    """`baseline` or `candidate`."""
    requests: int
    """How many requests it is made from."""
    latency_ms: tuple[float, ...]
    """Ascending."""
    share: tuple[float, ...]
    """Share of requests at or below, same length."""


@dataclass(frozen=True, slots=True)
class StageSummary:
    """One stage of the requests of one arm under load, all from the same requests: those with stage times."""

    arm: str
    """`baseline` or `candidate`."""
    stage: str
    """In order: `send lag`, `queue`, `execute`, `encode`, and `rest`: network, protocol, waiting for a CPU."""
    requests: int
    """How many requests told their stages."""
    mean_ms: float
    """Mean over these requests."""
    p50_ms: float
    """Their median."""
    p99_ms: float | None
    """None where there are too few requests for it."""


@dataclass(frozen=True, slots=True)
class BatchSizes:
    """In batches of how many rows the requests of one arm were executed under load."""

    arm: str
    """`baseline` or `candidate`."""
    rows: tuple[int, ...]
    """Ascending."""
    requests: tuple[int, ...]
    """How many requests met a batch of that size; same length."""


@dataclass(frozen=True, slots=True)
class ClassSummary:
    """One request class of one arm under load."""

    arm: str
    """`baseline` or `candidate`."""
    name: str
    """Name of the class in the scenario."""
    requests: int
    """All requests of the class."""
    failed: int
    """Those that failed or timed out."""
    service_mean_ms: float
    """Mean time from send to answer."""
    latency_p50_ms: float | None
    """Median response time; None where there are too few requests for it."""
    latency_p90_ms: float | None
    """The 90th percentile, likewise."""
    latency_p99_ms: float | None
    """The 99th percentile, likewise."""


@dataclass(frozen=True, slots=True)
class Generator:
    """The load generator over all of the load lane."""

    requests: int
    """All requests that it sent."""
    send_lag_p50_ms: float
    """Actual minus scheduled send; 0 by definition in a closed loop."""
    send_lag_p99_ms: float | None
    """None where there are too few requests for it."""
    send_lag_max_ms: float
    """The longest lag."""
    cpu_share: float
    """Of one core, mean over its workers."""
    workers: int
    """Those that had something to do: no more than there are requests in flight in a closed loop."""
