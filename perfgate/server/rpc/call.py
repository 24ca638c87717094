"""The progress of one request through the server."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from perfgate.server.rpc.interface import Answer, Method, Status
from perfgate.server.rpc.limits import Limits
from perfgate.server.rpc.wire import (
    MAX_MESSAGE_BYTES,
    PREFIX_BYTES,
    RefusedError,
    announced_bytes,
    timeout_s,
    too_large,
    unframe,
)


@dataclass(slots=True, eq=False)
class ServerCall:
    """A request: its pieces as they arrive, then the work that it asks for."""

    stream: int
    method: Method
    encoding: bytes
    deadline_s: float | None
    """On the monotonic clock."""
    limits: Limits
    pieces: list[bytes] = field(default_factory=list)
    received: int = 0
    held: int = 0
    arrived_ns: int = 0
    gone: bool = False
    """The client cancelled the request, or its connection broke."""

    @classmethod
    def opened(
        cls, stream: int, fields: Mapping[bytes, bytes], methods: Mapping[bytes, Method], limits: Limits
    ) -> ServerCall:
        """Begin a request; RefusedError if there is no such method, or there are too many requests."""
        path = fields.get(b":path", b"")
        if path not in methods:
            raise RefusedError(Status.UNIMPLEMENTED, f"Method not found: {path[:200].decode('latin-1')}")
        if not limits.enter():
            raise RefusedError(Status.RESOURCE_EXHAUSTED, "Too many requests at a time")
        allowed_s = timeout_s(fields.get(b"grpc-timeout"))
        deadline_s = None if allowed_s is None else time.monotonic() + allowed_s
        return cls(stream, methods[path], fields.get(b"grpc-encoding", b"")[:20], deadline_s, limits)

    def add(self, piece: bytes) -> None:
        """Add a piece of the message; RefusedError as soon as it is known to be too large."""
        self.hold(len(piece))
        self.pieces.append(piece)
        self.received += len(piece)
        if len(self.pieces) > 1 and self.received <= PREFIX_BYTES:  # a byte at a time
            self.pieces = [b"".join(self.pieces)]
        if len(self.pieces[0]) >= PREFIX_BYTES and (size := announced_bytes(self.pieces[0])) > MAX_MESSAGE_BYTES:
            raise too_large(size)
        if self.received > MAX_MESSAGE_BYTES + PREFIX_BYTES:
            raise too_large(self.received)

    def hold(self, size: int) -> None:
        """Count memory held for this request; RefusedError if all requests together hold too much."""
        if not self.limits.hold(size, self.held):
            raise RefusedError(Status.RESOURCE_EXHAUSTED, "Too many bytes of requests and answers at a time")
        self.held += size

    def arrived(self) -> None:
        """Record when the request was complete."""
        self.arrived_ns = time.perf_counter_ns()

    def run(self) -> Answer:
        """Call the method, unless the deadline has passed."""
        began_ns = time.perf_counter_ns()
        if self.deadline_s is not None and time.monotonic() > self.deadline_s:
            return Answer(status=Status.DEADLINE_EXCEEDED, words="Deadline Exceeded")
        body, self.pieces = b"".join(self.pieces), []
        try:
            answer = self.method(unframe(body, self.encoding))
            self.hold(len(answer.body))
        except RefusedError as error:
            return Answer(status=error.status, words=str(error))
        if answer.times is None:
            return answer
        times = answer.times.waited((began_ns - self.arrived_ns) / 1e6)
        return Answer(answer.body, times=times, stays_open=answer.stays_open)

    def end(self) -> None:
        """Release everything that is held; only the first call has an effect."""
        self.pieces = []
        self.limits.leave(self.held)
