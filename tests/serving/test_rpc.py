"""The gRPC server on its own, without a model: good clients, bad clients, and what they leave behind."""

from __future__ import annotations

import gzip
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import ngh2
import pytest

from perfgate.server.listening import listen
from perfgate.server.rpc.interface import Answer
from perfgate.server.rpc.limits import Limits, max_connections
from perfgate.server.rpc.server import RpcServer
from perfgate.server.rpc.wire import RefusedError, failure, timeout_s, unframe
from perfgate.server.stages import StageTimes

AT_ONCE = 2
LARGE_BYTES = 32 << 20  # more than the sockets of both sides can hold


def _echo(body: bytes) -> Answer:
    return Answer(body[::-1], times=StageTimes(0.0, 1.0, 2.0, 3))


def _slow(body: bytes) -> Answer:
    time.sleep(0.2)
    return Answer(body)


def _broken(body: bytes) -> Answer:
    raise KeyError(body.decode())


METHODS = {
    b"/s/Echo": _echo,
    b"/s/Slow": _slow,
    b"/s/Broken": _broken,
    b"/s/Refuse": lambda _: Answer(status=3, words="no\nünfit 100%"),
    b"/s/Large": lambda _: Answer(bytes(LARGE_BYTES)),
    b"/s/Watch": lambda body: Answer(body, stays_open=True),
}


@pytest.fixture
def server() -> Iterator[RpcServer]:
    server = RpcServer(listen("127.0.0.1", 0), METHODS, AT_ONCE)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def channel(server: RpcServer) -> Iterator[grpc.Channel]:
    options = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(f"127.0.0.1:{server.port}", options) as channel:
        yield channel


def _until(true: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 5
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.005)


def _ask(channel: grpc.Channel, method: str, body: bytes, **options: Any) -> bytes:
    answer: bytes = channel.unary_unary(f"/s/{method}", None, None)(body, timeout=options.pop("timeout", 10), **options)
    return answer


def _refused(channel: grpc.Channel, method: str, body: bytes, **options: Any) -> tuple[int, str]:
    with pytest.raises(grpc.RpcError) as caught:
        _ask(channel, method, body, **options)
    return caught.value.code().value[0], caught.value.details() or ""


@pytest.mark.parametrize("size", [0, 1, 4, 70_000, 5_000_000])
def test_messages_of_any_size_come_and_go(server: RpcServer, channel: grpc.Channel, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    assert _ask(channel, "Echo", body) == body[::-1]
    _until(lambda: server.limits.held == (0, 0))


def test_compressed_messages_are_read(channel: grpc.Channel) -> None:
    for compression in (grpc.Compression.Gzip, grpc.Compression.Deflate):
        assert _ask(channel, "Echo", b"ab" * 1000, compression=compression) == b"ba" * 1000


def test_stage_times_go_with_the_trailers_and_count_the_wait(channel: grpc.Channel) -> None:
    _, call = channel.unary_unary("/s/Echo", None, None).with_call(b"abc", timeout=10)
    timing = str(dict(call.trailing_metadata())["server-timing"])
    assert timing.endswith("execute;dur=1.000, encode;dur=2.000, batch;desc=3")
    assert 0 < float(timing.split(",", maxsplit=1)[0].removeprefix("queue;dur=")) < 1000


def test_errors_keep_their_status_and_words(channel: grpc.Channel, capfd: pytest.CaptureFixture[str]) -> None:
    assert _refused(channel, "Refuse", b"") == (3, "no\nünfit 100%")
    assert _refused(channel, "Nothing", b"") == (12, "Method not found: /s/Nothing")
    assert _refused(channel, "Broken", b"key") == (13, "KeyError: 'key'")
    assert "KeyError" in capfd.readouterr().err
    assert _ask(channel, "Echo", b"ab") == b"ba"


@pytest.mark.slow
def test_each_of_many_callers_gets_its_answer(server: RpcServer) -> None:
    def ask(caller: int) -> None:
        with grpc.insecure_channel(f"127.0.0.1:{server.port}", [("grpc.use_local_subchannel_pool", 1)]) as own:
            for number in range(20):
                body = b"%d of %d" % (number, caller)
                assert _ask(own, "Echo", body) == body[::-1]

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(ask, range(64)))
    _until(lambda: server.limits.held == (0, 0))


