"""One client's connection: HTTP/2 by nghttp2, requests in, responses out.

Thread-safe: one lock guards the protocol's state, and is held for microseconds, never while a method runs.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Mapping
from typing import Any

import ngh2
from ngh2 import events

from perfgate.protocols.grpc import frame
from perfgate.server.rpc.call import ServerCall
from perfgate.server.rpc.interface import Answer, Method
from perfgate.server.rpc.limits import Limits
from perfgate.server.rpc.wire import OPENING, RefusedError, failure, no_grpc, trailers

_WINDOW_BYTES = 1 << 20  # of a stream; at the protocol's 64 KiB a large tensor waits for the client repeatedly
_CONNECTION_WINDOW_BYTES = 16 << 20
_MAX_HEADER_BYTES = 16 << 10  # like gRPC's own servers
_MAX_STREAMS = 4096
_WRITE_BYTES = 1 << 20
_NO_ERROR = 0

_SETTINGS = {
    ngh2.Setting.MAX_CONCURRENT_STREAMS: _MAX_STREAMS,
    ngh2.Setting.INITIAL_WINDOW_SIZE: _WINDOW_BYTES,
    ngh2.Setting.MAX_HEADER_LIST_SIZE: _MAX_HEADER_BYTES,
}
_CONFIG = ngh2.Configuration(max_inbound_header_list_size=_MAX_HEADER_BYTES)


class Connection:
    """Reads requests of one client and writes their responses."""

    def __init__(self, sock: socket.socket, methods: Mapping[bytes, Method], limits: Limits) -> None:
        sock.setblocking(False)  # noqa: FBT003 - the standard library's way
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket, self._methods, self._limits = sock, methods, limits
        self._lock = threading.Lock()
        self._calls: dict[int, ServerCall] = {}
        self._unsent = b""
        self._closed = False
        self._http2 = ngh2.Connection(ngh2.Role.SERVER, _CONFIG)
        self._http2.initiate_connection(_SETTINGS)
        self._http2.set_local_window_size(_CONNECTION_WINDOW_BYTES)

    def fileno(self) -> int:
        """Descriptor, -1 once closed."""
        return self._socket.fileno()

    def read(self, buffer: bytearray) -> list[ServerCall]:
        """Read what has arrived, send what can be sent, and return the requests that are now complete."""
        with self._lock:
            ready: list[ServerCall] = []
            if not self._closed and (size := self._receive(buffer)):
                self._guarded(self._process, memoryview(buffer)[:size], ready)
            return ready

    def answer(self, call: ServerCall, answer: Answer, poll: select.epoll) -> None:
        """Send the response of a request, unless its client is gone; what the socket does not accept is sent later."""
        with self._lock:
            if not call.gone:
                self._guarded(self._respond, call, answer)
            if self._unsent:
                self._watch(poll)  # the client may send nothing before it has read this

    def watch(self, poll: select.epoll) -> bool:
        """Subscribe to the next event of this connection, once; False if it is closed."""
        with self._lock:
            self._watch(poll)
            return not self._closed

    def _watch(self, poll: select.epoll) -> None:
        if not self._closed:
            writing = select.EPOLLOUT if self._unsent else 0
            poll.modify(self._socket, select.EPOLLIN | select.EPOLLONESHOT | writing)

    def close(self) -> None:
        """Close the connection; its requests will not be answered."""
        with self._lock:
            self._close()

    def _guarded(self, work: Any, *arguments: Any) -> None:
        """Run an operation on the protocol's state and send its output; any error ends the connection."""
        try:
            work(*arguments)
            self._flush()
        except (OSError, ngh2.NGH2Error, MemoryError):
            self._close()

    def _receive(self, buffer: bytearray) -> int:
        try:
            size = self._socket.recv_into(buffer)
        except BlockingIOError:  # there is room to write, or another thread has already read
            self._guarded(lambda: None)
            return 0
        except OSError:
            size = 0
        if not size:
            self._close()
        return size

    def _process(self, data: memoryview, ready: list[ServerCall]) -> None:
        try:
            self._http2.receive_data(data)
        except ngh2.NGH2Error:
            self._flush()  # informs the client
            raise
        for event in self._http2.events():
            self._handle(event, ready)

    def _handle(self, event: events.Event, ready: list[ServerCall]) -> None:
        match event:
            case events.DataReceived():
                self._take(event, ready)
            case events.RequestReceived():
                self._open(event, ready)
            case events.StreamClosed() | events.StreamReset():
                if (call := self._calls.pop(event.stream_id, None)) is not None:
                    self._drop(call)
            case events.TrailersReceived():
                self._complete(event.stream_id, ready)
            case events.ConnectionClosed():
                raise ngh2.ConnectionClosingError

    def _open(self, event: events.RequestReceived, ready: list[ServerCall]) -> None:
        fields: dict[bytes, bytes] = dict(event.headers)
        if (refusal := no_grpc(fields)) is not None:
            self._refuse(event.stream_id, refusal)
            return
        try:
            self._calls[event.stream_id] = ServerCall.opened(event.stream_id, fields, self._methods, self._limits)
        except RefusedError as error:
            self._refuse(event.stream_id, failure(error.status, str(error)))
            return
        if event.end_stream:
            self._complete(event.stream_id, ready)

    def _take(self, event: events.DataReceived, ready: list[ServerCall]) -> None:
        call = self._calls.get(event.stream_id)
        if call is None:  # it was refused
            return
        try:
            call.add(event.data)
        except RefusedError as error:
            self._drop(self._calls.pop(event.stream_id))
            self._refuse(event.stream_id, failure(error.status, str(error)))
            return
        if event.end_stream:
            self._complete(event.stream_id, ready)

    def _complete(self, stream: int, ready: list[ServerCall]) -> None:
        if (call := self._calls.get(stream)) is not None:
            call.arrived()
            ready.append(call)

    def _refuse(self, stream: int, fields: list[tuple[bytes, bytes]]) -> None:
        """Answer with an error at once, and ignore the rest of the request (RFC 9113, section 8.1)."""
        self._http2.send_response(stream, fields, end_stream=True)
        self._flush()
        try:
            self._http2.reset_stream(stream, _NO_ERROR)
        except ngh2.NGH2Error:
            return  # it was complete

    def _respond(self, call: ServerCall, answer: Answer) -> None:
        try:
            if answer.status:
                self._http2.send_response(call.stream, failure(answer.status, answer.words), end_stream=True)
                return
            self._http2.send_response(call.stream, OPENING)
            self._http2.send_data(call.stream, frame(answer.body))
            if not answer.stays_open:
                self._http2.send_trailers(call.stream, trailers(answer))
        except ngh2.StreamProtocolError:  # the client cancelled the request at this very moment
            self._drop(self._calls.pop(call.stream, call))

    def _flush(self) -> None:
        """Send everything that the protocol has to send and the socket accepts."""
        while self._unsent or (chunk := self._http2.data_to_send(_WRITE_BYTES)):
            self._unsent = self._unsent or chunk
            try:
                sent = self._socket.send(self._unsent)
            except BlockingIOError:
                break
            self._unsent = self._unsent[sent:]
        for event in self._http2.events():
            self._handle(event, [])

    def _drop(self, call: ServerCall) -> None:
        if not call.gone:
            call.gone = True
            call.end()

    def _close(self) -> None:
        if not self._closed:
            self._closed = True
            for call in self._calls.values():
                self._drop(call)
            self._calls.clear()
            self._socket.close()
