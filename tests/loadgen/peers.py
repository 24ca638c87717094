"""The other end of one connection, controlled by the test."""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from perfgate.loadgen.connection import ClientConnection, Outcomes
from perfgate.loadgen.wire import Remote

HEAD = struct.Struct(">BHBBI")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Frame(NamedTuple):
    kind: int
    flags: int
    stream: int
    payload: bytes

    def encode(self) -> bytes:
        size = len(self.payload)
        return HEAD.pack(size >> 16, size & 0xFFFF, self.kind, self.flags, self.stream) + self.payload


class Peer:
    """Reads what the connection sends, writes the test's answers, and lets the connection read them."""

    def __init__(self, connection: ClientConnection, listener: socket.socket) -> None:
        self.connection = connection
        self.listener = listener
        self.socket = self.accept()
        self._rest = b""

    def accept(self) -> socket.socket:
        accepted, _ = self.listener.accept()
        while self.connection.wire is not None and not self.connection.wire.open:
            self.connection.ready()
        return accepted

    def read(self, wait_s: float = 0.05) -> bytes:
        data = b""
        while select.select([self.socket], [], [], wait_s)[0] and (piece := self.socket.recv(1 << 20)):
            data += piece
            self.connection.flush()
            if self.connection.wire is not None and self.connection.wire.unsent:
                self.connection.ready()
        return data

    def frames(self) -> list[Frame]:
        data, found, at = (self._rest + self.read()).removeprefix(PREFACE), [], 0
        while len(data) - at >= 9:
            high, low, kind, flags, stream = HEAD.unpack_from(data, at)
            end = at + 9 + (high << 16 | low)
            if end > len(data):
                break
            found.append(Frame(kind, flags, stream, data[at + 9 : end]))
            at = end
        self._rest = data[at:]
        return found

    def write(self, *pieces: bytes | Frame) -> None:
        """Write each piece separately, and let the connection read it before the next."""
        for piece in pieces:
            self.socket.sendall(piece.encode() if isinstance(piece, Frame) else piece)
            self.let_it_read()

    def let_it_read(self) -> None:
        end_s = time.monotonic() + 0.5
        wire = self.connection.wire
        if wire is not None and select.select([wire.fileno()], [], [], end_s - time.monotonic())[0]:
            self.connection.ready()

    def hang_up(self) -> None:
        self.socket.close()
        self.let_it_read()


@contextmanager
def listening() -> Iterator[tuple[socket.socket, Remote]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener, Remote(f"127.0.0.1:{listener.getsockname()[1]}")


__all__ = ["Frame", "Outcomes", "Peer", "listening"]
