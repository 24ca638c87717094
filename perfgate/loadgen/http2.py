"""An HTTP/2 client connection, as far as unary gRPC calls need it (RFC 9113; HPACK is the hpack package's).

Optimised for little CPU time a request: constant parts are made once, and header blocks that were seen before are not
decoded again. docs/explanation/benchmarks.md compares it with libcurl.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hpack import Decoder, Encoder, HPACKError

from perfgate.loadgen.connection import ClientConnection, Outcomes, Request, RequestOutcome
from perfgate.loadgen.frames import status_of, status_of_reset, status_without_trailer
from perfgate.loadgen.wire import Remote
from perfgate.protocols.grpc import OK, UNAVAILABLE

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEAD = struct.Struct(">BHBBI")  # 24 bits of length, type, flags, stream
_SETTING = struct.Struct(">HI")
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PUSH_PROMISE, _PING, _GOAWAY, _WINDOW_UPDATE, _CONTINUATION = (
    0, 1, 3, 4, 5, 6, 7, 8, 9,
)  # fmt: skip
_END_STREAM = _ACK = 0x1
_END_HEADERS, _PADDED, _PRIORITY = 0x4, 0x8, 0x20
_TABLE_SIZE, _ENABLE_PUSH, _MAX_STREAMS, _INITIAL_WINDOW, _MAX_FRAME = 1, 2, 3, 4, 5
_CANCEL = (8).to_bytes(4, "big")
_LARGEST_WINDOW = 2**31 - 1
_USUAL_WINDOW = 65_535
_USUAL_FRAME = 16_384
_LARGEST_FRAME = 2**24 - 1
_LAST_STREAM = 2**31 - 1
_RENEW_BYTES = 2**29
_KNOWN_BLOCKS = 1024


@dataclass(frozen=True, slots=True)
class _Fields:
    """The relevant fields of one header block."""

    http: int | None
    status: int | None
    message: str
    timing: str
    plain: bool
    """The beginning of an expected response."""
    good: bool
    """The end of an expected response without further information."""


class Http2Connection(ClientConnection):
    """Many concurrent requests, each in a stream of its own."""

    def __init__(self, place: Remote, outcomes: Outcomes, headers: Sequence[tuple[str, str]]) -> None:
        """Begin to connect; `headers` are sent with each request, after its pseudo-headers."""
        super().__init__(place, outcomes)
        self._headers = list(headers)
        self._scheme = "https" if place.tls else "http"
        self._streams: dict[int, int] = {}
        """Numbers of the requests in flight by stream, in order of sending."""
        self._heads: dict[int, _Fields] = {}
        """Beginnings of unexpected responses."""
        self._waiting: deque[tuple[int, Request]] = deque()
        """Requests delayed by the server's limit of streams."""
        self._newest, self._in_order = -1, True
        """The number sent last, and whether numbers ascend, as they do except after a resent request."""
        self._next_stream = 1
        self._max_streams = _LARGEST_WINDOW
        self._window, self._stream_window, self._max_frame = _USUAL_WINDOW, _USUAL_WINDOW, _USUAL_FRAME
        self._uploads: dict[int, memoryview] = {}
        """Data held back by flow control, by stream."""
        self._windows: dict[int, int] = {}
        """Flow-control windows of the streams in `_uploads`."""
        self._encoder, self._decoder = Encoder(), Decoder()
        self._blocks: dict[str, bytes] = {}
        self._pieces: dict[Request, tuple[bytes, bytes]] = {}
        """Frame heads and header block of a request, around its stream number."""
        self._known: dict[bytes, _Fields] = {}
        self._rest, self._block, self._block_flags = b"", b"", 0
        self._received = 0
        settings = _SETTING.pack(_ENABLE_PUSH, 0) + _SETTING.pack(_INITIAL_WINDOW, _LARGEST_WINDOW)
        self._out += [
            _PREFACE,
            _frame(_SETTINGS, 0, 0, settings),
            _frame(_WINDOW_UPDATE, 0, 0, (_LARGEST_WINDOW - _USUAL_WINDOW).to_bytes(4, "big")),
        ]

    def send(self, number: int, request: Request) -> None:
        """Take a request, which is sent by the next `flush`, or when the server's limits permit."""
        if self.broken:
            self.outcomes.others.append((number, RequestOutcome(UNAVAILABLE, self.broken, lost=True)))
            return
        if len(self._streams) >= self._max_streams:
            self._waiting.append((number, request))
            return
        stream, size = self._next_stream, len(request.body)
        self._next_stream = stream + 2
        self._streams[stream] = number
        if number < self._newest:
            self._in_order = False
        self._newest = number
        pieces = self._pieces.get(request) or self._make_pieces(request)
        name = stream.to_bytes(4, "big")
        if size <= self._window and size <= self._stream_window and size <= self._max_frame:
            self._window -= size
            self._out += (pieces[0], name, pieces[1], name, request.body)
        else:
            self._out += (pieces[0], name, pieces[1][:-5])
            self._uploads[stream], self._windows[stream] = memoryview(request.body), self._stream_window
            self._upload()
        if self._next_stream > _LAST_STREAM:
            self._take_no_more("all streams of the connection are used up")

    def give_up_through(self, number: int, outcome: RequestOutcome) -> None:
        """Cancel all requests up to that number."""
        late = []
        for stream, index in self._streams.items():
            if index <= number:
                late.append(stream)
            elif self._in_order:
                break
        for stream in late:
            self._out.append(_frame(_RST_STREAM, 0, stream, _CANCEL))
            self.outcomes.others.append((self._end(stream), outcome))
        while self._waiting and self._waiting[0][0] <= number:
            self.outcomes.others.append((self._waiting.popleft()[0], outcome))
        self._after()

    def _drop(self) -> Iterable[int]:
        numbers = [*self._streams.values(), *(number for number, _ in self._waiting)]
        for kept in (self._streams, self._heads, self._waiting, self._uploads, self._windows):
            kept.clear()
        return numbers

    def _make_pieces(self, request: Request) -> tuple[bytes, bytes]:
        """Make the bytes around the stream number of a request, and cache them once they no longer change."""
        fields = [(":method", "POST"), (":scheme", self._scheme), (":path", request.path), *self._headers]
        block = self._encoder.encode(fields)
        head = len(block).to_bytes(3, "big") + bytes((_HEADERS, _END_HEADERS))
        size = min(len(request.body), _LARGEST_FRAME)  # a larger body is sent in several frames, without this head
        data = size.to_bytes(3, "big") + bytes((_DATA, _END_STREAM))
        pieces = (head, block + data)
        if self._blocks.get(request.path) == block:
            self._pieces[request] = pieces
        else:  # fields have entered the table: others may have moved
            self._pieces.clear()
            self._blocks = {request.path: block}
        return pieces

    def _upload(self) -> None:
        """Send as much of the large bodies as flow control permits."""
        for stream, left in tuple(self._uploads.items()):
            while left and (size := min(len(left), self._window, self._windows[stream], self._max_frame)) > 0:
                flags = _END_STREAM if size == len(left) else 0
                self._out += (_HEAD.pack(size >> 16, size & 0xFFFF, _DATA, flags, stream), left[:size].tobytes())
                self._window -= size
                self._windows[stream] -= size
                left = left[size:]  # noqa: PLW2901 - the loop works on the rest
            if left:
                self._uploads[stream] = left
            else:
                del self._uploads[stream], self._windows[stream]

    def _understand(self, data: bytes) -> None:  # noqa: C901, PLR0912 - the hot loop: calls would cost more than the work
        if self._rest:
            data = self._rest + data
        known, streams, heads, good = self._known, self._streams, self._heads, self.outcomes.good
        unpack, at, size, end_headers = _HEAD.unpack_from, 0, len(data), (_END_HEADERS, _END_HEADERS | _END_STREAM)
        while size - at >= 9:
            high, low, kind, flags, stream = unpack(data, at)
            end = at + 9 + (high << 16 | low)
            if end > size:
                if end - at > _USUAL_FRAME + 9:
                    self._break("the server sent a frame that is too large: is this a gRPC server?")
                    return
                break
            payload = data[at + 9 : end]
            at = end
            if kind == _HEADERS and flags in end_headers and not self._block_flags:
                if (fields := known.get(payload)) is None and (fields := self._decode(payload)) is None:
                    return
                if not flags & _END_STREAM:
                    if not fields.plain and stream in streams:
                        heads[stream] = fields
                elif fields.good and stream not in heads:
                    if (number := streams.pop(stream, None)) is not None:
                        good.append(number)
                else:
                    self._answered(stream, fields)
            elif kind == _DATA:
                self._received += len(payload)
                if flags or self.kept is not None:
                    self._body(flags, stream, payload)
            else:
                self._frame(kind, flags, stream, payload)
                if self.wire is None:
                    return
        self._rest = data[at:]
        if self._received > _RENEW_BYTES:
            self._out.append(_frame(_WINDOW_UPDATE, 0, 0, self._received.to_bytes(4, "big")))
            self._received = 0
        if self._out or self._waiting or self.broken:
            self._after()

    def _after(self) -> None:
        """Start requests that waited for a stream, reply to the server's frames, and close if nothing is left to do."""
        while self._waiting and len(self._streams) < self._max_streams and not self.broken:
            self.send(*self._waiting.popleft())
        if self._out:
            self.flush()
        if self.broken and not self._streams:
            self._hang_up(self.broken)

    def _frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        """Process one of the less frequent frames."""
        if kind in {_HEADERS, _CONTINUATION}:
            self._header_piece(kind, flags, stream, payload)
        elif kind == _SETTINGS and not flags & _ACK:
            for name, value in _SETTING.iter_unpack(payload[: len(payload) // 6 * 6]):
                self._set(name, value)
            self._out.append(_frame(_SETTINGS, _ACK, 0, b""))
        elif kind == _PING and not flags & _ACK:
            self._out.append(_frame(_PING, _ACK, 0, payload))
        elif kind == _WINDOW_UPDATE:
            more = int.from_bytes(payload, "big") & _LARGEST_WINDOW
            if not stream:
                self._window += more
            elif stream in self._windows:
                self._windows[stream] += more
            self._upload()
        elif kind == _RST_STREAM and stream in self._streams:
            status, text = status_of_reset(int.from_bytes(payload, "big"))
            self.outcomes.others.append((self._end(stream), RequestOutcome(status, text)))
        elif kind == _GOAWAY:
            self._going_away(int.from_bytes(payload[:4], "big") & _LARGEST_WINDOW, payload[8:])

    def _set(self, name: int, value: int) -> None:
        if name == _TABLE_SIZE:
            self._encoder.header_table_size = min(value, 4096)
            self._pieces.clear()
            self._blocks.clear()
        elif name == _MAX_STREAMS:
            self._max_streams = value
        elif name == _INITIAL_WINDOW:
            for stream in self._windows:
                self._windows[stream] += value - self._stream_window
            self._stream_window = value
            self._upload()
        elif name == _MAX_FRAME:
            self._max_frame = value

    def _going_away(self, last: int, words: bytes) -> None:
        """Handle GOAWAY: the server finishes what it has begun, and has not processed the rest."""
        text = words.decode(errors="replace")
        self._take_no_more(f"the server is closing the connection{': ' if text else ''}{text}")
        for stream in [stream for stream in self._streams if stream > last]:
            self.outcomes.again.append(self._end(stream))

    def _take_no_more(self, why: str) -> None:
        self.broken = self.broken or why
        self.outcomes.again += [number for number, _ in self._waiting]
        self._waiting.clear()

    def _header_piece(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        """Assemble header blocks that are padded, have a priority, or span several frames."""
        if kind == _HEADERS:
            padding = payload[0] if flags & _PADDED and payload else 0
            start = (1 if flags & _PADDED else 0) + (5 if flags & _PRIORITY else 0)
            self._block, self._block_flags = payload[start : len(payload) - padding], flags | _PADDED
        else:
            self._block += payload
        if not flags & _END_HEADERS:
            return
        ends, self._block_flags = self._block_flags & _END_STREAM, 0
        if (fields := self._decode(self._block)) is None:
            return
        if ends:
            self._answered(stream, fields)
        elif not fields.plain and stream in self._streams:
            self._heads[stream] = fields

    def _decode(self, block: bytes) -> _Fields | None:
        """Decode a header block, and cache it while the table is unchanged."""
        table = self._decoder.header_table
        size, length = table.maxsize, len(table.dynamic_entries)
        newest = table.dynamic_entries[0] if length else None
        try:
            raw = self._decoder.decode(block, raw=True)
        except HPACKError as error:
            self._break(f"the server's headers cannot be decoded: {error}")
            return None
        fields = _fields({bytes(field[0]): bytes(field[1]) for field in raw})
        entries = table.dynamic_entries
        if (size, length) != (table.maxsize, len(entries)) or (entries and entries[0] is not newest):
            self._known.clear()
        elif not fields.timing and not fields.message and len(self._known) < _KNOWN_BLOCKS:
            self._known[block] = fields
        return fields

    def _body(self, flags: int, stream: int, payload: bytes) -> None:
        """Receive a piece of a response's body."""
        if flags & _PADDED and payload:
            payload = payload[1 : len(payload) - payload[0]]
        if self.kept is not None and stream in self._streams:
            self.kept.append(payload)
        if flags & _END_STREAM and stream in self._streams:
            self._answered(stream, _fields({}))

    def _answered(self, stream: int, end: _Fields) -> None:
        """Settle an unexpected response, or one with further information."""
        if stream not in self._streams:
            return  # given up earlier
        head = self._heads.get(stream)
        status, message = (end.status, end.message) if end.status is not None or head is None else (
            head.status, head.message)  # fmt: skip
        if status is None:
            http = end.http or (head.http if head else None) or 200
            status, message = status_without_trailer(http)
        timing = end.timing or (head.timing if head else "")
        self.outcomes.others.append((self._end(stream), RequestOutcome(status, message, timing)))

    def _end(self, stream: int) -> int:
        """Remove a stream, and return its request's number."""
        for kept in (self._heads, self._uploads, self._windows):
            kept.pop(stream, None)
        return self._streams.pop(stream)


def _fields(raw: dict[bytes, bytes]) -> _Fields:
    """Select the relevant fields."""
    http = raw.get(b":status", b"")
    found = status_of(raw)
    status, message = found or (None, "")
    timing = raw.get(b"server-timing", b"").decode("latin-1")
    code = int(http) if http.isdigit() else None
    plain = code in {None, 200} and status is None and not timing
    return _Fields(code, status, message, timing, plain, good=status == OK and not timing)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return _HEAD.pack(len(payload) >> 16, len(payload) & 0xFFFF, kind, flags, stream) + payload
