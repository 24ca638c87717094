"""The gRPC wire format over HTTP/2, as far as unary calls need it.

Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote

from perfgate.trials import Call

OK = 0
UNKNOWN = 2
DEADLINE_EXCEEDED = 4
UNAVAILABLE = 14

OK_LINE = b"grpc-status: 0\r\n"
"""The trailer of a good answer, as libcurl hands it over."""

_PREFIX = struct.Struct(">BI")  # compressed flag, length

# https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
_OF_HTTP = {400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14}
_HIGHEST_STATUS = 16


def frame(message: bytes) -> bytes:
    """Put an uncompressed message into its frame."""
    return _PREFIX.pack(0, len(message)) + message


@lru_cache(maxsize=4)
def framed(calls: tuple[Call, ...]) -> tuple[bytes, ...]:
    """Put each call's message into its frame; made once for all drivers that send the same calls (one tuple an arm)."""
    frames = {call: frame(call.body) for call in calls}
    return tuple(frames[call] for call in calls)


def unframe(body: bytes) -> bytes | None:
    """Take the one uncompressed message out of a response body; None when that is not what the body holds."""
    if len(body) < _PREFIX.size:
        return None
    compressed, length = _PREFIX.unpack_from(body)
    return None if compressed or len(body) - _PREFIX.size != length else body[_PREFIX.size :]


def timeout_header(deadline_s: float) -> str:
    """Write a deadline as the `grpc-timeout` header: at most eight digits, so milliseconds up to a day."""
    return f"grpc-timeout: {max(1, min(round(deadline_s * 1000), 99_999_999))}m"


def status_of(lines: Iterable[bytes]) -> tuple[int, str] | None:
    """Read status and message from header and trailer lines; None when they hold no `grpc-status`."""
    fields = dict(_field(line) for line in lines)
    if "grpc-status" not in fields:
        return None
    text = fields["grpc-status"]
    status = int(text) if text.isascii() and text.isdigit() and int(text) <= _HIGHEST_STATUS else UNKNOWN
    return status, unquote(fields.get("grpc-message", ""))


def status_without_trailer(http_status: int) -> tuple[int, str]:
    """Say which gRPC status an HTTP answer without `grpc-status` stands for."""
    return _OF_HTTP.get(http_status, UNKNOWN), f"HTTP status {http_status} and no grpc-status: is this a gRPC server?"


def _field(line: bytes) -> tuple[str, str]:
    name, _, value = line.decode("latin-1").partition(":")
    return name.strip().lower(), value.strip()
