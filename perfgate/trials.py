"""Shared vocabulary: arms, replicas, requests, trials, blocks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import nan
from pathlib import Path
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
    """How far a request goes: inside the replica, or through the real protocol."""

    EXECUTE = "execute"
    REQUEST = "request"
    OPS = "ops"  # inside the replica, with each operation timed


class State(StrEnum):
    """State of caches and queues in which a number was measured."""

    COLD = "cold"  # one execution or request a visit: other replicas ran in between
    WARM = "warm"  # right after an unrecorded request of the same replica; only in results of earlier versions
    UNDER_LOAD = "under load"


class Method(StrEnum):
    """A method of `tensorflow.serving.PredictionService`; over REST `Predict` is the verb `:predict`, and so on."""

    PREDICT = "Predict"
    CLASSIFY = "Classify"
    REGRESS = "Regress"
    MULTI_INFERENCE = "MultiInference"


@dataclass(frozen=True, slots=True)
class Call:
    """One request, serialised before the clock starts."""

    body: bytes
    """A message of the method's request type, or the equivalent JSON body over REST."""
    method: Method = Method.PREDICT
    kind: int = 0
    """Number of its request class in the scenario; 0 if there is only one."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Where a server's CPU time and memory are read; with nothing named they are unknown."""

    pid: int | None = None
    tree: bool = False
    """Include all descendants of `pid`."""
    cgroup: Path | None = None
    """Control group directory, of v2 or v1 (its `cpuacct` one); used instead of the process if both are given."""
    prometheus_url: str = ""
    """Page with `process_cpu_seconds_total` and `process_resident_memory_bytes`, for a server elsewhere."""


@dataclass(frozen=True, slots=True, eq=False)
class Stages:
    """Stage times reported by a server; arrays with one value a request, NaN where not reported."""

    queue_ms: NDArray[np.float64]
    """From the decoded request to the start of its batch, or of its execution without batching."""
    execute_ms: NDArray[np.float64]
    encode_ms: NDArray[np.float64]
    batch_size: NDArray[np.float64]
    """Rows of the batch in which the request was executed, without padding."""


@dataclass(frozen=True, slots=True, eq=False)
class Requests:
    """The driver's record of a series of requests; arrays of equal length, in order of schedule."""

    scheduled_s: NDArray[np.float64]
    """When the request was due, seconds since the series began (closed loop: when it was sent)."""
    response_ms: NDArray[np.float64]
    """From the scheduled instant to the response; without a response in time, at least the deadline."""
    service_ms: NDArray[np.float64]
    """From the actual send to the response; for an execution inside the replica, without its waiting for a CPU."""
    send_lag_ms: NDArray[np.float64]
    """Actual minus scheduled send."""
    status: NDArray[np.int8]
    """gRPC status code; 0 is OK, 4 DEADLINE_EXCEEDED, 14 UNAVAILABLE (also: no connection)."""
    kind: NDArray[np.int8] | None = None
    """Number of each request's class; None: all are of class 0."""
    stages: Stages | None = None
    """None if the server reported nothing."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of one process at one instant, MiB; NaN if the platform does not report it."""

    rss_mb: float
    rss_peak_mb: float
    pss_mb: float
    uss_mb: float


@dataclass(frozen=True, slots=True)
class Usage:
    """The kernel's counters of a server, since it began or over a trial; NaN if unknown."""

    voluntary_switches: float = nan
    involuntary_switches: float = nan
    minor_faults: float = nan
    major_faults: float = nan
    throttled_ms: float = nan
    """Time during which a CPU limit kept its control group from running."""
    gpu_energy_j: float = nan
    gpu_busy_ms: float = nan
    gpu_memory_mb: float = nan
    """Value at the end, not a counter."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One replica's measurements in one block."""

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
    """CPU time of the server process during the trial, all threads; NaN if unknown."""
    driver_cpu_ms: float
    """CPU time of the load generator during the trial; 0 at depth `execute`."""
    memory: Memory | None = None
    """Sampled at the end of the trial, if the lane requires it."""
    usage: Usage | None = None
    """Counted over the trial, if the lane requires it."""
    unrecorded: int = 0
    """Requests of the same visit before the measured ones, which are not in `requests`."""
    payload: int | None = None
    """Number of the single recorded request that it sent; None if it sent several, or if unknown."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Interference by the machine with a block, from the kernel's own counters."""

    steal_share: float
    """Steal time over all CPU time; NaN if unknown."""
    cpu_pressure_share: float
    """Share of the wall time in which some task waited for a CPU (`/proc/pressure/cpu`); NaN if unknown."""
    throttled_ms: float = nan
    """Time during which a CPU limit kept perfgate's own control group from running; NaN if unknown."""


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
    schedule: str | None = None
    """Digest of the instants at which each replica's requests were due; None if nothing was scheduled."""


@dataclass(frozen=True, slots=True)
class ReplicaFacts:
    """Facts about a replica and its start."""

    replica: int
    """Number of the server in its arm, from 0."""
    arm: Arm
    """`baseline` or `candidate`."""
    parent: int
    """Number of its fork server, a blocking factor."""
    start_position: int
    """Its position in the run's start order, from 0."""
    pid: int | None
    """Process ID; None if not known."""
    load_time_s: float
    """Time from starting the server until it serves the model."""
    first_request_ms: float
    """Duration of its first request."""
    warmup_requests: int
    """Number of requests after the first one until latency stopped falling."""
    warmup_s: float
    """Time that these requests took."""
    warm: bool
    """Whether its latency had become steady before the warm-up ran out of time."""
    warm_ms: float = nan
    """Median service time of the last warm-up requests."""
    replayed: int = 0
    """Number of the model's recorded warm-up requests that the server replayed while loading."""
    cold_requests: int = 0
    """If first calls are much slower: number of distinct requests not yet answered twice when warm-up ended; else 0."""

    @property
    def cold_start_s(self) -> float:
        """From the start of the process to the response to its first request."""
        return self.load_time_s + self.first_request_ms / 1e3


STATUS_NAMES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip
"""gRPC statuses by number (https://grpc.github.io/grpc/core/md_doc_statuscodes.html)."""


def status_name(status: int) -> str:
    """Name a gRPC status."""
    return STATUS_NAMES[status] if 0 <= status < len(STATUS_NAMES) else f"status {status}"


@dataclass(frozen=True, slots=True)
class Caution:
    """A warning as data: something that weakens the result, with a remedy."""

    code: str
    """Stable word for programs, such as `not warm` (docs/reference/cautions.md)."""
    message: str
    """What the problem is."""
    remedy: str = ""
    """What to do about it; empty if there is nothing to do."""
