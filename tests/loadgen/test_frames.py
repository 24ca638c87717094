import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.loadgen.frames import grpc_timeout, status_of, status_without_trailer, unframe
from perfgate.protocols.grpc import frame


@given(st.binary(max_size=300))
def test_unframe_undoes_frame(message: bytes) -> None:
    assert unframe(frame(message)) == message


@pytest.mark.parametrize("body", [b"", b"\0\0\0\0", b"\0\0\0\0\5abc", b"\0\0\0\0\1abc", b"\1\0\0\0\3abc"])
def test_what_is_not_one_uncompressed_message_is_refused(body: bytes) -> None:
    assert unframe(body) is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({b":status": b"200", b"content-type": b"application/grpc", b"grpc-status": b"0"}, (0, "")),
        (
            {b"grpc-status": b"3", b"grpc-message": b"no input %22x%22: 50%25 of %C3%A9"},
            (3, 'no input "x": 50% of é'),
        ),
        ({b"grpc-status": b"8", b"grpc-message": b""}, (8, "")),
        ({b"grpc-status": b"99"}, (2, "")),
        ({b"grpc-status": b"none"}, (2, "")),
        ({b":status": b"200"}, None),
        ({}, None),
    ],
)
def test_status_is_read_from_headers_and_trailers(fields: dict[bytes, bytes], expected: tuple[int, str] | None) -> None:
    assert status_of(fields) == expected


@pytest.mark.parametrize(("http", "status"), [(200, 2), (404, 12), (503, 14), (418, 2)])
def test_an_answer_without_status_is_judged_by_its_http_status(http: int, status: int) -> None:
    code, message = status_without_trailer(http)

    assert code == status
    assert str(http) in message


@pytest.mark.parametrize(("deadline_s", "text"), [(5.0, "5000m"), (0.0001, "1m"), (1e9, "99999999m"), (0.25, "250m")])
def test_the_deadline_header_has_at_most_eight_digits(deadline_s: float, text: str) -> None:
    assert grpc_timeout(deadline_s) == text
