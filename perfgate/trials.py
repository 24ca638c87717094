"""The words everybody speaks: arms, replicas, requests, trials, blocks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Arm(StrEnum):
    """One side of a comparison."""

    BASELINE = "baseline"
    CANDIDATE = "candidate"


class Lane(StrEnum):
    """One way of loading a replica."""

    COST = "cost"
    LOAD = "load"


class Depth(StrEnum):
    """How far in the request is made: inside the replica, or through the real protocol."""

    EXECUTE = "execute"
    REQUEST = "request"


class State(StrEnum):
    """In which state of caches and queues a number was measured."""

    COLD = "cold"  # one execution a visit: other replicas ran in between
    WARM = "warm"  # right after an unrecorded request of the same replica
    UNDER_LOAD = "under load"


@dataclass(frozen=True, slots=True, eq=False)
class Requests:
    """What the driver recorded of a series of requests; five arrays of equal length, in order of schedule."""

    scheduled_s: NDArray[np.float64]
    """Instant the request was due, seconds since the series began (closed loop: the instant it was sent)."""
    response_ms: NDArray[np.float64]
    """From the scheduled instant to the answer; of a request that got none in time, its deadline at least."""
    service_ms: NDArray[np.float64]
    """From the actual send to the answer."""
    send_lag_ms: NDArray[np.float64]
    """Actual minus scheduled send."""
    status: NDArray[np.int8]
    """gRPC status code; 0 is OK, 4 DEADLINE_EXCEEDED, 14 UNAVAILABLE (also: no connection)."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of one process at one instant, MiB; NaN where the platform does not tell."""

    rss_mb: float
    rss_peak_mb: float
    pss_mb: float
    uss_mb: float


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What one replica did in one block."""

    lane: Lane
    depth: Depth
    state: State
    block: int
    arm: Arm
    replica: int
    start_s: float
    """Seconds since the run began."""
    wall_s: float
    requests: Requests
    cpu_ms: float
    """CPU time of the server process during the trial, all threads; NaN where it is not known."""
    driver_cpu_ms: float
    """CPU time of the load generator during the trial; 0 at depth `execute`."""
    memory: Memory | None = None
    """Sampled at the end of the trial, where the lane asks for it."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the machine did to a block, from the kernel's own accounting."""

    steal_share: float
    """Steal time over all CPU time; NaN where unknown."""
    cpu_pressure_share: float
    """Share of the wall time in which some task waited for a CPU (`/proc/pressure/cpu`); NaN where unknown."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One randomised round over all replicas of all arms; `index` counts per lane and depth."""

    lane: Lane
    depth: Depth
    index: int
    start_s: float
    wall_s: float
    trials: tuple[Trial, ...]
    conditions: Conditions


@dataclass(frozen=True, slots=True)
class ReplicaFacts:
    """What is known of a replica from its start."""

    replica: int
    arm: Arm
    parent: int
    """Which fork server it came from: a blocking factor."""
    start_position: int
    pid: int
    load_time_s: float
    first_request_ms: float
    warmup_requests: int
    warmup_s: float
    warm: bool
    """False: its latency had not become stationary when the share of the budget for warm-up ended."""


@dataclass(frozen=True, slots=True)
class Caution:
    """A warning as data: something that weakens the result, with what to do about it."""

    code: str
    message: str
    remedy: str = ""
