"""Connections that violate the protocol below the messages: hand-made HTTP/2 frames (RFC 9113)."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable, Iterator
from typing import TypeAlias

import hpack
import numpy as np

Rng: TypeAlias = np.random.Generator
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST, _SETTINGS, _PING, _GOAWAY, _WINDOW, _CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
_END_STREAM, _END_HEADERS = 1, 4
_ANSWER_S, _SILENCE_S = 5.0, 0.05
_PREDICT = "/tensorflow.serving.PredictionService/Predict"

Sending: TypeAlias = tuple[bytes, bool]
"""What is sent, and whether the server has to respond, with a status or by ending the connection."""


def attack(address: str, valid: bytes, seed: int, number: int) -> tuple[str, str]:
    """Open a connection and misuse it; returns the kind of misuse and the server's reaction.

    `status N` and `HTTP N` are responses; `ended` is a connection ended by GOAWAY or closed; `reset` a reset stream;
    `silence` is correct if the request is incomplete, and else a fault, `no answer`.
    """
    rng = np.random.default_rng((seed, number))
    kind = sorted(_KINDS)[int(rng.integers(0, len(_KINDS)))]
    octets, complete = _KINDS[kind](rng, valid)
    host, _, port = address.rpartition(":")
    with contextlib.closing(socket.create_connection((host, int(port)), timeout=_ANSWER_S)) as wire:
        try:
            wire.sendall(octets)
            if rng.random() < 0.3:
                wire.shutdown(socket.SHUT_WR)
        except OSError:
            return kind, "ended"
        wire.settimeout(_ANSWER_S if complete else _SILENCE_S)
        outcome = _outcome(wire)
    return kind, "no answer" if complete and outcome == "silence" else outcome


def _outcome(wire: socket.socket) -> str:
    decoder = hpack.Decoder()
    try:
        for kind, stream, payload in _frames(wire):
            if kind == _GOAWAY:
                return "ended"
            if kind == _RST:
                return "reset"
            if kind == _HEADERS and stream:
                fields = dict(decoder.decode(payload, raw=True))
                if b"grpc-status" in fields:
                    return f"status {int(fields[b'grpc-status'])}"
                if fields.get(b":status", b"200") != b"200":  # gRPC rejects another content type with 415
                    return f"HTTP {int(fields[b':status'])}"
    except TimeoutError:
        return "silence"
    except (OSError, EOFError, hpack.HPACKError):
        pass
    return "ended"


def _frames(wire: socket.socket) -> Iterator[tuple[int, int, bytes]]:
    """Read frames; EOFError if the server closed the connection."""
    while True:
        head = _exactly(wire, 9)
        payload = _exactly(wire, int.from_bytes(head[:3], "big"))
        yield head[3], int.from_bytes(head[5:], "big") & 0x7FFF_FFFF, payload


def _exactly(wire: socket.socket, size: int) -> bytes:
    parts = b""
    while len(parts) < size:
        if not (part := wire.recv(size - len(parts))):
            raise EOFError
        parts += part
    return parts


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + struct.pack(">BBI", kind, flags, stream) + payload


def _begin() -> bytes:
    return _PREFACE + _frame(_SETTINGS, 0, 0)


def _open(stream: int = 1, *extra: tuple[str, str], path: str = _PREDICT, end: bool = False) -> bytes:
    fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "x"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        *extra,
    ]
    block = hpack.Encoder().encode(fields)
    return _frame(_HEADERS, _END_HEADERS | (_END_STREAM if end else 0), stream, block)


def _message(body: bytes, *, length: int | None = None, flag: int = 0) -> bytes:
    return struct.pack(">BI", flag, len(body) if length is None else length) + body


def _noise(rng: Rng, _: bytes) -> Sending:
    return rng.bytes(int(rng.integers(1, 3000))), False


def _noise_after_preface(rng: Rng, _: bytes) -> Sending:
    return _begin() + rng.bytes(int(rng.integers(1, 3000))), False


def _random_frames(rng: Rng, _: bytes) -> Sending:
    frames = [
        _frame(
            int(rng.integers(0, 14)),
            int(rng.integers(0, 256)),
            int(rng.integers(0, 6)),
            rng.bytes(int(rng.integers(0, 40))),
        )
        for _ in range(int(rng.integers(1, 30)))
    ]
    return _begin() + b"".join(frames), False


def _huge_length(rng: Rng, valid: bytes) -> Sending:
    """Announce up to 4 GiB in the message's prefix, and end the stream after a few bytes."""
    body = _message(valid[:100], length=int(rng.choice((2**32 - 1, 2**31, 2**30, len(valid) + 1))))
    return _begin() + _open() + _frame(_DATA, _END_STREAM, 1, body), True


