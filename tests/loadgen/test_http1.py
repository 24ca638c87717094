import gc
import weakref
from collections.abc import Iterator

import pytest

from perfgate.loadgen.connection import Outcomes, Request, RequestOutcome
from perfgate.loadgen.http1 import Http1Connection, error_text, http_request, status_of_http
from tests.loadgen.peers import Peer, listening

REQUEST = Request("/v1/models/m:predict", http_request("POST", "/v1/models/m:predict", {"Host": "h:1"}, b"{}"))
OK_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n[42]"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n[42\r\n1\r\n]\r\n0\r\n\r\n"
TRAILERS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n[42]\r\n0\r\nx-y: 1\r\n\r\n"
CONTINUED = b"HTTP/1.1 100 Continue\r\n\r\n" + OK_ANSWER
UNTIL_CLOSED = b"HTTP/1.0 200 OK\r\n\r\n[42]"


class Server(Peer):
    @property
    def outcomes(self) -> Outcomes:
        return self.connection.outcomes

    def send(self, number: int) -> None:
        self.connection.send(number, REQUEST)
        self.connection.flush()


@pytest.fixture
def idle() -> list[Http1Connection]:
    return []


@pytest.fixture
def server(idle: list[Http1Connection]) -> Iterator[Server]:
    with listening() as (listener, place):
        connection = Http1Connection(place, Outcomes(), idle)
        peer = Server(connection, listener)
        yield peer
        connection.close()
        peer.socket.close()


def test_a_request_is_written_out() -> None:
    lines = ("POST /v1/models/m:predict HTTP/1.1", "Host: h:1", "Content-Type: application/json", "Content-Length: 2")
    assert REQUEST.body.decode() == "\r\n".join((*lines, "", "{}"))


@pytest.mark.parametrize("answer", [OK_ANSWER, CHUNKED, TRAILERS, CONTINUED])
@pytest.mark.parametrize("step", [1, 5, 1000])
def test_answers_are_read_however_they_are_cut(
    server: Server, idle: list[Http1Connection], answer: bytes, step: int
) -> None:
    for number in range(2):
        server.connection.kept = []
        server.send(number)
        server.write(*(answer[at : at + step] for at in range(0, len(answer), step)))
        assert b"".join(server.connection.kept) == b"[42]"
        assert idle.pop() is server.connection

    assert server.outcomes.good == [0, 1]
    assert not server.outcomes.others


def test_an_answer_may_end_with_the_connection(server: Server, idle: list[Http1Connection]) -> None:
    server.connection.kept = []
    server.send(0)
    server.write(UNTIL_CLOSED)
    assert not server.outcomes.good
    server.hang_up()

    assert server.outcomes.good == [0]
    assert b"".join(server.connection.kept) == b"[42]"
    assert not idle
    assert server.connection.wire is None


def test_a_server_that_closes_after_each_answer_is_left(server: Server, idle: list[Http1Connection]) -> None:
    server.send(0)
    server.write(OK_ANSWER.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"))

    assert server.outcomes.good == [0]
    assert not idle
    assert server.connection.broken


def test_errors_and_stage_times_are_kept(server: Server) -> None:
    body = b'{"error": "no input \\"x\\""}'
    server.connection.kept = []
    server.send(0)
    server.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    server.send(1)
    server.write(OK_ANSWER.replace(b"OK\r\n", b"OK\r\nServer-Timing: queue;dur=1\r\n"))

    assert server.outcomes.others == [(0, RequestOutcome(3, 'no input "x"')), (1, RequestOutcome(0, "", "queue;dur=1"))]


def test_a_connection_closed_while_idle_loses_no_request(server: Server) -> None:
    server.send(0)
    server.write(OK_ANSWER)
    server.socket.close()
    server.send(1)
    server.let_it_read()

    assert server.outcomes.good == [0]
    assert server.outcomes.again == [1]


def test_a_connection_closed_before_the_first_answer_fails_the_request(server: Server) -> None:
    server.send(0)
    server.hang_up()

    assert [(number, outcome.status, outcome.lost) for number, outcome in server.outcomes.others] == [(0, 14, True)]


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 soon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000,
        CHUNKED.replace(b"3;x=y", b"zz"),
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    ],
)
def test_what_is_no_http_breaks_the_connection(server: Server, garbage: bytes) -> None:
    server.send(0)
    server.write(garbage, b"")
    server.let_it_read()

    assert server.connection.broken
    assert [(number, outcome.status) for number, outcome in server.outcomes.others] == [(0, 14)]


def test_more_than_one_answer_breaks_the_connection(server: Server) -> None:
    server.send(0)
    server.write(OK_ANSWER + OK_ANSWER)

    assert server.outcomes.good == [0]
    assert server.connection.broken


def test_a_connection_that_is_done_goes_without_the_garbage_collector(idle: list[Http1Connection]) -> None:
    with listening() as (_, place):
        connection = Http1Connection(place, Outcomes(), idle)
        connection.close()
        gone = weakref.ref(connection)
        gc.disable()
        try:
            del connection
            assert gone() is None
        finally:
            gc.enable()


def test_giving_up_closes_the_connection(server: Server) -> None:
    server.send(3)
    server.connection.give_up_through(2, RequestOutcome(4, "late"))
    assert not server.outcomes.others
    server.connection.give_up_through(3, RequestOutcome(4, "late"))

    assert server.outcomes.others == [(3, RequestOutcome(4, "late"))]
    assert server.connection.wire is None


@pytest.mark.parametrize(
    ("http", "status"), [(200, 0), (400, 3), (404, 5), (429, 8), (500, 13), (501, 12), (503, 14), (504, 4), (418, 2)]
)
def test_http_status_numbers_stand_for_grpc_ones(http: int, status: int) -> None:
    assert status_of_http(http) == status


@pytest.mark.parametrize(
    ("body", "text"), [(b'{"error": "x"}', "x"), (b"<html>", "<html>"), (b'["error"]', '["error"]'), (b"", "")]
)
def test_the_words_of_an_error_are_found(body: bytes, text: str) -> None:
    assert error_text(body) == text
