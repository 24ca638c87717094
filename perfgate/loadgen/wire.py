"""One non-blocking TCP connection, optionally with TLS."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from perfgate.errors import InvalidRunError
from perfgate.protocols.address import host_and_port

_PIECE_BYTES = 256 * 1024
_LATER = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
"""Not an error: try again when the socket is ready."""
_GONE = "the server closed the connection"


class BrokenWireError(Exception):
    """The connection could not be opened, or has ended; the message says why."""


@dataclass(slots=True)
class Remote:
    """The address to connect to; names are looked up once."""

    address: str
    tls: ssl.SSLContext | None = None
    server_name: str = ""
    host: str = field(init=False)
    port: int = field(init=False)
    _found: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        """UsageError if it is not `host:port`."""
        self.host, self.port = host_and_port(self.address)

    def addresses(self) -> list[Any]:
        """Look the name up; BrokenWireError if it has no address."""
        if not self._found:
            try:
                self._found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
            except OSError as error:
                raise BrokenWireError(f"{self.address}: {error.strerror or error}") from error
        return self._found


class Wire:
    """Bytes out, bytes in; the caller waits until the socket is ready."""

    def __init__(self, place: Remote) -> None:
        """Begin to connect; BrokenWireError if that fails immediately."""
        self._place = place
        self._left = deque(place.addresses())
        self.unsent = b""
        self._connected = self.open = False
        self._tls = place.tls is not None
        self.socket: socket.socket
        self._next_address("no address")

    def fileno(self) -> int:
        """Return the socket's file number."""
        return self.socket.fileno()

    @property
    def wants_write(self) -> bool:
        """Return whether it waits to send."""
        return bool(self.unsent and self.open) or not self._connected

    def advance(self) -> bool:
        """Continue connecting; return whether the connection is established. BrokenWireError if it cannot be."""
        if not self._connected:
            if code := self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self._next_address(os.strerror(code))
                return False
            self._connected = True
            if self._place.tls is not None:
                name = self._place.server_name or self._place.host
                self.socket = self._place.tls.wrap_socket(
                    self.socket, server_hostname=name, do_handshake_on_connect=False
                )
        if isinstance(self.socket, ssl.SSLSocket):
            try:
                self.socket.do_handshake()
            except _LATER:
                return False
            except (OSError, ValueError) as error:
                raise BrokenWireError(f"TLS: {error}") from error
        self.open = True
        return True

    def send(self, pieces: Sequence[bytes]) -> None:
        """Send as much as the kernel accepts and keep the rest; without pieces, send what was kept."""
        data = b"".join((self.unsent, *pieces)) if self.unsent else b"".join(pieces)
        if not self.open:
            self.unsent = data
            return
        view: memoryview | None = None
        try:
            if (sent := self.socket.send(data)) == len(data):
                self.unsent = b""
                return
            view = memoryview(data)[sent:]
            while view:
                view = view[self.socket.send(view) :]
        except _LATER:
            self.unsent = data if view is None else bytes(view)
            return
        except OSError as error:
            self.unsent = b""
            raise BrokenWireError(error.strerror or str(error)) from error
        self.unsent = b""

    def receive(self) -> bytes:
        """Return what has arrived, empty if nothing has; BrokenWireError at the end."""
        try:
            data = self.socket.recv(_PIECE_BYTES)
        except _LATER:
            return b""
        except OSError as error:
            raise BrokenWireError(error.strerror or str(error)) from error
        if not data:
            raise BrokenWireError(_GONE)
        if self._tls and (more := self.socket.pending()):  # type: ignore[attr-defined]
            return data + self.socket.recv(more)  # already decrypted, so no readiness will be reported
        return data

    def close(self) -> None:
        """Close the socket; idempotent."""
        self.socket.close()

    def _next_address(self, problem: str) -> None:
        """Try the next of the name's addresses."""
        while self._left:
            if hasattr(self, "socket"):
                self.socket.close()
            family, kind, protocol, _, address = self._left.popleft()
            self.socket = _socket(family, kind | socket.SOCK_NONBLOCK, protocol)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            code = self.socket.connect_ex(address)
            if code in {0, errno.EINPROGRESS}:
                return
            problem = os.strerror(code)
        if hasattr(self, "socket"):
            self.socket.close()
        raise BrokenWireError(f"cannot connect to {self._place.address}: {problem}")


def _socket(family: int, kind: int, protocol: int) -> socket.socket:
    try:
        return socket.socket(family, kind, protocol)
    except OSError as error:
        if error.errno not in {errno.EMFILE, errno.ENFILE}:
            raise
        problem = "the load generator has reached its limit of open connections"
        raise InvalidRunError(problem, "raise `ulimit -n`, or lower load.in_flight or load.connections") from error
