"""Description of each arm separately: typical values and distributions, never compared here."""

from __future__ import annotations

from dataclasses import dataclass

METHOD = 2
"""Version of how a replica's numbers are computed; numbers of different versions are not comparable.

1: trimmed means over blocks of all payloads, percentiles of each replica, servers that start one after the other.
2: means over payloads, percentiles of the arm, servers that start side by side, from one fork server.
"""


@dataclass(frozen=True, slots=True)
class Typical:
    """The numbers by which the gate compares one metric: one per replica, in its unit (docs/explanation/method.md)."""

    replicas: tuple[float, ...]
    """One number per replica, in the order of the replicas."""
    source: str
    """Where the metric was measured: a lane and depth such as `cost/execute`, or `start`."""
    state: str
    """State of the servers: `cold`, `warm` or `under load`."""
    method: int = 1
    """Version of the rules: numbers are only comparable if it is equal; 1 if missing."""


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """One metric of one arm, for description only."""

    metric: str
    """Name in the metrics table."""
    arm: str
    """`baseline` or `candidate`."""
    value: float | None
    """Value in the metric's unit; None if there are too few data, in which case `note` says why."""
    replicas: tuple[float, ...]
    """One number per replica, in the metric's unit."""
    note: str = ""
    """Why there is no value; empty if there is one."""
    typical: Typical | None = None
    """The numbers for comparisons with stored numbers; None if the gate has no number for each replica."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Empirical distribution of one arm's response times under load, downsampled for drawing."""

    arm: str
    """`baseline` or `candidate`."""
    requests: int
    """Number of requests in the distribution."""
    latency_ms: tuple[float, ...]
    """Response times, ascending."""
    share: tuple[float, ...]
    """Share of requests at or below each response time; same length."""


@dataclass(frozen=True, slots=True)
class StageSummary:
    """One stage of one arm's requests under load; all stages are from the same requests, those with stage times."""

    arm: str
    """`baseline` or `candidate`."""
    stage: str
    """In order: `send lag`, `queue`, `execute`, `encode` and `rest` (network, protocol, waiting for a CPU)."""
    requests: int
    """Number of requests with stage times."""
    mean_ms: float
    """Mean over these requests."""
    p50_ms: float
    """Their median."""
    p99_ms: float | None
    """99th percentile; None if there are too few requests."""


@dataclass(frozen=True, slots=True)
class BatchSizes:
    """Sizes of the batches in which one arm's requests were executed under load."""

    arm: str
    """`baseline` or `candidate`."""
    rows: tuple[int, ...]
    """Batch sizes in rows, ascending."""
    requests: tuple[int, ...]
    """Number of requests in batches of each size; same length."""


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
    """Requests that failed or timed out."""
    service_mean_ms: float
    """Mean time from send to response."""
    latency_p50_ms: float | None
    """Median response time; None if there are too few requests."""
    latency_p90_ms: float | None
    """The 90th percentile, likewise."""
    latency_p99_ms: float | None
    """The 99th percentile, likewise."""


@dataclass(frozen=True, slots=True)
class Generator:
    """The load generator during the whole load lane."""

    requests: int
    """Number of requests sent."""
    send_lag_p50_ms: float
    """Median send lag: actual minus scheduled send time; 0 by definition in a closed loop."""
    send_lag_p99_ms: float | None
    """99th percentile; None if there are too few requests."""
    send_lag_max_ms: float
    """Longest send lag."""
    cpu_share: float
    """CPU time used, as a share of one core; mean over the workers."""
    workers: int
    """Number of workers that were used; in a closed loop, no more than requests in flight."""
