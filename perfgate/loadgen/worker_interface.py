"""What the load generator needs of its workers, wherever they run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from perfgate.errors import InvalidRunError
from perfgate.loadgen.clock_offset import ClockOffset

Answer = tuple[dict[str, Any], bytes]
"""A worker's reply to an order, and the bytes that belong to it."""


class LostWorkerError(InvalidRunError):
    """A worker died, or does not answer."""


class WorkerChannel(Protocol):
    """One worker; orders are executed in sequence."""

    @property
    def name(self) -> str:
        """The worker in messages: `load worker 2 on node 10.0.0.7 (3f0c1a9b)`."""
        ...

    @property
    def pid(self) -> int:
        """Its process, on its node."""
        ...

    @property
    def ip(self) -> str:
        """Address of its node; empty on this machine."""
        ...

    def tell(self, order: dict[str, Any], data: bytes = b"") -> None:
        """Send an order; LostWorkerError if the worker is known to have died."""
        ...

    def answer(self, timeout_s: float) -> Answer:
        """Wait for the reply to the oldest order that has one; LostWorkerError if it died, or does not reply."""
        ...

    def clock_offset(self) -> ClockOffset:
        """Compare its clock with this process's; LostWorkerError."""
        ...

    def end_sending(self) -> None:
        """Let it send nothing more: what it has been told to send ends early, with the records so far."""
        ...

    def ask_sent(self) -> None:
        """Ask how many requests of the series in progress it has sent, without waiting for the reply."""
        ...

    @property
    def sent(self) -> int:
        """Requests that it had sent when it last replied to that in this series; known after its death, too."""
        ...


class WorkerTransport(Protocol):
    """Starts workers in one kind of place."""

    @property
    def remote(self) -> bool:
        """Whether workers are on other machines, so that even a single one is used instead of this process."""
        ...

    @property
    def host(self) -> str:
        """Address of this machine at which the workers reach servers."""
        ...

    @property
    def lead_s(self) -> float:
        """Time from the order to begin until the beginning, in which the order reaches every worker."""
        ...

    def start(self, number: int) -> Sequence[WorkerChannel]:
        """Start that many; UsageError or InvalidRunError if that is not possible."""
        ...

    def answered(self, channels: Sequence[WorkerChannel], timeout_s: float) -> Sequence[WorkerChannel]:
        """Wait for the first replies or deaths, and return whose; empty if there are none in time."""
        ...

    def stop(self) -> None:
        """End all workers; idempotent."""
        ...
