"""What the engine asks of a connection, whatever protocol it speaks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field

from perfgate.loadgen.wire import BrokenWireError, Remote, Wire
from perfgate.protocols.grpc import OK, UNAVAILABLE


@dataclass(frozen=True, slots=True)
class RequestOutcome:
    """What became of one request."""

    status: int = OK
    message: str = ""
    timing: str = ""
    """Value of the answer's `server-timing`."""
    lost: bool = False
    """There was no connection, or it broke."""


@dataclass(slots=True)
class Outcomes:
    """Requests that have come to an end since the engine last looked, by their number."""

    good: list[int] = field(default_factory=list)
    """Status OK and nothing else to tell: nearly all."""
    others: list[tuple[int, RequestOutcome]] = field(default_factory=list)
    again: list[int] = field(default_factory=list)
    """The server did not look at them before it closed the connection: to be sent once more."""

    def clear(self) -> None:
        """Forget all."""
        for ended in (self.good, self.others, self.again):
            ended.clear()


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """A call made ready for the wire; the same object each time it is sent."""

    path: str
    body: bytes


class ClientConnection(ABC):
    """Requests out, outcomes in; never blocks."""

    def __init__(self, place: Remote, outcomes: Outcomes) -> None:
        self.outcomes = outcomes
        self.broken = ""
        """Why it takes no more requests; empty while it does."""
        self.kept: list[bytes] | None = None
        """Pieces of the answers' bodies, where somebody wants them."""
        self._out: list[bytes] = []
        """What the next `flush` hands over."""
        self.wire: Wire | None = None
        try:
            self.wire = Wire(place)
        except BrokenWireError as error:
            self.broken = str(error)

    @abstractmethod
    def send(self, number: int, request: Request) -> None:
        """Take a request; it leaves with the next `flush`."""

    @abstractmethod
    def give_up_through(self, number: int, outcome: RequestOutcome) -> None:
        """End all requests up to that number, whose time is over, with this outcome."""

    @abstractmethod
    def _understand(self, data: bytes) -> None:
        """Take what the server sent."""

    @abstractmethod
    def _drop(self) -> Iterable[int]:
        """Forget all requests and return their numbers."""

    def flush(self) -> None:
        """Hand over to the kernel what was taken."""
        if self._out and self.wire is not None:
            try:
                self.wire.send(self._out)
            except BrokenWireError as error:
                self._break(str(error))
            self._out.clear()

    def ready(self) -> None:
        """Go on: the socket is readable or writable."""
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
        """End it; what is in flight is forgotten."""
        self._drop()
        self._hang_up("closed")

    def _break(self, why: str) -> None:
        """End it; what is in flight has failed."""
        outcome = RequestOutcome(UNAVAILABLE, why, lost=True)
        self.outcomes.others += [(number, outcome) for number in self._drop()]
        self._hang_up(why)

    def _hang_up(self, why: str) -> None:
        self.broken = self.broken or why
        if self.wire is not None:
            self.wire.close()
            self.wire = None
