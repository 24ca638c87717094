"""The gRPC wire format over HTTP/2, as far as unary calls need it.

Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from urllib.parse import unquote

OK = 0
UNKNOWN = 2
DEADLINE_EXCEEDED = 4
INTERNAL = 13
UNAVAILABLE = 14

_PREFIX = struct.Struct(">BI")  # compressed flag, length

# https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
_OF_HTTP = {400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14}
_HIGHEST_STATUS = 16
# https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#errors
_OF_RESET = {7: 14, 8: 1, 11: 8, 12: 7}


def frame(message: bytes) -> bytes:
    """Put an uncompressed message into its frame."""
    return _PREFIX.pack(0, len(message)) + message


def unframe(body: bytes) -> bytes | None:
    """Take the one uncompressed message out of a response body; None when that is not what the body holds."""
    if len(body) < _PREFIX.size:
        return None
    compressed, length = _PREFIX.unpack_from(body)
    return None if compressed or len(body) - _PREFIX.size != length else body[_PREFIX.size :]


def grpc_timeout(deadline_s: float) -> str:
    """Write a deadline as `grpc-timeout` says it: at most eight digits, so milliseconds up to a day."""
    return f"{max(1, min(round(deadline_s * 1000), 99_999_999))}m"


def status_of(fields: Mapping[bytes, bytes]) -> tuple[int, str] | None:
    """Read status and message from headers or trailers; None when they hold no `grpc-status`."""
    if (text := fields.get(b"grpc-status")) is None:
        return None
    status = int(text) if text.isdigit() and int(text) <= _HIGHEST_STATUS else UNKNOWN
    return status, unquote(fields.get(b"grpc-message", b"").decode("latin-1"))


def status_of_reset(code: int) -> tuple[int, str]:
    """Say which gRPC status the error code of a reset HTTP/2 stream stands for."""
    return _OF_RESET.get(code, INTERNAL), f"the server reset the stream with HTTP/2 error {code}"


def status_without_trailer(http_status: int) -> tuple[int, str]:
    """Say which gRPC status an HTTP answer without `grpc-status` stands for."""
    return _OF_HTTP.get(http_status, UNKNOWN), f"HTTP status {http_status} and no grpc-status: is this a gRPC server?"
