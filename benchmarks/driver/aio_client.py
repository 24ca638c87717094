"""The client for comparison: plain `grpc.aio` as in its documentation, also with serialised messages."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import grpc
import grpc.aio
import numpy as np
from numpy.typing import NDArray

from benchmarks.driver.job import PREDICT, Job

_DEADLINE_S = 5.0


@dataclass(slots=True, eq=False)
class Round:
    """Times and outcomes of one round, written by all workers."""

    latencies_ms: list[float] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    send_lag_ms: None = None

    @property
    def latency_ms(self) -> NDArray[np.float64]:
        """From sending to the response."""
        return np.array(self.latencies_ms)

    @property
    def status(self) -> NDArray[np.int8]:
        """Status codes as gRPC numbers them."""
        return np.array(self.codes, np.int8)


class AioClient:
    """Run coroutines on one channel, each of which sends its next request after the response."""

    def __init__(self, job: Job, message: bytes) -> None:
        self._job, self._message = job, message
        self._runner = asyncio.Runner()
        self._channel = self._runner.run(self._open())
        self._predict = self._channel.unary_unary(PREDICT, None, None)  # messages are already serialised

    def run(self, seconds: float) -> Round:
        """Keep up the job's load."""
        found = Round()
        self._runner.run(self._all(found, time.perf_counter() + seconds))
        return found

    def error_message(self) -> str:
        """Return the server's response to one request."""

        async def once() -> str:
            try:
                await self._predict(self._message, timeout=_DEADLINE_S)
            except grpc.aio.AioRpcError as error:
                return error.details() or ""
            return ""

        return self._runner.run(once())

    def close(self) -> None:
        """Close the channel."""
        self._runner.run(self._channel.close(None))
        self._runner.close()

    async def _open(self) -> grpc.aio.Channel:
        sizes = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
        return grpc.aio.insecure_channel(self._job.target, options=sizes)

    async def _all(self, found: Round, end_s: float) -> None:
        await asyncio.gather(*(self._worker(found, end_s) for _ in range(self._job.in_flight)))

    async def _worker(self, found: Round, end_s: float) -> None:
        while (sent_s := time.perf_counter()) < end_s:
            code = 0
            try:
                await self._predict(self._message, timeout=_DEADLINE_S)
            except grpc.aio.AioRpcError as error:
                code = error.code().value[0]
            found.latencies_ms.append((time.perf_counter() - sent_s) * 1e3)
            found.codes.append(code)
