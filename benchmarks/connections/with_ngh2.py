"""An HTTP/2 connection as a client session of nghttp2, through ngh2."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import ngh2
from ngh2 import events

from perfgate.loadgen.connection import ClientConnection, Outcomes, Request, RequestOutcome
from perfgate.loadgen.frames import status_of, status_of_reset, status_without_trailer
from perfgate.loadgen.wire import Remote
from perfgate.protocols.grpc import OK, UNAVAILABLE

_LARGEST_WINDOW = 2**31 - 1
_SETTINGS = {ngh2.Setting.ENABLE_PUSH: 0, ngh2.Setting.INITIAL_WINDOW_SIZE: _LARGEST_WINDOW}
_CONFIG = ngh2.Configuration(peer_max_concurrent_streams=_LARGEST_WINDOW, max_send_header_block_length=1 << 20)


@dataclass(slots=True)
class _Stream:
    number: int
    http: int = 200
    found: tuple[int, str] | None = None
    timing: str = ""


class Ngh2Connection(ClientConnection):
    """Equivalent to `perfgate.loadgen.http2.Http2Connection`, as far as a measurement needs it."""

    def __init__(self, place: Remote, outcomes: Outcomes, headers: Sequence[tuple[str, str]]) -> None:
        super().__init__(place, outcomes)
        self._headers = [(name.encode(), value.encode()) for name, value in headers]
        self._scheme = b"https" if place.tls else b"http"
        self._streams: dict[int, _Stream] = {}
        self._fields: dict[str, list[tuple[bytes, bytes]]] = {}
        self._http2 = ngh2.Connection(ngh2.Role.CLIENT, _CONFIG)
        self._http2.initiate_connection(_SETTINGS)
        self._http2.set_local_window_size(_LARGEST_WINDOW)

    def send(self, number: int, request: Request) -> None:
        """Take a request, which is sent by the next `flush`, or when the server's limits permit."""
        if self.broken:
            self.outcomes.others.append((number, RequestOutcome(UNAVAILABLE, self.broken, lost=True)))
            return
        if (fields := self._fields.get(request.path)) is None:
            begin = [(b":method", b"POST"), (b":scheme", self._scheme), (b":path", request.path.encode())]
            fields = self._fields[request.path] = [*begin, *self._headers]
        stream = self._http2.send_request(fields)
        self._http2.send_data(stream, request.body, end_stream=True)
        self._streams[stream] = _Stream(number)

    def flush(self) -> None:
        """Hand pending bytes over to the kernel."""
        if data := self._http2.data_to_send():
            self._out.append(data)
            super().flush()

    def give_up_through(self, number: int, outcome: RequestOutcome) -> None:
        """Cancel all requests up to that number."""
        for stream in [stream for stream, each in self._streams.items() if each.number <= number]:
            self._http2.reset_stream(stream)
            self.outcomes.others.append((self._streams.pop(stream).number, outcome))
        self.flush()

    def _drop(self) -> Iterable[int]:
        numbers = [stream.number for stream in self._streams.values()]
        self._streams.clear()
        return numbers

    def _understand(self, data: bytes) -> None:
        try:
            self._http2.receive_data(data)
        except ngh2.NGH2Error as error:
            self._break(f"the server's frames cannot be read: {error}")
            return
        for event in self._http2.events():
            self._take(event)
        self.flush()

    def _take(self, event: events.Event) -> None:
        if isinstance(event, events.DataReceived):
            if self.kept is not None and event.stream_id in self._streams:
                self.kept.append(event.data)
        elif isinstance(event, events.ResponseReceived | events.TrailersReceived):
            self._note(event.stream_id, dict(event.headers))
        elif isinstance(event, events.StreamClosed):
            if (stream := self._streams.pop(event.stream_id, None)) is not None:
                self._answered(stream)
        elif isinstance(event, events.StreamReset) and event.stream_id in self._streams:
            number = self._streams.pop(event.stream_id).number
            self.outcomes.others.append((number, RequestOutcome(*status_of_reset(event.error_code))))

    def _note(self, name: int, fields: dict[bytes, bytes]) -> None:
        if (stream := self._streams.get(name)) is not None:
            stream.http = int(fields.get(b":status", stream.http))
            stream.found = status_of(fields) or stream.found
            stream.timing = fields.get(b"server-timing", stream.timing.encode()).decode("latin-1")

    def _answered(self, stream: _Stream) -> None:
        status, message = stream.found or status_without_trailer(stream.http)
        if status == OK and not stream.timing:
            self.outcomes.good.append(stream.number)
        else:
            self.outcomes.others.append((stream.number, RequestOutcome(status, message, stream.timing)))
