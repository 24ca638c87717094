"""The part of gRPC's wire format over HTTP/2 that a client of unary calls needs.

Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from perfgate.protocols import grpc

# https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
_OF_HTTP = {
    400: grpc.INTERNAL,
    401: grpc.UNAUTHENTICATED,
    403: grpc.PERMISSION_DENIED,
    404: grpc.UNIMPLEMENTED,
    429: grpc.UNAVAILABLE,
    502: grpc.UNAVAILABLE,
    503: grpc.UNAVAILABLE,
    504: grpc.UNAVAILABLE,
}
# https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#errors
_OF_RESET = {7: grpc.UNAVAILABLE, 8: grpc.CANCELLED, 11: grpc.RESOURCE_EXHAUSTED, 12: grpc.PERMISSION_DENIED}


def unframe(body: bytes) -> bytes | None:
    """Return the single uncompressed message of a response body; None if the body is anything else."""
    if len(body) < grpc.PREFIX.size:
        return None
    compressed, length = grpc.PREFIX.unpack_from(body)
    return None if compressed or len(body) - grpc.PREFIX.size != length else body[grpc.PREFIX.size :]


def grpc_timeout(deadline_s: float) -> str:
    """Format a deadline for `grpc-timeout`: at most eight digits, so milliseconds up to a day."""
    return f"{max(1, min(round(deadline_s * 1000), 99_999_999))}m"


def status_of(fields: Mapping[bytes, bytes]) -> tuple[int, str] | None:
    """Read status and message from headers or trailers; None if they have no `grpc-status`."""
    if (text := fields.get(b"grpc-status")) is None:
        return None
    status = int(text) if text.isdigit() and int(text) <= grpc.UNAUTHENTICATED else grpc.UNKNOWN
    return status, unquote(fields.get(b"grpc-message", b"").decode("latin-1"))


def status_of_reset(code: int) -> tuple[int, str]:
    """Return the gRPC status for the error code of a reset HTTP/2 stream."""
    return _OF_RESET.get(code, grpc.INTERNAL), f"the server reset the stream with HTTP/2 error {code}"


def status_without_trailer(http_status: int) -> tuple[int, str]:
    """Return the gRPC status for an HTTP response without `grpc-status`."""
    return _OF_HTTP.get(
        http_status, grpc.UNKNOWN
    ), f"HTTP status {http_status} and no grpc-status: is this a gRPC server?"
