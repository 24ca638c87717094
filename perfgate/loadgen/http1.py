"""A persistent HTTP/1.1 client connection with one request at a time (RFC 9112).

Responses are parsed by httptools, a binding of llhttp, the parser of Node.js; docs/explanation/benchmarks.md shows what
that saves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress

import httptools

from perfgate.loadgen.connection import ClientConnection, Outcomes, Request, RequestOutcome
from perfgate.loadgen.wire import Remote
from perfgate.protocols import grpc
from perfgate.protocols.grpc import OK, UNAVAILABLE, UNKNOWN
from perfgate.trials import Method

METHOD_VERBS = {Method.PREDICT: "predict", Method.CLASSIFY: "classify", Method.REGRESS: "regress"}

# TF-Serving's HTTP status for each gRPC status, inverted (`ToHTTPStatusCode` in
# https://github.com/tensorflow/serving/blob/master/tensorflow_serving/model_servers/http_server.cc).
_OF_HTTP = {
    400: grpc.INVALID_ARGUMENT,
    401: grpc.UNAUTHENTICATED,
    403: grpc.PERMISSION_DENIED,
    404: grpc.NOT_FOUND,
    405: grpc.UNIMPLEMENTED,
    409: grpc.ABORTED,
    429: grpc.RESOURCE_EXHAUSTED,
    499: grpc.CANCELLED,
    500: grpc.INTERNAL,
    501: grpc.UNIMPLEMENTED,
    503: grpc.UNAVAILABLE,
    504: grpc.DEADLINE_EXCEEDED,
}
_LONGEST_HEAD = 256 * 1024


def http_request(verb: str, path: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """Serialise a request; JSON if it has a body."""
    fields = dict(headers)
    if body is not None:
        fields |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [f"{verb} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode() + (body or b"")


def status_of_http(http: int) -> int:
    """Return the gRPC status for an HTTP status of TF-Serving."""
    return OK if http == 200 else _OF_HTTP.get(http, UNKNOWN)


class Http1Connection(ClientConnection):
    """Returns to the idle connections after its response; the parser calls the methods that begin with `on_`."""

    def __init__(self, place: Remote, outcomes: Outcomes, idle: list[Http1Connection]) -> None:
        super().__init__(place, outcomes)
        self._idle = idle
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._number: int | None = None
        self._used = False
        """A response has arrived before."""
        self._begun = False
        """The first byte of a response has arrived."""
        self._extra = False
        """A second response followed the expected one."""
        self._head_bytes = 0
        """Bytes received while the response's head was incomplete."""
        self._http = 0
        """Status of the response whose head has been read; 0: none."""
        self._timing = ""
        self._sized = False
        """The response declares its length; otherwise it ends with the connection."""

    def send(self, number: int, request: Request) -> None:
        """Take the single request."""
        if self.broken:
            self.outcomes.others.append((number, RequestOutcome(UNAVAILABLE, self.broken, lost=True)))
            return
        self._number = number
        self._out.append(request.body)

    def give_up_through(self, number: int, outcome: RequestOutcome) -> None:
        """End the request and the connection, since HTTP/1.1 has no other way to cancel."""
        if self._number is not None and self._number <= number:
            self.outcomes.others.append((self._number, outcome))
            self._number = None
            self._hang_up(outcome.message)

    def _drop(self) -> Iterable[int]:
        number, self._number = self._number, None
        return () if number is None else (number,)

    def _break(self, why: str) -> None:
        """Close; a request on a connection that the server had closed in the meantime was not processed."""
        if self._http and not self._sized:
            self.on_message_complete()  # the body ends with the connection, which the parser cannot know
        elif self._number is not None and self._used and not self._begun:
            self.outcomes.again += self._drop()
        super()._break(why)

    def _hang_up(self, why: str) -> None:
        super()._hang_up(why)
        self._parser = None  # it refers to this object, and the garbage collector is off while we measure

    def _understand(self, data: bytes) -> None:
        if not self._http:
            self._head_bytes += len(data)
        try:
            if self._parser is not None:
                self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._break(f"the answer is not HTTP/1: is this a REST server? ({error})")
            return
        if self._extra:
            self._break("the server sent more than one answer")
        elif self._head_bytes > _LONGEST_HEAD and not self._http:
            self._break("the head of the answer is too long: is this an HTTP server?")

    def on_message_begin(self) -> None:
        """Note that a response begins: the expected one, or an extra one."""
        self._begun, self._extra = True, self._number is None

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the relevant fields."""
        name = name.lower()
        if name == b"server-timing":
            self._timing = value.decode("latin-1")
        elif name in {b"content-length", b"transfer-encoding"}:
            self._sized = True

    def on_headers_complete(self) -> None:
        """Keep the status; one below 200 is an interim response."""
        if self._parser is not None and (code := self._parser.get_status_code()) >= 200:
            self._http = code

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body if it is wanted."""
        if self.kept is not None:
            self.kept.append(body)

    def on_message_complete(self) -> None:
        """Record the response and become idle, unless the server closes the connection now."""
        if not self._http or self._parser is None:
            return
        status, timing, number = status_of_http(self._http), self._timing, self._number
        self._number, self._http, self._timing, self._head_bytes, self._used = None, 0, "", 0, True
        self._begun = self._sized = False
        if number is None:
            return
        if status == OK and not timing:
            self.outcomes.good.append(number)
        else:
            text = "" if status == OK or self.kept is None else error_text(b"".join(self.kept))
            self.outcomes.others.append((number, RequestOutcome(status, text, timing)))
        if self._parser.should_keep_alive():
            self._idle.append(self)
        else:
            self._hang_up("the server closes the connection after each answer")


def error_text(body: bytes) -> str:
    """Return the message of TF-Serving's `{"error": "…"}`, or the body itself."""
    with suppress(ValueError):
        found = json.loads(body)
        if isinstance(found, dict) and "error" in found:
            return str(found["error"])
    return body[:500].decode(errors="replace").strip()
