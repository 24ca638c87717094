import socket
from collections.abc import Iterator

import pytest
from hpack import Decoder, Encoder

from perfgate.loadgen.connection import Outcomes, Request, RequestOutcome
from perfgate.loadgen.http2 import Http2Connection
from tests.loadgen.peers import Frame, Peer, listening

DATA, HEADERS, RST, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
REQUEST = Request("/package.Service/Method", b"\0\0\0\0\3abc")
LATE = RequestOutcome(4, "late")


class Server(Peer):
    def __init__(self, connection: Http2Connection, listener: socket.socket) -> None:
        super().__init__(connection, listener)
        self.encoder = Encoder()

    @property
    def outcomes(self) -> Outcomes:
        return self.connection.outcomes

    def send(self, *numbers: int, request: Request = REQUEST) -> None:
        for number in numbers:
            self.connection.send(number, request)
        self.connection.flush()

    def head(self, stream: int, **extra: str) -> Frame:
        fields = [(":status", "200"), ("content-type", "application/grpc"), *extra.items()]
        return Frame(HEADERS, 4, stream, self.encoder.encode(fields))

    def end(self, stream: int, status: str = "0", **extra: str) -> Frame:
        fields = [("grpc-status", status), *((name.replace("_", "-"), value) for name, value in extra.items())]
        return Frame(HEADERS, 5, stream, self.encoder.encode(fields))

    def answer(self, stream: int, status: str = "0", **extra: str) -> bytes:
        frames = (self.head(stream), Frame(DATA, 0, stream, b"\0\0\0\0\0"), self.end(stream, status, **extra))
        return b"".join(frame.encode() for frame in frames)


@pytest.fixture
def server() -> Iterator[Server]:
    with listening() as (listener, place):
        connection = Http2Connection(place, Outcomes(), [("te", "trailers")])
        peer = Server(connection, listener)
        yield peer
        connection.close()
        peer.socket.close()


def decoded(decoder: Decoder, block: bytes) -> dict[str, str]:
    return {bytes(field[0]).decode(): bytes(field[1]).decode() for field in decoder.decode(block, raw=True)}


def settings(**values: int) -> Frame:
    names = {"table": 1, "streams": 3, "window": 4, "frame": 5}
    payload = b"".join(names[name].to_bytes(2, "big") + value.to_bytes(4, "big") for name, value in values.items())
    return Frame(SETTINGS, 0, 0, payload)


def test_requests_are_headers_and_data_and_the_header_table_is_used(server: Server) -> None:
    server.send(0)
    server.send(1)
    server.send(2)
    frames = [frame for frame in server.frames() if frame.kind in {HEADERS, DATA}]
    decoder = Decoder()
    heads = [frame for frame in frames if frame.kind == HEADERS]
    fields = [decoded(decoder, frame.payload) for frame in heads]

    assert [(frame.kind, frame.flags, frame.stream) for frame in frames] == [
        (HEADERS, 4, 1), (DATA, 1, 1), (HEADERS, 4, 3), (DATA, 1, 3), (HEADERS, 4, 5), (DATA, 1, 5)]  # fmt: skip
    assert fields == [fields[0]] * 3
    assert fields[0].items() >= {":path": REQUEST.path, ":method": "POST", "te": "trailers"}.items()
    assert len(heads[2].payload) < 8
    assert {frame.payload for frame in frames if frame.kind == DATA} == {REQUEST.body}


def test_headers_stay_right_when_methods_alternate_and_the_table_shrinks(server: Server) -> None:
    other = Request("/package.Service/Other", b"\0\0\0\0\0")
    decoder = Decoder()
    for number in range(12):
        if number == 6:
            server.write(settings(table=0))
        server.send(number, request=other if number % 3 == 0 else REQUEST)
    blocks = [frame.payload for frame in server.frames() if frame.kind == HEADERS]

    assert [decoded(decoder, block)[":path"] for block in blocks] == [
        other.path if number % 3 == 0 else REQUEST.path for number in range(12)
    ]


def test_good_answers_are_good_however_the_bytes_are_cut(server: Server) -> None:
    server.send(*range(8))
    data = settings().encode() + b"".join(server.answer(1 + 2 * number) for number in range(8))
    for at in range(0, len(data), 7):
        server.write(data[at : at + 7])

    assert server.outcomes.good == list(range(8))
    assert not server.outcomes.others


