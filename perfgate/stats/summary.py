"""Description of each arm on its own: typical values and distributions, never compared here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Typical:
    """What the gate compares one metric by: a number a replica, in the metric's unit (docs/method.md)."""

    replicas: tuple[float, ...]
    source: str
    """Where it was measured, a `Source` value."""
    state: str
    """In which state, a `State` value."""


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
    typical: Typical | None = None
    """None where the gate has no number for each replica."""


@dataclass(frozen=True, slots=True)
class Curve:
    """An empirical distribution of response times of one arm under load, thinned for drawing."""

    arm: str
    requests: int
    latency_ms: tuple[float, ...]
    """Ascending."""
    share: tuple[float, ...]
    """Share of requests at or below, same length."""


@dataclass(frozen=True, slots=True)
class StageSummary:
    """One stage of the requests of one arm under load, all from the same requests: those with stage times."""

    arm: str
    stage: str
    """In order: `send lag`, `queue`, `execute`, `encode`, and `rest`: network, protocol, waiting for a CPU."""
    requests: int
    mean_ms: float
    p50_ms: float
    p99_ms: float | None
    """None where there are too few requests for it."""


@dataclass(frozen=True, slots=True)
class BatchSizes:
    """In batches of how many rows the requests of one arm were executed under load."""

    arm: str
    rows: tuple[int, ...]
    """Ascending."""
    requests: tuple[int, ...]
    """How many requests met a batch of that size; same length."""


@dataclass(frozen=True, slots=True)
class ClassSummary:
    """One request class of one arm under load."""

    arm: str
    name: str
    requests: int
    failed: int
    service_mean_ms: float
    latency_p50_ms: float | None
    latency_p90_ms: float | None
    latency_p99_ms: float | None
    """Response times; None where there are too few requests for the percentile."""


@dataclass(frozen=True, slots=True)
class Generator:
    """The load generator over all of the load lane."""

    requests: int
    send_lag_p50_ms: float
    """Actual minus scheduled send; 0 by definition in a closed loop."""
    send_lag_p99_ms: float | None
    send_lag_max_ms: float
    cpu_share: float
    """Of one core, mean over its workers."""
    workers: int
    """Those that had something to do: no more than there are requests in flight in a closed loop."""
