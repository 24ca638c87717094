"""HTTP/1.1 requests with one error each, in the JSON or around it."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Callable
from contextlib import closing
from typing import Any, TypeAlias

import numpy as np

Rng: TypeAlias = np.random.Generator
Sending: TypeAlias = tuple[bytes, bool]
"""What is sent, and whether the server has to respond, with a status or by ending the connection."""

_ANSWER_S, _SILENCE_S = 30.0, 0.05
_ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    1e308,
    2**63,
    2**70,
    "",
    "x" * 1000,
    [],
    [[]],
    {},
    {"b64": "!"},
    {"b64": 1},
    [1, "a", None],
    "\ud800",
)
_PATHS = (
    b"/",
    b"/v1/models/",
    b"/v1/models/none:predict",
    b"/v1/models/%00%ff:predict",
    b"/v1/models/../../etc/passwd",
    b"/v1/models/hostile/versions/99999999999999999999999:predict",
    b"/v1/models/hostile/versions/-1:predict",
    b"/v1/models/hostile/labels/none:predict",
    b"/v1/models/hostile:nothing",
    b"/v1/models/hostile/metadata",
    b"http://[",
    b"*",
    b"/" + b"x" * 7000,
    b"/" + b"x" * 70_000,
)


def attack(address: str, path: str, valid: bytes, seed: int, number: int) -> tuple[str, str]:
    """Send a request made from a valid JSON body; returns its kind and the server's reaction.

    `HTTP N` is a response, `ended` a connection closed without one; `silence` is correct if the request is incomplete,
    and else a fault, `no answer`.
    """
    rng = np.random.default_rng((seed, number))
    kind = sorted(_KINDS)[int(rng.integers(0, len(_KINDS)))]
    octets, complete = _KINDS[kind](rng, path.encode(), valid)
    host, _, port = address.rpartition(":")
    with closing(socket.create_connection((host, int(port)), timeout=_ANSWER_S)) as wire:
        try:
            wire.sendall(octets)
            wire.settimeout(_ANSWER_S if complete else _SILENCE_S)
            answer = wire.recv(64)
        except TimeoutError:
            return kind, "no answer" if complete else "silence"
        except OSError:
            return kind, "ended"
    words = answer.split(b" ", 2)
    return kind, f"HTTP {int(words[1])}" if len(words) > 1 and words[1].isdigit() else "ended"


def _post(path: bytes, body: bytes, *headers: bytes, length: bytes | None = None) -> bytes:
    lines = [b"POST " + path + b" HTTP/1.1", b"Host: x", b"Content-Length: " + (length or b"%d" % len(body)), *headers]
    return b"\r\n".join([*lines, b"", body])


def _json(make: Callable[[Rng, bytes], bytes]) -> Callable[[Rng, bytes, bytes], Sending]:
    return lambda rng, path, valid: (_post(path, make(rng, valid)), True)


def _random(rng: Rng, _: bytes) -> bytes:
    return rng.bytes(int(rng.integers(0, 3000)))


def _cut(rng: Rng, valid: bytes) -> bytes:
    return valid[: int(rng.integers(0, len(valid)))]


def _flipped(rng: Rng, valid: bytes) -> bytes:
    octets = bytearray(valid)
    for _ in range(int(rng.integers(1, 20))):
        octets[int(rng.integers(0, len(octets)))] = int(rng.integers(0, 256))
    return bytes(octets)


def _deep(rng: Rng, _: bytes) -> bytes:
    depth = int(rng.choice((100, 5000, 1_000_000)))
    opening = b"[" if rng.random() < 0.5 else b'{"a":'
    return b'{"instances":' + opening * depth + (b"1" + b"]" * depth if rng.random() < 0.5 else b"")


def _numbers(rng: Rng, _: bytes) -> bytes:
    odd = (
        b"1e999",
        b"-1e999",
        b"NaN",
        b"Infinity",
        b"0x10",
        b"1_0",
        b"9" * 5000,
        b"1e-999",
        b"-",
        b".5",
        b"1" + b"0" * 400,
    )
    return b'{"instances":[' + odd[int(rng.integers(0, len(odd)))] + b"]}"


def _odd_values(rng: Rng, valid: bytes) -> bytes:
    """Replace any part by something else."""
    return json.dumps(_with_odd(rng, json.loads(valid))).encode()


def _with_odd(rng: Rng, value: Any) -> Any:  # noqa: ANN401 - any JSON
    if not value or not isinstance(value, list | dict) or rng.random() < 0.15:
        return _ODD[int(rng.integers(0, len(_ODD)))]
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
    at = keys[int(rng.integers(0, len(keys)))]
    if isinstance(value, dict) and rng.random() < 0.2:
        return {name: its for name, its in value.items() if name != at} | {"more": 1}
    value[at] = _with_odd(rng, value[at])
    return value


def _many(rng: Rng, valid: bytes) -> bytes:
    """Repeat the rows, up to about a million elements."""
    request = json.loads(valid)
    if isinstance(request.get("instances"), list):
        request["instances"] *= int(rng.choice((10, 1000, 13_000)))
    return json.dumps(request).encode()


def _false_length(rng: Rng, path: bytes, valid: bytes) -> Sending:
    lengths = (b"-1", b"x", b"99999999999999999999", b"1, 2", b"0x10", b"68719476736")
    return _post(path, valid, length=lengths[int(rng.integers(0, len(lengths)))]), True


def _unfinished(rng: Rng, path: bytes, valid: bytes) -> Sending:
    whole = _post(path, valid)
    return whole[: int(rng.integers(1, len(whole)))], False


def _chunks(rng: Rng, path: bytes, valid: bytes) -> Sending:
    head = b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    bodies = (
        b"zz\r\n",
        b"-1\r\n",
        b"ffffffffffffffffff\r\n",
        b"5\r\nab\r\n0\r\n\r\n",
        b"%x\r\n%b\r\n0\r\n\r\n" % (len(valid), valid),
    )
    return head + bodies[int(rng.integers(0, len(bodies)))], False


def _both_lengths(_: Rng, path: bytes, valid: bytes) -> Sending:
    return _post(path, valid, b"Transfer-Encoding: chunked"), True


def _zip_bomb(rng: Rng, path: bytes, _: bytes) -> Sending:
    body = gzip.compress(b" " * (int(rng.choice((1, 30, 100))) << 20), compresslevel=1, mtime=0)
    return _post(path, body, b"Content-Encoding: gzip"), True


def _broken_zip(rng: Rng, path: bytes, valid: bytes) -> Sending:
    body = gzip.compress(valid, mtime=0)
    broken = rng.bytes(len(body)) if rng.random() < 0.5 else body[: len(body) // 2]
    return _post(
        path, broken, b"Content-Encoding: " + (b"gzip", b"deflate", b"br", b"none")[int(rng.integers(0, 4))]
    ), True


def _headers(rng: Rng, path: bytes, valid: bytes) -> Sending:
    odd = (
        [b"x: y"] * 5000,
        [b"x: " + b"y" * 100_000],
        [b"no colon"],
        [b"\x00: \x01"],
        [b": empty"],
        [b"x" * 9000 + b": 1"],
    )
    return _post(path, valid, *odd[int(rng.integers(0, len(odd)))]), True


def _path(rng: Rng, _: bytes, valid: bytes) -> Sending:
    return _post(_PATHS[int(rng.integers(0, len(_PATHS)))], valid), True


def _verb(rng: Rng, path: bytes, valid: bytes) -> Sending:
    verbs = (b"GET", b"PUT", b"DELETE", b"OPTIONS", b"CONNECT", b"TRACE", b"P" * 5000, b"po\x00st", b"")
    return _post(path, valid).replace(b"POST", verbs[int(rng.integers(0, len(verbs)))], 1), True


def _noise(rng: Rng, _: bytes, __: bytes) -> Sending:
    return rng.bytes(int(rng.integers(1, 3000))), False


def _another_protocol(_: Rng, __: bytes, ___: bytes) -> Sending:
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), False


def _pipelined(_: Rng, path: bytes, valid: bytes) -> Sending:
    return _post(path, valid) * 20, True


_KINDS: dict[str, Callable[[Rng, bytes, bytes], Sending]] = {
    "REST, random bytes": _json(_random),
    "REST, cut off": _json(_cut),
    "REST, flipped bytes": _json(_flipped),
    "REST, deep nesting": _json(_deep),
    "REST, odd numbers": _json(_numbers),
    "REST, odd values": _json(_odd_values),
    "REST, many rows": _json(_many),
    "REST, false length": _false_length,
    "REST, unfinished": _unfinished,
    "REST, broken chunks": _chunks,
    "REST, two lengths": _both_lengths,
    "REST, compressed bomb": _zip_bomb,
    "REST, broken compression": _broken_zip,
    "REST, odd headers": _headers,
    "REST, odd path": _path,
    "REST, odd verb": _verb,
    "REST, noise": _noise,
    "REST, another protocol": _another_protocol,
    "REST, pipelined": _pipelined,
}