def test_what_the_server_says_is_kept(server: Server) -> None:
    server.send(*range(5))
    server.write(
        server.answer(3, "3", grpc_message="no %22x%22"),
        server.answer(1, server_timing="queue;dur=1"),
        Frame(HEADERS, 5, 5, server.encoder.encode([(":status", "503")])),
        Frame(HEADERS, 5, 7, server.encoder.encode([(":status", "200"), ("grpc-status", "12")])),
        server.head(9),
        Frame(DATA, 1, 9, b""),
    )

    assert server.outcomes.others[:2] == [(1, RequestOutcome(3, 'no "x"')), (0, RequestOutcome(0, "", "queue;dur=1"))]
    assert [(number, outcome.status) for number, outcome in server.outcomes.others[2:]] == [(2, 14), (3, 12), (4, 2)]


def test_changing_headers_are_decoded_each_time(server: Server) -> None:
    """New entries of the table change the meaning of indices: cached header blocks must not be used any more."""
    server.send(*range(40))
    for number in range(40):
        fields = [(":status", "200"), ("date", f"second {number // 3}"), ("x-number", str(number % 5))]
        end = [("grpc-status", str(number % 2)), ("x-trailer", str(number % 7))]
        server.write(
            Frame(HEADERS, 4, 1 + 2 * number, server.encoder.encode(fields)),
            Frame(HEADERS, 5, 1 + 2 * number, server.encoder.encode(end)),
        )

    assert server.outcomes.good == list(range(0, 40, 2))
    assert [(number, outcome.status) for number, outcome in server.outcomes.others] == [(n, 1) for n in range(1, 40, 2)]


def test_padding_priority_and_continuation_are_understood(server: Server) -> None:
    server.send(0, 1)
    block = server.encoder.encode([(":status", "200"), ("grpc-status", "0")])
    server.write(Frame(HEADERS, 1 | 4 | 8 | 32, 1, b"\2" + bytes(5) + block + b"\0\0"))
    block = server.encoder.encode([(":status", "200"), ("grpc-status", "5")])
    server.write(
        Frame(HEADERS, 1, 3, block[:1]), Frame(CONTINUATION, 0, 3, block[1:2]), Frame(CONTINUATION, 4, 3, block[2:])
    )

    assert [(number, outcome.status) for number, outcome in server.outcomes.others] == [(0, 0), (1, 5)]


def test_settings_and_pings_are_answered(server: Server) -> None:
    server.write(settings(streams=10), Frame(PING, 0, 0, b"12345678"), Frame(PING, 1, 0, b"ignored!"))
    answers = [frame for frame in server.frames() if frame.kind in {SETTINGS, PING} and frame.flags]

    assert answers == [Frame(SETTINGS, 1, 0, b""), Frame(PING, 1, 0, b"12345678")]


def test_large_bodies_wait_for_the_windows(server: Server) -> None:
    large = Request(REQUEST.path, bytes(range(256)) * 800)  # 204,800 bytes
    server.send(0, request=large)
    first = [frame for frame in server.frames() if frame.kind == DATA]
    server.write(Frame(WINDOW, 0, 0, (200_000).to_bytes(4, "big")))  # the stream's window is still closed
    shut = server.frames()
    server.write(Frame(WINDOW, 0, 1, (100_000).to_bytes(4, "big")), settings(window=65_535 + 50_000))
    rest = [frame for frame in server.frames() if frame.kind == DATA]

    assert sum(len(frame.payload) for frame in first) == 65_535
    assert max(len(frame.payload) for frame in first) == 16_384
    assert not [frame for frame in shut if frame.kind == DATA]
    assert b"".join(frame.payload for frame in [*first, *rest]) == large.body
    assert [frame.flags for frame in [*first, *rest]][-2:] == [0, 1]


@pytest.mark.slow
@pytest.mark.parametrize("size", [2**24 - 1, 2**24, 40 << 20], ids=["16 MiB less one", "16 MiB", "40 MiB"])
@pytest.mark.parametrize("frame", [16_384, 1 << 20, 2**24 - 1])
def test_bodies_beyond_the_largest_frame_go_in_frames_that_the_server_takes(
    server: Server, size: int, frame: int
) -> None:
    """RFC 9113, 4.2: a length has 24 bits, and SETTINGS_MAX_FRAME_SIZE says how many the peer takes."""
    server.write(settings(frame=frame, window=2**31 - 1), Frame(WINDOW, 0, 0, (2**31 - 1 - 65_535).to_bytes(4, "big")))
    server.send(0, request=Request(REQUEST.path, bytes(size)))
    sent = [each for each in server.frames() if each.kind == DATA]

    assert sum(len(each.payload) for each in sent) == size
    assert max(len(each.payload) for each in sent) <= frame
    assert [each.flags for each in sent] == [0] * (len(sent) - 1) + [1]


