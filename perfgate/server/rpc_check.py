"""Check that the server over nghttp2 works here: its binding, `ngh2`, is young and has compiled parts."""

from __future__ import annotations

import select
import socket

from perfgate.server.listening import listen

_PATH, _BODY = b"/check/Echo", bytes(range(256))
_PATIENCE_S = 5.0
_READ_BYTES = 1 << 16


def why_not() -> str:
    """Return why it does not work, in one line; empty if it does.

    It answers one request (in less than a millisecond), so that a binding of another version, or one compiled for
    another interpreter, fails here and not with a client.
    """
    try:
        answered = _echo(_BODY)
    except Exception as error:  # noqa: BLE001 - a broken extension module can raise anything
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    return "" if answered == (b"\0\0\0\1\0" + _BODY, b"0") else "its answer to a request is wrong"


def _echo(body: bytes) -> tuple[bytes, bytes]:
    """Return the framed answer to a request and its `grpc-status`."""
    from perfgate.server.rpc.connection import Connection  # noqa: PLC0415 - imports ngh2
    from perfgate.server.rpc.interface import Answer  # noqa: PLC0415
    from perfgate.server.rpc.limits import Limits  # noqa: PLC0415

    with listen("127.0.0.1", 0) as listener, select.epoll() as poll:
        near = socket.create_connection(listener.getsockname(), _PATIENCE_S)
        far, _ = listener.accept()
        with near, far:
            server, buffer = Connection(far, {_PATH: Answer}, Limits()), bytearray(_READ_BYTES)
            poll.register(far, select.EPOLLIN)
            client = _Client(near)
            client.ask(body)
            while not (calls := server.read(buffer)):
                if not poll.poll(_PATIENCE_S):
                    raise TimeoutError("it does not read a request")
            server.answer(calls[0], calls[0].run(), poll)
            return client.answer()


class _Client:
    """Sends one request and reads its answer."""

    def __init__(self, sock: socket.socket) -> None:
        import ngh2  # noqa: PLC0415 - may be missing

        self._socket, self._events = sock, ngh2.events
        self._http2 = ngh2.Connection(ngh2.Role.CLIENT)
        self._http2.initiate_connection()

    def ask(self, body: bytes) -> None:
        """Send it."""
        fields = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", _PATH), (b":authority", b"check")]
        stream = self._http2.send_request([*fields, (b"content-type", b"application/grpc"), (b"te", b"trailers")])
        self._http2.send_data(stream, len(body).to_bytes(5) + body, end_stream=True)
        self._socket.sendall(self._http2.data_to_send())

    def answer(self) -> tuple[bytes, bytes]:
        """Wait for the response's bytes and its status."""
        data = b""
        while received := self._socket.recv(_READ_BYTES):
            self._http2.receive_data(received)
            for event in self._http2.events():
                if isinstance(event, self._events.DataReceived):
                    data += event.data
                if isinstance(event, self._events.TrailersReceived):
                    return data, dict(event.headers)[b"grpc-status"]
        raise ConnectionError("it closed the connection")
