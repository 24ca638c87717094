"""The part of gRPC's wire format over HTTP/2 that a server of unary calls needs.

Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from urllib.parse import quote_from_bytes

from ngh2.types import NeverIndexedHeader

from perfgate.protocols.grpc import PREFIX
from perfgate.server.rpc.interface import Answer, Status

MAX_MESSAGE_BYTES = 256 << 20

PREFIX_BYTES = PREFIX.size

_UNIT_S = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
_TIMEOUT = re.compile(rb"(\d{1,8})([HMSmun])")
_WINDOW_BITS = {b"gzip": zlib.MAX_WBITS | 16, b"deflate": zlib.MAX_WBITS}
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")
_MAX_WORDS_BYTES = 2000  # up to three times that when percent-encoded: clients accept 8 KiB of metadata

Headers = list[tuple[bytes, bytes]]

_COMMON: Headers = [
    (b":status", b"200"),
    (b"content-type", b"application/grpc"),
    (b"grpc-accept-encoding", b"identity,deflate,gzip"),
]
OPENING: Headers = _COMMON
"""Header fields of a successful response."""


class RefusedError(Exception):
    """A request that reaches no method, with its status."""

    def __init__(self, status: Status, words: str) -> None:
        super().__init__(words)
        self.status = status


def too_large(size: int, bound: int = MAX_MESSAGE_BYTES) -> RefusedError:
    """Reject a message that is too large."""
    return RefusedError(Status.RESOURCE_EXHAUSTED, f"Received message larger than max ({size} vs. {bound})")


def announced_bytes(start: bytes) -> int:
    """Read the length of a message from the beginning of its frame."""
    return int(PREFIX.unpack_from(start)[1])


def unframe(body: bytes, encoding: bytes, bound: int = MAX_MESSAGE_BYTES) -> bytes:
    """Return the single message of a request; RefusedError if the body is anything else."""
    if len(body) < PREFIX_BYTES:
        raise RefusedError(Status.INTERNAL, "The request ended before its message")
    compressed, length = PREFIX.unpack_from(body)
    if length != len(body) - PREFIX_BYTES:
        raise RefusedError(Status.INTERNAL, f"A message of {length} bytes, but {len(body) - PREFIX_BYTES} came")
    if not compressed:
        return body[PREFIX_BYTES:]
    if compressed != 1 or encoding in {b"", b"identity"}:
        raise RefusedError(Status.INTERNAL, "Compressed flag set with identity or empty encoding")
    return _decompressed(memoryview(body)[PREFIX_BYTES:], encoding, bound)


def _decompressed(data: memoryview, encoding: bytes, bound: int) -> bytes:
    if encoding not in _WINDOW_BITS:
        raise RefusedError(Status.UNIMPLEMENTED, f"Message encoding {encoding.decode('latin-1')!r} is not supported")
    reader = zlib.decompressobj(_WINDOW_BITS[encoding])
    try:
        message = reader.decompress(data, bound + 1)
    except zlib.error as error:
        raise RefusedError(Status.INTERNAL, f"The message does not decompress: {error}") from error
    if len(message) > bound:
        raise too_large(len(message), bound)
    if not reader.eof:
        raise RefusedError(Status.INTERNAL, "The message does not decompress: it is cut off")
    return message


def timeout_s(value: bytes | None) -> float | None:
    """Parse `grpc-timeout`; None if there is none."""
    match = _TIMEOUT.fullmatch(value or b"")
    return int(match[1]) * _UNIT_S[match[2]] if match else None


def no_grpc(fields: Mapping[bytes, bytes]) -> Headers | None:
    """Answer HTTP/2 that is not gRPC like gRPC's own servers do; None for gRPC."""
    if not fields.get(b"content-type", b"").startswith(b"application/grpc"):
        return [(b":status", b"415")]
    return None if fields.get(b":method") == b"POST" else [(b":status", b"405")]


def trailers(answer: Answer) -> Headers:
    """Trailing metadata of a successful response; stage times always differ, so they are not put into the table."""
    if answer.times is None:
        return [(b"grpc-status", b"0")]
    return [(b"grpc-status", b"0"), NeverIndexedHeader(b"server-timing", answer.times.server_timing().encode())]


def failure(status: int, words: str) -> Headers:
    """Return a response that consists of an error only."""
    text = quote_from_bytes(words.encode()[:_MAX_WORDS_BYTES], _PRINTABLE).encode()
    fields = [*_COMMON, (b"grpc-status", b"%d" % status)]
    return [*fields, NeverIndexedHeader(b"grpc-message", text)] if text else fields