def test_a_small_request_passes_a_large_one_that_waits_for_its_own_window(server: Server) -> None:
    server.write(Frame(WINDOW, 0, 0, (1_000_000).to_bytes(4, "big")))
    server.send(0, request=Request(REQUEST.path, bytes(100_000)))
    server.send(1)

    assert (DATA, 1, 3) in [(frame.kind, frame.flags, frame.stream) for frame in server.frames()]


def test_the_servers_limit_of_streams_holds(server: Server) -> None:
    server.write(settings(streams=2))
    server.send(*range(5))
    begun = [frame.stream for frame in server.frames() if frame.kind == HEADERS]
    server.write(server.answer(1))
    more = [frame.stream for frame in server.frames() if frame.kind == HEADERS]
    server.connection.give_up_through(4, LATE)

    assert (begun, more) == ([1, 3], [5])
    assert server.outcomes.good == [0]
    assert sorted(server.outcomes.others) == [(number, LATE) for number in (1, 2, 3, 4)]


def test_what_is_given_up_is_cancelled_and_a_late_answer_ignored(server: Server) -> None:
    server.send(0, 1)
    server.connection.give_up_through(0, LATE)
    server.write(server.answer(1), server.answer(3))

    assert server.outcomes.others == [(0, LATE)]
    assert server.outcomes.good == [1]
    assert Frame(RST, 0, 1, (8).to_bytes(4, "big")) in server.frames()


def test_requests_sent_again_out_of_order_are_given_up_too(server: Server) -> None:
    server.send(5, 2, 7)
    server.connection.give_up_through(2, LATE)

    assert server.outcomes.others == [(2, LATE)]


@pytest.mark.parametrize(("code", "status"), [(0, 13), (2, 13), (7, 14), (8, 1), (11, 8), (12, 7)])
def test_a_reset_stream_is_judged_by_its_code(server: Server, code: int, status: int) -> None:
    server.send(0)
    server.write(Frame(RST, 0, 1, code.to_bytes(4, "big")))

    assert [(number, outcome.status) for number, outcome in server.outcomes.others] == [(0, status)]
    assert not server.connection.broken


def test_a_server_that_goes_away_finishes_what_it_began(server: Server) -> None:
    server.send(0, 1, 2)
    server.write(Frame(GOAWAY, 0, 0, (3).to_bytes(4, "big") + bytes(4) + b"max_age"))

    assert "max_age" in server.connection.broken
    assert server.outcomes.again == [2]
    server.write(server.answer(1), server.answer(3))
    assert server.outcomes.good == [0, 1]
    assert server.connection.wire is None


def test_a_closed_connection_fails_what_is_in_flight(server: Server) -> None:
    server.send(0, 1)
    server.frames()
    server.hang_up()
    server.send(2)

    assert [(number, outcome.status, outcome.lost) for number, outcome in server.outcomes.others] == [
        (0, 14, True), (1, 14, True), (2, 14, True)]  # fmt: skip


@pytest.mark.parametrize(
    "garbage", [b"HTTP/1.1 400 Bad Request\r\n\r\n", Frame(HEADERS, 5, 1, b"\xff\xff\xff").encode()]
)
def test_what_is_no_http2_breaks_the_connection(server: Server, garbage: bytes) -> None:
    server.send(0)
    server.write(garbage)

    assert server.connection.broken
    assert [(number, outcome.status) for number, outcome in server.outcomes.others] == [(0, 14)]


def test_all_streams_used_up_take_no_more(server: Server) -> None:
    assert isinstance(server.connection, Http2Connection)
    server.connection._next_stream = 2**31 - 1
    server.send(0)
    assert server.connection.broken
    server.write(server.answer(2**31 - 1))
    assert server.outcomes.good == [0]
    assert server.connection.wire is None


def test_bodies_are_kept_where_somebody_wants_them(server: Server) -> None:
    server.connection.kept = []
    server.send(0)
    server.write(server.head(1), Frame(DATA, 8, 1, b"\2abc\0\0"), Frame(DATA, 0, 1, b"def"), server.end(1))

    assert b"".join(server.connection.kept) == b"abcdef"
