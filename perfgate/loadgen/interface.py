"""What a load driver is: a series of calls goes in, one record a call comes out."""

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
    """Keep so many requests in flight until one of the two bounds is met; at least one bound must be given."""

    in_flight: int
    requests: int | None = None
    duration_s: float | None = None
    """No request is sent after this; those in flight are waited for."""
    think_time_s: float = 0.0
    """Pause between an answer and the request that takes its place."""

    def __post_init__(self) -> None:
        """Refuse what would never start or never end."""
        if self.in_flight < 1:
            msg = f"in_flight must be at least 1, not {self.in_flight}"
            raise ValueError(msg)
        if self.requests is None and self.duration_s is None:
            msg = "a closed loop needs requests, duration_s or both"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, eq=False)
class OpenLoop:
    """Send each request at its instant, whatever became of the others."""

    instants_s: NDArray[np.float64]
    """Seconds since the series begins, ascending, none negative."""

    def __post_init__(self) -> None:
        """Refuse a schedule that goes back in time."""
        if self.instants_s.size and (self.instants_s[0] < 0 or np.any(np.diff(self.instants_s) < 0)):
            msg = "instants_s must ascend from 0"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back of one call."""

    status: int
    """gRPC status code."""
    message: str
    """The server's words, or the transport's when no answer came."""
    body: bytes
    """The serialised answer, without the gRPC frame; empty unless the status is OK."""


class Driver(Protocol):
    """Sends serialised requests to one server; used by one thread at a time."""

    @property
    def pauses(self) -> int:
        """How often a closed loop has held back because a connection had broken."""
        ...

    @property
    def cpu_ms(self) -> float:
        """CPU time that the generator has used so far, its worker processes included."""
        ...

    def drive(self, calls: Sequence[Call], load: ClosedLoop | OpenLoop, first_call: int = 0) -> Requests:
        """Send a series, request i being `calls[(first_call + i) % len(calls)]`, and record every request."""
        ...

    def call(self, call: Call) -> Reply:
        """Send one request and keep its answer."""
        ...

    def close(self) -> None:
        """Close the connections; calling it twice does no harm."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
