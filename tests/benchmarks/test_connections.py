from __future__ import annotations

import json

import pytest

from benchmarks.connections.__main__ import driving, makers, parsing, serving
from benchmarks.connections.answers import PROTOCOLS, SIZES, grpc_answer, rest_answer
from perfgate.loadgen.http1 import Http1Connection
from perfgate.loadgen.http2 import Http2Connection


@pytest.mark.parametrize("size", SIZES)
def test_answers_are_about_as_large_as_they_should_be(size: int) -> None:
    head, _, body = rest_answer(size).partition(b"\r\n\r\n")
    assert head.endswith(b"Content-Length: %d" % len(body))
    assert json.loads(body)["predictions"]
    assert 0.5 * size < len(body) < 1.2 * size
    assert size < len(grpc_answer(size, 1)) < size + 200


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_both_connections_of_a_protocol_are_measured(protocol: str) -> None:
    assert {Http1Connection, Http2Connection} & set(makers(protocol))
    with serving(protocol, 200, cpu=None) as address:
        for make in makers(protocol):
            for cost in (parsing(protocol, make, address, 200, 0.05), driving(protocol, make, address, 2, 0.05)):
                assert 0 < cost.cpu_us < 1e5
                assert 0 < cost.wall_us < 1e5
