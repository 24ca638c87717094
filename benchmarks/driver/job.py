"""The request and the finding of one measurement; both pass between processes as JSON."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

PREDICT = "/tensorflow.serving.PredictionService/Predict"


@dataclass(frozen=True, slots=True)
class Job:
    """One round of one client against one server."""

    client: str
    """`perfgate`, `grpc.aio`, `h2load`, `k6` or `locust`."""
    target: str
    seconds: float
    in_flight: int = 1
    rate_rps: float = 0.0
    """Above 0: an open loop with Poisson arrivals of this rate, instead of the closed one."""
    seed: int = 0
    payload: str = ""
    """File with a serialised PredictRequest; empty: an empty message."""
    server_pid: int = 0
    """Process whose CPU time is measured; 0: unknown."""
    cpu: int = -1
    """CPU that the client is pinned to; -1: any."""
    alone: bool = False
    """Run before all ordinary processes, like the no-op server then."""
    warmup_seconds: float = 0.3


def before_all_others(pid: int = 0) -> None:
    """Schedule a process (0: this one) and its children before all ordinary ones; PermissionError without root."""
    os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(1))


@dataclass(frozen=True, slots=True)
class Finding:
    """Results of one round; times of failed requests are unchanged."""

    requests: int
    rps: float
    cpu_us_per_request: float
    cpu_share: float
    """The client's CPU time over the wall time: near 1, the client is the limit."""
    server_cpu_share: float | None
    """The same for the server; near 1 on one core, the server is the limit."""
    p50_ms: float | None
    """None if the client does not report it."""
    p99_ms: float | None
    errors: dict[str, int] = field(default_factory=dict)
    """Requests by gRPC status code, except OK."""
    error_message: str = ""
    send_lag_p50_us: float | None = None
    send_lag_p99_us: float | None = None
