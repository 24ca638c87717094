"""libcurl transfers set up once for one gRPC method, and used again and again."""

from __future__ import annotations

import re
from collections import deque
from typing import Any

import pycurl

from perfgate.errors import UsageError
from perfgate.load.frames import (
    DEADLINE_EXCEEDED,
    OK,
    OK_LINE,
    UNAVAILABLE,
    status_of,
    status_without_trailer,
    timeout_header,
)

# libcurl calls these for every header line and body piece of every answer. They are methods written in C on
# purpose: a Python function in their place costs 9 µs of CPU more a request, of 30.
_drop = deque[bytes](maxlen=0).append

_LONG_S = 86_400  # libcurl leaves a connection that idled for 118 s, unless told otherwise
_PIECE_BYTES = 512 * 1024


class Transfers:
    """Idle transfers of one method; grows with the number in flight and never shrinks."""

    def __init__(self, address: str, method: str, deadline_s: float, connections: int) -> None:
        host, port = split_address(address)
        self._connections = connections
        self._made = 0
        self._idle: list[Any] = []
        self._new = _Template(host, port, method, deadline_s)

    def take(self) -> Any:  # noqa: ANN401 - pycurl publishes no types for its handles
        """Return an idle transfer, a new one where there is none."""
        if self._idle:
            return self._idle.pop()
        self._made += 1
        return self._new.make((self._made - 1) % self._connections)

    def put(self, easy: Any) -> None:  # noqa: ANN401 - as above
        """Take a transfer back."""
        easy.lines.clear()
        self._idle.append(easy)

    def close(self) -> None:
        """Free the idle transfers."""
        for easy in self._idle:
            easy.close()
        self._idle.clear()


class _Template:
    """What all transfers of a method have in common."""

    def __init__(self, host: str, port: str, method: str, deadline_s: float) -> None:
        self._address, self._method, self._deadline_s = f"{host}:{port}", method, deadline_s
        self._headers = [
            "content-type: application/grpc",
            "te: trailers",
            timeout_header(deadline_s),
            "user-agent: perfgate",
            f"host: {host}:{port}",
            "expect:",  # a large body must not wait for `100 Continue`, which no gRPC server sends
            "accept:",
        ]

    def make(self, connection: int) -> Any:  # noqa: ANN401 - as above
        """Make a transfer that uses the connection of that number."""
        easy = pycurl.Curl()
        easy.setopt(pycurl.URL, self._url(connection))
        easy.setopt(pycurl.CONNECT_TO, [f"::{self._address}"])
        easy.setopt(pycurl.PROXY, "")  # whatever the environment says
        easy.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE)
        easy.setopt(pycurl.HTTPHEADER, self._headers)
        easy.setopt(pycurl.POST, 1)
        easy.setopt(pycurl.NOSIGNAL, 1)
        easy.setopt(pycurl.TCP_NODELAY, 1)
        easy.setopt(pycurl.PIPEWAIT, 1)  # share the connection that is being opened
        easy.setopt(pycurl.MAXAGE_CONN, _LONG_S)
        easy.setopt(pycurl.BUFFERSIZE, _PIECE_BYTES)
        easy.setopt(pycurl.UPLOAD_BUFFERSIZE, _PIECE_BYTES)
        easy.setopt(pycurl.TIMEOUT_MS, max(1, round(self._deadline_s * 1000)))
        easy.lines = []
        easy.setopt(pycurl.HEADERFUNCTION, easy.lines.append)
        easy.setopt(pycurl.WRITEFUNCTION, _drop)
        return easy

    def _url(self, connection: int) -> str:
        """Name the server differently for each connection: libcurl opens one connection a name and shares it."""
        return f"http://{self._address if connection == 0 else f'connection-{connection}'}{self._method}"


def open_multi() -> Any:  # noqa: ANN401 - as above
    """Make a multi handle that keeps one multiplexed connection a host name."""
    multi = pycurl.CurlMulti()
    multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_MULTIPLEX)
    multi.setopt(pycurl.M_MAX_HOST_CONNECTIONS, 1)
    multi.setopt(pycurl.M_MAX_CONCURRENT_STREAMS, 2**31 - 1)  # the server's own limit holds all the same
    return multi


def keep_body(easy: Any) -> list[bytes]:  # noqa: ANN401 - as above
    """Have the next answer's body kept, in pieces, in the returned list."""
    pieces: list[bytes] = []
    easy.setopt(pycurl.WRITEFUNCTION, pieces.append)
    return pieces


def drop_body(easy: Any) -> None:  # noqa: ANN401 - as above
    """Have bodies thrown away again."""
    easy.setopt(pycurl.WRITEFUNCTION, _drop)


def outcome(easy: Any, error: int | None = None, text: str = "") -> tuple[int, str]:  # noqa: ANN401 - as above
    """Return gRPC status and message of a finished transfer; `error` is libcurl's code where it failed."""
    if OK_LINE in easy.lines and error is None:
        return OK, ""
    if (found := status_of(easy.lines)) is not None:
        return found
    if error is None:
        return status_without_trailer(easy.getinfo(pycurl.RESPONSE_CODE))
    return (DEADLINE_EXCEEDED if error == pycurl.E_OPERATION_TIMEDOUT else UNAVAILABLE), text


def split_address(address: str) -> tuple[str, str]:
    """Split `host:port`; IPv6 hosts stand in brackets."""
    if not (match := re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):(\d{1,5})", address)):
        problem = f"{address!r} is no address"
        raise UsageError(problem, "write HOST:PORT, for instance 127.0.0.1:8500")
    return match[1], match[2]
