"""The interface of a connection to the engine, for every protocol."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field

from perfgate.loadgen.wire import BrokenWireError, Remote, Wire
from perfgate.protocols.grpc import OK, UNAVAILABLE


@dataclass(frozen=True, slots=True)
class RequestOutcome:
    """The outcome of one request."""

    status: int = OK
    message: str = ""
    timing: str = ""
    """Value of the response's `server-timing`."""
    lost: bool = False
    """Whether the request failed because there was no connection, or it broke."""


@dataclass(slots=True)
class Outcomes:
    """Requests that have ended since the engine last looked, by number."""

    good: list[int] = field(default_factory=list)
    """Requests with status OK and no further information: nearly all."""
    others: list[tuple[int, RequestOutcome]] = field(default_factory=list)
    again: list[int] = field(default_factory=list)
    """Requests that the server did not process before it closed the connection, to be sent again."""

    def clear(self) -> None:
        """Clear everything."""
        for ended in (self.good, self.others, self.again):
            ended.clear()


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """A call prepared for the wire; the same object each time it is sent."""

    path: str
    body: bytes


class ClientConnection(ABC):
    """Requests out, outcomes in; never blocks."""

    def __init__(self, place: Remote, outcomes: Outcomes) -> None:
        self.outcomes = outcomes
        self.broken = ""
        """Why it accepts no more requests; empty while it does."""
        self.kept: list[bytes] | None = None
        """Pieces of the responses' bodies, if they are wanted."""
        self._out: list[bytes] = []
        """Bytes that the next `flush` hands over."""
        self.wire: Wire | None = None
        try:
            self.wire = Wire(place)
        except BrokenWireError as error:
            self.broken = str(error)

    @abstractmethod
    def send(self, number: int, request: Request) -> None:
        """Take a request, which is sent by the next `flush`."""

    @abstractmethod
    def give_up_through(self, number: int, outcome: RequestOutcome) -> None:
        """End all requests up to that number, whose time has run out, with this outcome."""

    @abstractmethod
    def _understand(self, data: bytes) -> None:
        """Receive what the server has sent."""

    @abstractmethod
    def _drop(self) -> Iterable[int]:
        """Forget all requests, and return their numbers."""

    def flush(self) -> None:
        """Hand pending bytes over to the kernel."""
        if self._out and self.wire is not None:
            try:
                self.wire.send(self._out)
            except BrokenWireError as error:
                self._break(str(error))
            self._out.clear()

    def ready(self) -> None:
        """Continue: the socket is readable or writable."""
        wire = self.wire
        if wire is None:
            return
        try:
            if not wire.open:
                if wire.advance():
                    wire.send(())
                return
            if wire.unsent:
                wire.send(())
            if data := wire.receive():
                self._understand(data)
        except BrokenWireError as error:
            self._break(str(error))

    def close(self) -> None:
        """Close it; requests in flight are forgotten."""
        self._drop()
        self._hang_up("closed")

    def _break(self, why: str) -> None:
        """Close it; requests in flight have failed."""
        outcome = RequestOutcome(UNAVAILABLE, why, lost=True)
        self.outcomes.others += [(number, outcome) for number in self._drop()]
        self._hang_up(why)

    def _hang_up(self, why: str) -> None:
        self.broken = self.broken or why
        if self.wire is not None:
            self.wire.close()
            self.wire = None
