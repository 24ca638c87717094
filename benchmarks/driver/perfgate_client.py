"""The client under test: perfgate's own load engine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.driver.job import Job
from perfgate.loadgen.arrivals import poisson
from perfgate.loadgen.engine import GrpcDriver
from perfgate.loadgen.interface import ClosedLoop, OpenLoop
from perfgate.trials import Call


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """Times and outcomes of one round."""

    latency_ms: NDArray[np.float64]
    status: NDArray[np.int8]
    send_lag_ms: NDArray[np.float64] | None


class PerfgateClient:
    """Drives with `GrpcDriver`, like the `load` lane."""

    def __init__(self, job: Job, message: bytes) -> None:
        self._job, self._call = job, Call(message)
        self._driver = GrpcDriver(job.target)

    def run(self, seconds: float) -> Round:
        """Keep up the job's load."""
        requests = self._driver.record([self._call], self._load(seconds))
        lag_ms = requests.send_lag_ms if self._job.rate_rps else None
        return Round(requests.response_ms, requests.status, lag_ms)

    def error_message(self) -> str:
        """Return the server's response to one request."""
        return self._driver.call(self._call).message

    def close(self) -> None:
        """Close the connection."""
        self._driver.close()

    def _load(self, seconds: float) -> ClosedLoop | OpenLoop:
        if not self._job.rate_rps:
            return ClosedLoop(self._job.in_flight, duration_s=seconds)
        return OpenLoop(poisson(self._job.rate_rps, seconds, np.random.default_rng(self._job.seed)))
