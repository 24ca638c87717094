"""The no-op server that any gRPC client accepts: constant HTTP/2 frames, in one thread.

nghttpd's responses have no `content-type`, so k6 counts them as failures.
"""

from __future__ import annotations

import selectors
import socket
import struct
import sys

_HEAD = struct.Struct(">BHBBI")
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_END_STREAM = 1
_DATA, _HEADERS, _SETTINGS, _PING = 0, 1, 4, 6


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Frame a payload."""
    return _HEAD.pack(0, len(payload), kind, flags, stream) + payload


# HPACK (RFC 7541) without its tables: `:status` 200 is entry 8, `content-type` the name of entry 31.
_HEAD_BLOCK = b"\x88\x0f\x10\x10application/grpc"
_END_BLOCK = b"\x00\x0bgrpc-status\x010"
_MESSAGE = b"\0\0\0\0\0"
_ACK = frame(_SETTINGS, 1, 0, b"")
_MORE = frame(8, 0, 0, (2**20).to_bytes(4, "big"))  # WINDOW_UPDATE of the connection
_PARTS = (
    _HEAD.pack(0, len(_HEAD_BLOCK), _HEADERS, 4, 0)[:5],
    _HEAD_BLOCK + _HEAD.pack(0, len(_MESSAGE), _DATA, 0, 0)[:5],
    _MESSAGE + _HEAD.pack(0, len(_END_BLOCK), _HEADERS, 5, 0)[:5],
)


class Remote:
    """One client."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._rest = b""
        self._received = 0
        self._greeted = False
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(frame(_SETTINGS, 0, 0, b"\0\4" + (2**30).to_bytes(4, "big")) + _MORE)

    def serve(self) -> bool:  # noqa: C901 - the hot loop
        """Answer what has arrived; returns False at the end."""
        data = self.connection.recv(1 << 18)
        if not data:
            return False
        data, at, unpack = self._rest + data, 0, _HEAD.unpack_from
        out: list[bytes] = []
        if not self._greeted and len(data) >= len(_PREFACE):
            self._greeted, at = True, len(_PREFACE)
        while self._greeted and len(data) - at >= 9:
            high, low, kind, flags, stream = unpack(data, at)
            end = at + 9 + (high << 16 | low)
            if end > len(data):
                break
            if kind == _DATA:
                self._received += end - at
            if kind <= _HEADERS:
                if flags & _END_STREAM:
                    name = stream.to_bytes(4, "big")
                    out += (_PARTS[0], name, _PARTS[1], name, _PARTS[2], name, _END_BLOCK)
            elif kind == _SETTINGS and not flags:
                out.append(_ACK)
            elif kind == _PING and not flags:
                out.append(frame(_PING, 1, 0, data[at + 9 : end]))
            at = end
        while self._received > 2**20:
            self._received -= 2**20
            out.append(_MORE)
        self._rest = data[at:]
        if out:
            self.connection.sendall(b"".join(out))
        return True


def main() -> None:
    """Serve until killed."""
    selector = selectors.DefaultSelector()
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024)
    selector.register(listener, selectors.EVENT_READ, None)
    while True:
        for key, _ in selector.select():
            if key.data is None:
                connection, _ = listener.accept()
                selector.register(connection, selectors.EVENT_READ, Remote(connection))
                continue
            try:
                alive = key.data.serve()
            except OSError:
                alive = False
            if not alive:
                selector.unregister(key.fileobj)
                key.data.connection.close()


if __name__ == "__main__":
    main()
