"""The two protocols: how a call becomes a request, and which connection sends it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import lru_cache

from perfgate.errors import UsageError
from perfgate.loadgen.connection import ClientConnection, Outcomes, Request
from perfgate.loadgen.frames import grpc_timeout, unframe
from perfgate.loadgen.http1 import METHOD_VERBS, Http1Connection, http_request
from perfgate.loadgen.http2 import Http2Connection
from perfgate.loadgen.wire import Remote
from perfgate.protocols.grpc import frame
from perfgate.protocols.tls import Tls
from perfgate.trials import Call

_SERVICE = "/tensorflow.serving.PredictionService/"
_HEALTH = Request("/grpc.health.v1.Health/Check", frame(b""))
USER_AGENT = "perfgate"


class Transport(ABC):
    """Converts calls to requests and provides connections."""

    def __init__(self) -> None:
        self.outcomes = Outcomes()
        self.connections: list[ClientConnection] = []
        """Open or opening connections, and those that still wait for responses."""

    @abstractmethod
    def prepare(self, calls: Sequence[Call]) -> Sequence[Request]:
        """Make the requests, once for all series."""

    @abstractmethod
    def take(self) -> ClientConnection:
        """Return the connection for the next request, a new one if needed."""

    @abstractmethod
    def probes(self) -> Sequence[tuple[ClientConnection, Request]]:
        """Return the request that opens each persistent connection: a probe that any server answers."""

    @abstractmethod
    def body(self, pieces: Sequence[bytes]) -> bytes | None:
        """Assemble a response's body; None if it does not follow the protocol."""

    def tidy(self) -> None:
        """Forget connections that have ended."""
        self.connections = [one for one in self.connections if one.wire is not None]

    def close(self) -> None:
        """Close all connections."""
        for connection in self.connections:
            connection.close()
        self.connections.clear()


class GrpcTransport(Transport):
    """gRPC over HTTP/2: a fixed number of connections used in turn, each with many concurrent requests."""

    def __init__(  # noqa: PLR0913 - one for each setting
        self,
        address: str,
        deadline_s: float,
        *,
        connections: int = 1,
        tls: Tls | None = None,
        metadata: Mapping[str, str] | None = None,
        path: str = "",
    ) -> None:
        """`path`: the method that all calls go to, instead of their own."""
        super().__init__()
        self._place, self._path = _place(address, tls, "h2"), path
        self._headers = (
            (":authority", (tls.server_name if tls else "") or address),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("grpc-timeout", grpc_timeout(deadline_s)),
            ("user-agent", USER_AGENT),
            *((name.lower(), value) for name, value in (metadata or {}).items()),
        )
        self._slots: list[ClientConnection | None] = [None] * connections
        self._next = 0

    def prepare(self, calls: Sequence[Call]) -> Sequence[Request]:
        """Frame the messages, once for all drivers with the same calls."""
        return _framed(tuple(calls), self._path)

    def take(self) -> ClientConnection:
        """Return the next connection in turn, reopened if it broke."""
        self._next = slot = (self._next + 1) % len(self._slots)
        connection = self._slots[slot]
        if connection is None or connection.broken:
            connection = self._slots[slot] = Http2Connection(self._place, self.outcomes, self._headers)
            self.connections.append(connection)
        return connection

    def probes(self) -> Sequence[tuple[ClientConnection, Request]]:
        """Request the server's health on each connection."""
        return [(self.take(), _HEALTH) for _ in self._slots]

    def body(self, pieces: Sequence[bytes]) -> bytes | None:
        """Return the single message of the frame."""
        return unframe(b"".join(pieces))


class RestTransport(Transport):
    """JSON over HTTP/1.1: persistent connections with one request each at a time, as many as are in flight."""

    def __init__(self, address: str, path: str, connections: int, tls: Tls | None, metadata: Mapping[str, str]) -> None:
        """`path` is the model's, to which verbs are appended: `/v1/models/NAME`."""
        super().__init__()
        self._place = _place(address, tls, "http/1.1")
        self._path, self._kept = path, connections
        self._headers = {
            "Host": (tls.server_name if tls else "") or address,
            "User-Agent": USER_AGENT,
            "Accept": "application/json",
            **metadata,
        }
        self._idle: list[Http1Connection] = []
        self._requests: dict[Call, Request] = {}

    def prepare(self, calls: Sequence[Call]) -> Sequence[Request]:
        """Serialise the requests."""
        self._requests = {call: self._requests.get(call) or self._request(call) for call in calls}
        return [self._requests[call] for call in calls]

    def take(self) -> ClientConnection:
        """Return the most recently used idle connection, or a new one."""
        while self._idle:
            if not (connection := self._idle.pop()).broken:
                return connection
        return self._open()

    def probes(self) -> Sequence[tuple[ClientConnection, Request]]:
        """Request the model's status."""
        headers = {**self._headers}
        probe = Request(self._path, http_request("GET", self._path, headers, None))
        return [(self.take(), probe) for _ in range(self._kept)]

    def body(self, pieces: Sequence[bytes]) -> bytes | None:
        """Join the pieces."""
        return b"".join(pieces)

    def _open(self) -> Http1Connection:
        connection = Http1Connection(self._place, self.outcomes, self._idle)
        self.connections.append(connection)
        return connection

    def _request(self, call: Call) -> Request:
        if (verb := METHOD_VERBS.get(call.method)) is None:
            raise UsageError(f"{call.method} is not available over REST", 'measure it with protocol = "grpc"')
        path = f"{self._path}:{verb}"
        return Request(path, http_request("POST", path, self._headers, call.body))


def _place(address: str, tls: Tls | None, protocol: str) -> Remote:
    if tls is None:
        return Remote(address)
    return Remote(address, tls.context(protocol), tls.server_name or "")


@lru_cache(maxsize=4)
def _framed(calls: tuple[Call, ...], path: str) -> tuple[Request, ...]:
    frames = {call: Request(path or _SERVICE + call.method, frame(call.body)) for call in calls}
    return tuple(frames[call] for call in calls)
