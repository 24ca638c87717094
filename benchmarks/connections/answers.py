"""Responses as TF-Serving writes them, of a given size, and a server that sends only these."""

from __future__ import annotations

import selectors
import socket
import struct
import sys

import numpy as np

PROTOCOLS = ("rest", "grpc")
SIZES = (200, 4_000, 100_000)
_FRAME_BYTES = 16_384
_HEAD = struct.Struct(">BHBBI")
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS, _PING, _WINDOW_UPDATE = 0, 1, 4, 6, 8
_END_STREAM = _ACK = 1
_END_HEADERS = 4
_LARGEST_WINDOW = 2**31 - 1
_MORE_AFTER = 2**24
# HPACK (RFC 7541) without its tables: `:status` 200 is entry 8, `content-type` the name of entry 31.
_BEGIN_BLOCK = b"\x88\x0f\x10\x10application/grpc"
_END_BLOCK = b"\x00\x0bgrpc-status\x010"


def rest_answer(size: int) -> bytes:
    """Return a Predict response over REST, head and indented JSON (TF-Serving's `http_rest_api_util.cc`)."""
    numbers = np.random.default_rng(1).normal(size=max(1, size // 20)).astype(np.float32)
    body = b'{\n    "predictions": [%s\n    ]\n}' % ", ".join(f"[{number:.9g}]" for number in numbers).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Sun, 29 Nov 2026 06:00:00 GMT\r\n"
    return b"%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body)


def grpc_answer(size: int, stream: int) -> bytes:
    """Return a response over gRPC: header fields, a message of that size, trailers."""
    message = b"\0" + size.to_bytes(4) + bytes(size)
    pieces = [message[at : at + _FRAME_BYTES] for at in range(0, len(message), _FRAME_BYTES)]
    return b"".join(
        (
            frame(_HEADERS, _END_HEADERS, stream, _BEGIN_BLOCK),
            *(frame(_DATA, 0, stream, piece) for piece in pieces),
            frame(_HEADERS, _END_HEADERS | _END_STREAM, stream, _END_BLOCK),
        )
    )


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Frame a payload for HTTP/2."""
    return _HEAD.pack(len(payload) >> 16, len(payload) & 0xFFFF, kind, flags, stream) + payload


class _Rest:
    """One client over HTTP/1.1."""

    def __init__(self, size: int) -> None:
        self._answer, self._rest, self.greeting = rest_answer(size), b"", b""

    def answers(self, data: bytes) -> bytes:
        """Return the responses to the requests that have arrived."""
        data, found = self._rest + data, 0
        while (end := data.find(b"\r\n\r\n")) >= 0:
            length = int(data[:end].lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or b"0")
            if len(data) < end + 4 + length:
                break
            data, found = data[end + 4 + length :], found + 1
        self._rest = data
        return self._answer * found


class _Grpc:
    """One client over HTTP/2 that opened its windows fully at the beginning."""

    def __init__(self, size: int) -> None:
        self._size, self._rest, self._received, self._greeted = size, b"", 0, False
        settings = struct.pack(">HI", 4, _LARGEST_WINDOW)
        more = frame(_WINDOW_UPDATE, 0, 0, (2**30).to_bytes(4))
        self.greeting = frame(_SETTINGS, 0, 0, settings) + more

    def answers(self, data: bytes) -> bytes:
        """Return the responses to the requests that have arrived."""
        data, at, out = self._rest + data, 0, []
        if not self._greeted and len(data) >= len(_PREFACE):
            self._greeted, at = True, len(_PREFACE)
        while self._greeted and len(data) - at >= _HEAD.size:
            high, low, kind, flags, stream = _HEAD.unpack_from(data, at)
            end = at + _HEAD.size + (high << 16 | low)
            if end > len(data):
                break
            self._received += end - at if kind == _DATA else 0
            if kind == _DATA and flags & _END_STREAM:
                out.append(grpc_answer(self._size, stream))
            elif kind == _SETTINGS and not flags & _ACK:
                out.append(frame(_SETTINGS, _ACK, 0, b""))
            elif kind == _PING and not flags & _ACK:
                out.append(frame(_PING, _ACK, 0, data[at + _HEAD.size : end]))
            at = end
        if self._received > _MORE_AFTER:
            out.append(frame(_WINDOW_UPDATE, 0, 0, self._received.to_bytes(4)))
            self._received = 0
        self._rest = data[at:]
        return b"".join(out)


def main() -> None:
    """Print the port and serve until killed: `python -m benchmarks.connections.answers PROTOCOL SIZE`."""
    make: type[_Rest | _Grpc] = _Rest if sys.argv[1] == "rest" else _Grpc
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(listener.getsockname()[1], flush=True)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ, None)
    while True:
        for key, _ in selector.select():
            if key.data is None:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peer = make(int(sys.argv[2]))
                connection.sendall(peer.greeting)
                selector.register(connection, selectors.EVENT_READ, (connection, peer))
                continue
            connection, peer = key.data
            try:
                data = connection.recv(1 << 18)
                if data:
                    connection.sendall(peer.answers(data))
            except OSError:
                data = b""
            if not data:
                selector.unregister(connection)
                connection.close()


if __name__ == "__main__":
    main()
