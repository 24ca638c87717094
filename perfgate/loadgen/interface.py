"""The interface of a load driver: a series of calls in, one record a call out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from perfgate.trials import Call, Requests


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """Keep a number of requests in flight until one of two bounds is met; at least one must be given."""

    in_flight: int
    requests: int | None = None
    duration_s: float | None = None
    """No request is sent after this; those in flight are completed."""
    think_time_s: float = 0.0
    """Pause between a response and the next request of the same user."""

    def __post_init__(self) -> None:
        """Reject a load that would never start or never end."""
        if self.in_flight < 1:
            msg = f"in_flight must be at least 1, not {self.in_flight}"
            raise ValueError(msg)
        if self.requests is None and self.duration_s is None:
            msg = "a closed loop needs requests, duration_s or both"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, eq=False)
class OpenLoop:
    """Send each request at its instant, regardless of the others."""

    instants_s: NDArray[np.float64]
    """Seconds since the series begins, ascending, none negative."""

    def __post_init__(self) -> None:
        """Reject a schedule that is not ascending."""
        if self.instants_s.size and (self.instants_s[0] < 0 or np.any(np.diff(self.instants_s) < 0)):
            msg = "instants_s must ascend from 0"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Reply:
    """The response to one call."""

    status: int
    """gRPC status code."""
    message: str
    """The server's message, or the transport's if no response came."""
    body: bytes
    """The serialised response, without the gRPC frame; empty unless the status is OK."""


class Driver(Protocol):
    """Sends serialised requests to one server; not thread-safe."""

    @property
    def pauses(self) -> int:
        """Number of pauses of a closed loop because a connection broke."""
        ...

    @property
    def idle_s(self) -> float:
        """Time that `drive` has spent so far before and after the load itself, such as for comparing clocks."""
        ...

    @property
    def cpu_ms(self) -> float:
        """CPU time of the generator so far, including its worker processes."""
        ...

    def drive(self, calls: Sequence[Call], load: ClosedLoop | OpenLoop, first_call: int = 0) -> Requests:
        """Send a series, request i being `calls[(first_call + i) % len(calls)]`, and record every request."""
        ...

    def call(self, call: Call) -> Reply:
        """Send one request and return its response."""
        ...

    def close(self) -> None:
        """Close the connections; idempotent."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