@pytest.mark.slow
def test_no_more_than_so_many_at_once_and_the_rest_wait(channel: grpc.Channel) -> None:
    began_s = time.monotonic()
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(lambda _: _ask(channel, "Slow", b"a"), range(6))) == [b"a"] * 6
        assert time.monotonic() - began_s >= 0.2 * 6 / AT_ONCE
        began_s = time.monotonic()
        busy = [pool.submit(_ask, channel, "Slow", b"a") for _ in range(AT_ONCE)]
        time.sleep(0.05)
        assert _refused(channel, "Slow", b"a", timeout=0.05)[0] == 4
        assert [each.result() for each in busy] == [b"a"] * AT_ONCE


def test_a_stream_stays_open_until_its_client_goes(server: RpcServer, channel: grpc.Channel) -> None:
    watch: Any = channel.unary_stream("/s/Watch", None, None)(b"serving", timeout=10)
    assert next(watch) == b"serving"
    assert server.limits.held[0] == 1
    watch.cancel()
    _until(lambda: server.limits.held == (0, 0))


class Raw:
    """A client that breaks selected rules."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.http2 = ngh2.Connection(ngh2.Role.CLIENT)
        self.http2.initiate_connection()

    def open_windows(self) -> None:
        """Allow the server to send everything, so that it needs no further permission."""
        settings, window = b"\0\x04\x7f\xff\xff\xff", b"\x7f\xff\0\0"
        self.socket.sendall(
            self.http2.data_to_send() + (b"\0\0\x06\x04" + bytes(5) + settings) + (b"\0\0\x04\x08" + bytes(5) + window)
        )

    def send(self, body: bytes, fields: dict[str, bytes] | None = None, *, end: bool = True) -> int:
        given = {b":method": b"POST", b":scheme": b"http", b":path": b"/s/Echo", b":authority": b"x"}
        more = {name.replace("_", "-").encode(): value for name, value in (fields or {}).items()}
        given |= {b"content-type": b"application/grpc", b"te": b"trailers"} | more
        stream = self.http2.send_request(list(given.items()))
        self.http2.send_data(stream, body, end_stream=end)
        self.socket.sendall(self.http2.data_to_send())
        return stream

    def status(self) -> dict[bytes, bytes]:
        """Header fields of the next response, including trailers."""
        found: dict[bytes, bytes] = {}
        while b"grpc-status" not in found and found.get(b":status", b"200") == b"200":
            data = self.socket.recv(65536)
            assert data, "closed"
            self.http2.receive_data(data)
            for event in self.http2.events():
                found |= dict(getattr(event, "headers", ()))
            self.socket.sendall(self.http2.data_to_send())
        return found


@pytest.mark.parametrize(
    ("body", "fields", "status"),
    [
        (b"", {}, b"13"),
        (b"\0\0\0", {}, b"13"),
        (b"\0\0\0\0\5abc", {}, b"13"),
        (b"\0\0\0\0\1abc", {}, b"13"),
        (b"\1\0\0\0\3abc", {}, b"13"),
        (b"\1\0\0\0\3abc", {"grpc_encoding": b"gzip"}, b"13"),
        (b"\1\0\0\0\3abc", {"grpc_encoding": b"snappy"}, b"12"),
        (b"\0\x7f\xff\xff\xff", {}, b"8"),
        (b"\0\0\0\0\0", {":path": b"/s/" + b"x" * 5000}, b"12"),
        (b"\0\0\0\0\0", {"grpc_timeout": b"0n"}, b"4"),
        (b"\0\0\0\0\0", {"grpc_timeout": b"soon"}, b"0"),
    ],
)
def test_every_answer_has_a_status(server: RpcServer, body: bytes, fields: dict[str, bytes], status: bytes) -> None:
    client = Raw(server.port)
    client.send(body, fields)
    assert client.status()[b"grpc-status"] == status
    client.send(b"\0\0\0\0\2ab")
    assert client.status()[b"grpc-status"] == b"0", "the connection goes on"
    client.socket.close()
    _until(lambda: server.limits.held == (0, 0))


def test_a_message_that_is_announced_too_large_is_refused_before_it_comes(server: RpcServer) -> None:
    client = Raw(server.port)
    client.send(b"\0\xff\xff\xff\xff", end=False)
    assert client.status()[b"grpc-status"] == b"8"
    assert server.limits.held == (0, 0)
    client.socket.close()


def test_a_client_that_reads_late_and_says_nothing_gets_all_of_a_large_answer(server: RpcServer) -> None:
    client = Raw(server.port)
    client.open_windows()
    client.send(b"\0\0\0\0\0", {":path": b"/s/Large"})
    _until(lambda: server.limits.held[1] > LARGE_BYTES and not server._working)  # it has sent what it could
    received = 0
    while received <= LARGE_BYTES:
        received += len(client.socket.recv(1 << 20))
    client.socket.close()


def test_a_request_that_is_not_grpc_is_rejected(server: RpcServer) -> None:
    client = Raw(server.port)
    client.send(b"{}", {"content-type": b"application/json"})
    assert client.status()[b":status"] == b"415"
    for garbage in (
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\xff" * 100,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 99,
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as other:
            other.sendall(garbage)
            while other.recv(65536):
                pass  # until it is closed
    client.send(b"\0\0\0\0\2ab")
    assert client.status()[b"grpc-status"] == b"0"
    client.socket.close()


def test_clients_that_vanish_leave_nothing(server: RpcServer, channel: grpc.Channel) -> None:
    for end in (False, True):
        for path in (b"/s/Echo", b"/s/Slow"):
            client = Raw(server.port)
            client.send(b"\0\0\0\1\0" + b"x" * 100 if not end else b"\0\0\0\0\0", {":path": path}, end=end)
            client.socket.close()
    assert _ask(channel, "Echo", b"ab") == b"ba"
    _until(lambda: server.limits.held == (0, 0))


def test_all_clients_together_may_hold_so_much() -> None:
    limits = Limits(max_bytes=100, max_rpcs=2)
    assert limits.enter()
    assert limits.enter()
    assert not limits.enter()
    assert limits.hold(70, own=0)
    assert not limits.hold(70, own=0)
    assert limits.hold(70, own=70), "one alone may go on"
    limits.leave(140)
    limits.leave(0)
    assert limits.held == (0, 0)


@pytest.mark.parametrize(("files", "connections"), [(1024, 896), (20_000, 1024), (64, 1), (-1, 1024)])
def test_connections_leave_some_of_the_open_files(
    files: int, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert max_connections() == connections


def test_a_connection_too_many_is_closed_at_once(server: RpcServer, channel: grpc.Channel) -> None:
    assert _ask(channel, "Echo", b"ab") == b"ba"
    server._max_connections = 1
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as other:
        assert other.recv(1) == b""
    assert _ask(channel, "Echo", b"ab") == b"ba"


def test_too_many_requests_are_refused() -> None:
    server = RpcServer(listen("127.0.0.1", 0), METHODS, AT_ONCE)
    server._limits = Limits(max_rpcs=3)
    server.start()
    client = Raw(server.port)
    for _ in range(4):
        client.send(b"\0\0\0\0\0", end=False)
    assert client.status()[b"grpc-status"] == b"8"
    client.socket.close()
    server.stop()


def test_a_port_in_use_is_an_error(server: RpcServer) -> None:
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{server.port}"):
        listen("127.0.0.1", server.port)


def test_a_stopped_server_answers_nobody_and_ends_its_threads(server: RpcServer, channel: grpc.Channel) -> None:
    _ask(channel, "Echo", b"")
    server.stop()
    assert _refused(channel, "Echo", b"", timeout=5)[0] == 14
    _until(lambda: not any(thread.name.startswith("rpc-") for thread in threading.enumerate()))


def test_timeouts_have_units() -> None:
    assert [timeout_s(value) for value in (b"2S", b"5m", b"1H", b"7u", b"", None, b"-1S", b"123456789m")] == [
        2.0, 0.005, 3600.0, pytest.approx(7e-6), None, None, None, None
    ]  # fmt: skip


def test_a_small_message_that_decompresses_to_a_large_one_is_refused() -> None:
    packed = gzip.compress(b"\0" * 100_000)
    framed = b"\1" + len(packed).to_bytes(4, "big") + packed
    assert len(unframe(framed, b"gzip", bound=100_000)) == 100_000
    with pytest.raises(RefusedError, match="larger than max") as caught:
        unframe(framed, b"gzip", bound=99_999)
    assert caught.value.status == 8


def test_long_words_are_cut_to_what_clients_take() -> None:
    ((_, text),) = [field for field in failure(3, "ü" * 100_000) if field[0] == b"grpc-message"]
    assert len(text) <= 6000
