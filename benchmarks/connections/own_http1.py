"""perfgate's former HTTP/1.1 connection, with its own parser instead of httptools."""

from __future__ import annotations

from perfgate.loadgen.connection import Outcomes, RequestOutcome
from perfgate.loadgen.http1 import Http1Connection, error_text, status_of_http
from perfgate.loadgen.wire import Remote
from perfgate.protocols.grpc import OK

_LONGEST_HEAD = 256 * 1024
_END = b"\r\n\r\n"


class OwnHttp1Connection(Http1Connection):
    """The same connection with the former parser."""

    def __init__(self, place: Remote, outcomes: Outcomes, idle: list[Http1Connection]) -> None:
        super().__init__(place, outcomes, idle)
        self._buffer = bytearray()
        self._left: int | None = 0
        """Bytes of the body still to come; None: until the server closes the connection."""
        self._chunked = self._last = False
        self._line_end = False
        """Whether the line end after a chunk is still to come."""

    def _break(self, why: str) -> None:
        """Close; a request on a connection that the server had closed in the meantime was not processed."""
        if self._http and self._left is None and not self._chunked:
            self._finish()  # the body ends with the connection
        elif self._number is not None and self._used and not self._buffer and not self._http:
            self.outcomes.again += self._drop()
        super(Http1Connection, self)._break(why)

    def _understand(self, data: bytes) -> None:
        self._buffer += data
        while self._number is not None and self.wire is not None:
            if not self._http and not self._head():
                return
            if not self._body():
                return
        if self._buffer and self.wire is not None:
            self._break("the server sent more than one answer")

    def _head(self) -> bool:
        """Read the head of a response; returns whether it is complete."""
        if (end := self._buffer.find(_END)) < 0:
            if len(self._buffer) > _LONGEST_HEAD:
                self._break("the head of the answer is too long: is this an HTTP server?")
            return False
        first, *lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + len(_END)]
        version, _, rest = first.partition(b" ")
        if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
            self._break("the answer is not HTTP/1: is this a REST server?")
            return False
        fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
        code = int(rest[:3])
        if code < 200:
            return self._head()
        self._http = code
        self._timing = fields.get(b"server-timing", b"").decode("latin-1")
        self._chunked = fields.get(b"transfer-encoding", b"").lower().endswith(b"chunked")
        self._last = fields.get(b"connection", b"").lower() == b"close" or (
            version == b"HTTP/1.0" and fields.get(b"connection", b"").lower() != b"keep-alive"
        )
        length = fields.get(b"content-length", b"")
        if self._chunked or code == 204:
            self._left = 0
        else:
            self._left = int(length) if length.isdigit() else None
        return True

    def _body(self) -> bool:
        """Read the available part of the body; returns whether it is complete."""
        if self._chunked:
            return self._chunks()
        self._take(len(self._buffer) if self._left is None else min(self._left, len(self._buffer)))
        if self._left == 0:
            self._finish()
            return True
        return False

    def _chunks(self) -> bool:
        """Read chunks; the last one is empty, and trailers may follow."""
        while True:
            if self._left:
                self._take(min(self._left, len(self._buffer)))
                if self._left:
                    return False
                self._line_end = True
            if self._line_end:
                if len(self._buffer) < 2:
                    return False
                del self._buffer[:2]
                self._line_end = False
            if (end := self._buffer.find(b"\r\n")) < 0:
                return False
            size = bytes(self._buffer[:end]).partition(b";")[0].strip()
            try:
                length = int(size, 16)
            except ValueError:
                self._break("the chunks of the answer cannot be read")
                return False
            if not length:
                return self._trailers(end)
            del self._buffer[: end + 2]
            self._left = length

    def _trailers(self, end: int) -> bool:
        """Skip everything after the last chunk up to the empty line."""
        if self._buffer[end : end + 4] == _END:
            stop = end + 4
        elif (found := self._buffer.find(_END, end)) >= 0:
            stop = found + 4
        else:
            return False
        del self._buffer[:stop]
        self._finish()
        return True

    def _take(self, size: int) -> None:
        if self.kept is not None and size:
            self.kept.append(bytes(self._buffer[:size]))
        del self._buffer[:size]
        if self._left is not None:
            self._left -= size

    def _finish(self) -> None:
        """Record the response and become idle, unless the server closes the connection now."""
        status, timing, number = status_of_http(self._http), self._timing, self._number
        self._number, self._http, self._timing, self._used = None, 0, "", True
        if number is None:
            return
        if status == OK and not timing:
            self.outcomes.good.append(number)
        else:
            text = "" if status == OK or self.kept is None else error_text(b"".join(self.kept))
            self.outcomes.others.append((number, RequestOutcome(status, text, timing)))
        if self._last:
            self._hang_up("the server closes the connection after each answer")
        else:
            self._idle.append(self)