def _huge_length_unended(_: Rng, valid: bytes) -> Sending:
    return _begin() + _open() + _frame(_DATA, 0, 1, _message(valid[:100], length=2**32 - 1)), False


def _huge_frame(rng: Rng, _: bytes) -> Sending:
    """Announce a frame of 16 MB, and send nothing of it."""
    return _begin() + b"\xff\xff\xff" + struct.pack(">BBI", int(rng.choice((_DATA, _HEADERS))), 0, 1), False


def _compressed(rng: Rng, valid: bytes) -> Sending:
    body = _message(valid, flag=int(rng.choice((1, 2, 255))))
    return _begin() + _open() + _frame(_DATA, _END_STREAM, 1, body), True


def _compressed_noise(rng: Rng, _: bytes) -> Sending:
    body = _message(rng.bytes(200), flag=1)
    return _begin() + _open(1, ("grpc-encoding", "gzip")) + _frame(_DATA, _END_STREAM, 1, body), True


def _no_message(_: Rng, __: bytes) -> Sending:
    return _begin() + _open(end=True), True


def _two_messages(_: Rng, valid: bytes) -> Sending:
    return _begin() + _open() + _frame(_DATA, _END_STREAM, 1, _message(valid) * 2), False  # the first may be answered


def _half_closed(rng: Rng, valid: bytes) -> Sending:
    """Send a part of a message, without an end."""
    body = _message(valid)
    return _begin() + _open() + _frame(_DATA, 0, 1, body[: int(rng.integers(0, len(body)))]), False


def _reset_flood(rng: Rng, valid: bytes) -> Sending:
    """Open streams and cancel each at once (CVE-2023-44487)."""
    cancel = (8).to_bytes(4, "big")
    one = [
        _open(stream) + _frame(_DATA, 0, stream, _message(valid)) + _frame(_RST, 0, stream, cancel)
        for stream in range(1, 2 * int(rng.integers(2, 100)), 2)
    ]
    return _begin() + b"".join(one), False


def _idle_streams(rng: Rng, _: bytes) -> Sending:
    return _begin() + b"".join(_open(stream) for stream in range(1, 2 * int(rng.integers(2, 150)), 2)), False


def _header_flood(rng: Rng, _: bytes) -> Sending:
    """Never end the headers (CVE-2024-27316)."""
    block = hpack.Encoder().encode([("x" * 50, "y" * 1000)])
    first = _frame(_HEADERS, 0, 1, block)
    return _begin() + first + _frame(_CONTINUATION, 0, 1, block) * int(rng.integers(1, 60)), False


def _large_header(_: Rng, __: bytes) -> Sending:
    fields = [("x-large", "y" * 15_000)]
    return _begin() + _open(1, *fields, end=True), True


def _window_overflow(_: Rng, __: bytes) -> Sending:
    most = (2**31 - 1).to_bytes(4, "big")
    return _begin() + _frame(_WINDOW, 0, 0, most) * 3, False


def _ping_flood(rng: Rng, _: bytes) -> Sending:
    return _begin() + _frame(_PING, 0, 0, bytes(8)) * int(rng.integers(10, 500)), False


def _another_protocol(rng: Rng, valid: bytes) -> Sending:
    head = rng.choice((b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"))
    return bytes(head) + valid, False


def _odd_headers(rng: Rng, valid: bytes) -> Sending:
    odd = [
        ("content-type", "text/html"),
        ("grpc-timeout", "99999999999999999999H"),
        ("grpc-timeout", "-1S"),
        ("grpc-timeout", "0n"),
        ("grpc-encoding", "nothing"),
        (":status", "200"),
        ("Upper", "case"),
        ("connection", "close"),
        ("x-bin", "not base64!"),
    ]
    field = odd[int(rng.integers(0, len(odd)))]
    return _begin() + _open(1, field) + _frame(_DATA, _END_STREAM, 1, _message(valid)), True


_KINDS: dict[str, Callable[[Rng, bytes], Sending]] = {
    "noise": _noise,
    "noise after the preface": _noise_after_preface,
    "random frames": _random_frames,
    "huge length prefix": _huge_length,
    "huge length prefix, no end": _huge_length_unended,
    "huge frame": _huge_frame,
    "compressed flag": _compressed,
    "broken compression": _compressed_noise,
    "no message": _no_message,
    "two messages": _two_messages,
    "half-closed": _half_closed,
    "reset flood": _reset_flood,
    "idle streams": _idle_streams,
    "header flood": _header_flood,
    "large header": _large_header,
    "window overflow": _window_overflow,
    "ping flood": _ping_flood,
    "another protocol": _another_protocol,
    "odd headers": _odd_headers,
}
