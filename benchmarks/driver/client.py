"""One round of one client in its own process: `python -m benchmarks.driver.client JOB` prints a finding."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.driver.job import Finding, Job, before_all_others


class Samples(Protocol):
    """Times and outcomes of one round."""

    @property
    def latency_ms(self) -> NDArray[np.float64]:
        """From sending, or from the scheduled instant in an open loop, to the response."""
        ...

    @property
    def status(self) -> NDArray[np.int8]:
        """Status codes as gRPC numbers them."""
        ...

    @property
    def send_lag_ms(self) -> NDArray[np.float64] | None:
        """Actual minus scheduled send, open loops only."""
        ...


class Client(Protocol):
    """The measured client: `run` keeps up the load for a number of seconds."""

    def run(self, seconds: float) -> Samples:
        """Send requests and return their outcomes."""
        ...

    def error_message(self) -> str:
        """Send one request and return the server's error, empty if there is none."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


def open_client(job: Job, message: bytes) -> Client:
    """Make the job's client; its imports stay out of the others' processes."""
    if job.client == "perfgate":
        from benchmarks.driver.perfgate_client import PerfgateClient  # noqa: PLC0415 - see above

        return PerfgateClient(job, message)
    from benchmarks.driver.aio_client import AioClient  # noqa: PLC0415 - see above

    return AioClient(job, message)


def measure(job: Job) -> Finding:
    """Warm up, then measure one round."""
    if job.cpu >= 0:
        os.sched_setaffinity(0, {job.cpu})
    if job.alone:
        before_all_others()
    message = Path(job.payload).read_bytes() if job.payload else b""
    client = open_client(job, message)
    try:
        client.run(job.warmup_seconds)
        server_cpu_s = cpu_clock(job.server_pid)
        server_before_s, cpu_before_s, before_s = server_cpu_s(), time.process_time(), time.perf_counter()
        samples = client.run(job.seconds)
        wall_s, cpu_s = time.perf_counter() - before_s, time.process_time() - cpu_before_s
        server_s = server_cpu_s() - server_before_s if job.server_pid else None
        message_of_error = client.error_message() if samples.status.any() else ""
    finally:
        client.close()
    return _finding(samples, wall_s, cpu_s, server_s, message_of_error)


def _finding(samples: Samples, wall_s: float, cpu_s: float, server_s: float | None, message: str) -> Finding:
    requests = samples.status.size
    lag_ms = samples.send_lag_ms
    return Finding(
        requests=requests,
        rps=requests / wall_s,
        cpu_us_per_request=cpu_s / requests * 1e6,
        cpu_share=cpu_s / wall_s,
        server_cpu_share=None if server_s is None else server_s / wall_s,
        p50_ms=float(np.quantile(samples.latency_ms, 0.5)),
        p99_ms=float(np.quantile(samples.latency_ms, 0.99)),
        errors={str(code): count for code, count in sorted(Counter(samples.status.tolist()).items()) if code},
        error_message=message,
        send_lag_p50_us=None if lag_ms is None else float(np.quantile(lag_ms, 0.5)) * 1e3,
        send_lag_p99_us=None if lag_ms is None else float(np.quantile(lag_ms, 0.99)) * 1e3,
    )


def cpu_clock(pid: int) -> Callable[[], float]:
    """Return a clock of a process's CPU seconds (10 ms ticks); always 0 if the process is unknown."""
    if not pid:
        return lambda: 0.0
    process = psutil.Process(pid)

    def read() -> float:
        times = process.cpu_times()
        return times.user + times.system

    return read


if __name__ == "__main__":
    print(json.dumps(asdict(measure(Job(**json.loads(sys.argv[1]))))))
