"""The REST API of a live server, over plain HTTP."""

from __future__ import annotations

import gzip
import json
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from perfgate.loadgen.engine import RestDriver
from perfgate.loadgen.interface import ClosedLoop
from perfgate.scenario.schema import Batching, Server
from perfgate.trials import Call, Method

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.serving.embedded import EmbeddedReplica
    from tests.serving.conftest import Rest, Start

pytestmark = pytest.mark.live

_B64 = {"b64": "/w=="}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"instances": [[1, 2, 3.5], [0, 0, 0]]},
            {"predictions": [{"double": [2, 4, 7], "sum": 13.0}, {"double": [0, 0, 0], "sum": 0.0}]},
        ),
        ({"instances": [{"x": [1, 1, 1]}]}, {"predictions": [{"double": [2, 2, 2], "sum": 6.0}]}),
        ({"inputs": [[1, 2, 3]]}, {"outputs": {"double": [[2, 4, 6]], "sum": [12.0]}}),
        ({"inputs": {"x": [[0.1, 0.1, 0.1]]}}, {"outputs": {"double": [[0.2, 0.2, 0.2]], "sum": [0.6]}}),
        ({"inputs": {"x": []}, "signature_name": "wide"}, None),
        (
            {"signature_name": "strings", "instances": ["abc", _B64]},
            {"predictions": [{"upper": "ABC", "raw_bytes": {"b64": "YWJj"}}, {"upper": "\udcff", "raw_bytes": _B64}]},
        ),
        (
            {"signature_name": "pair", "instances": [{"a": [1, 2], "b": 3}, {"b": 5, "a": [0, 0]}]},
            {"predictions": [6.0, 5.0]},
        ),
        ({"signature_name": "pair", "inputs": {"a": [[1, 2]], "b": [3]}}, {"outputs": [6.0]}),
        ({"signature_name": "scalar", "inputs": 4}, {"outputs": 8.0}),
        ({"signature_name": "scalar", "inputs": {"s": 0.25}}, {"outputs": 0.5}),
        ({"signature_name": "half_plus_two", "instances": [1.0, 2.0, 5.0]}, {"predictions": [2.5, 3.0, 4.5]}),
        ({"signature_name": "half_plus_two", "inputs": [1.0, 2.0, 5.0]}, {"outputs": [2.5, 3.0, 4.5]}),
        ({"signature_name": "half_plus_two", "inputs": 5}, {"outputs": 4.5}),
        ({"signature_name": "half_plus_two", "inputs": [[[2]]]}, {"outputs": [[[3.0]]]}),
        ({"instances": [[1, 2]]}, {"predictions": [{"double": [2.0, 4.0], "sum": 6.0}]}),
        ({"signature_name": "scalar", "instances": [1, 2]}, {"predictions": [2.0, 4.0]}),
        ({"signature_name": "fixed", "instances": [1, 2, 3]}, {"predictions": [2.0, 4.0, 6.0]}),
        ({"signature_name": "scalar", "inputs": 1e39}, {"outputs": float("inf")}),
        ({"signature_name": "wide", "instances": [[1, 2, 3], [4, 5, 6]]}, {"predictions": [6.0, 15.0]}),
        ({"signature_name": "wide", "inputs": {"v": [[1], [2]]}}, {"outputs": [1.0, 2.0]}),
        (
            {"signature_name": "kinds", "inputs": {"flag": [True], "small": [200], "whole": [-7], "wide": [0.1]}},
            {"outputs": {"flag": [True], "small": [200], "whole": [-7], "wide": [0.1]}},
        ),
    ],
)
def test_predict(rest: Rest, body: dict[str, Any], expected: Any) -> None:
    if expected is None:
        assert rest.predict(body).status == 400
        return
    reply = rest.predict(body)
    assert reply.status == 200, reply.body
    assert json.loads(reply.body.decode("utf-8", "surrogateescape")) == expected
    assert reply.headers["content-type"] == "application/json"


def test_stage_times_are_in_a_header(rest: Rest) -> None:
    reply = rest.predict({"instances": [[1, 2, 3], [4, 5, 6]]})
    ms = r"(\d+\.\d+)"
    assert re.fullmatch(
        rf"queue;dur={ms}, execute;dur={ms}, encode;dur={ms}, batch;desc=2", reply.headers["server-timing"]
    )
    assert "server-timing" not in rest.predict({}).headers


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "JSON Parse error: The document is empty"),
        (b'{"instances": [1,', 400, "JSON Parse error: Invalid value."),
        (b"[]", 400, "JSON Value: [] Is not object"),
        (b'{"instances": ' + b"[" * 100_000, 400, "Nested deeper than 200 levels"),
        ({}, 400, "Missing 'inputs' or 'instances' key"),
        ({"instances": ["x", "y"]}, 400, 'JSON Value: "x" Type: String is not of expected type: float'),
        ({"instances": [[1, 2], [3]]}, 400, "Expecting tensor size: 2 but got: 1"),
        ({"signature_name": 100}, 400, "'signature_name' key must be a string value."),
        ({"signature_name": "nope"}, 400, 'Serving signature name: "nope" not found in signature def'),
        ({"signature_name": "pair", "instances": [1]}, 400, "instances is a plain list, but expecting list of objects"),
        ({"signature_name": "pair", "inputs": [1]}, 400, "inputs is a plain value/list, but expecting an object"),
        ({"signature_name": "pair", "inputs": {"a": [[1, 2]]}}, 400, "Missing named input: b in 'inputs' object."),
        ({"signature_name": "half", "instances": [1]}, 400, "Failed to write JSON value for tensor type: half"),
        ({"signature_name": "fail", "instances": [11]}, 400, "too much"),
        ({"signature_name": "kinds", "inputs": {"flag": [1], "small": [1], "whole": [1], "wide": [1]}}, 400, "bool"),
    ],
)
def test_bad_bodies(rest: Rest, body: Any, status: int, words: str) -> None:
    reply = rest.predict(body)
    assert reply.status == status
    assert words in reply.error
    assert rest.predict({"instances": [[1, 2, 3]]}).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("POST", "/v1/models/other:predict", 404, "Servable not found for request: Latest(other)"),
        ("POST", "/v1/models/small/versions/4:predict", 404, "Servable not found for request: Specific(small, 4)"),
        ("POST", "/v1/models/small/labels/canary:predict", 404, "Servable not found for request: Specific(small, 4)"),
        ("POST", "/v1/models/small/labels/nope:predict", 400, "Unrecognized servable version label: nope"),
        ("GET", "/v1/models/small:predict", 400, "Malformed request: GET /v1/models/small:predict"),
        ("PUT", "/v1/models/small", 400, "Malformed request: PUT /v1/models/small"),
        ("DELETE", "/v1/models/small", 400, "Malformed request: DELETE /v1/models/small"),
        ("GET", "/v1/models", 400, "Missing model name in request."),
        ("GET", "/v1/models/other", 404, "Could not find any versions of model other"),
        ("GET", "/v1/models/small/versions/4", 404, "Could not find version 4 of model small"),
        ("GET", "/v1/models/other/metadata", 404, "Servable not found for request: Latest(other)"),
    ],
)
def test_bad_paths(rest: Rest, method: str, path: str, status: int, words: str) -> None:
    reply = rest.ask(method, path, b'{"instances": [[1, 2, 3]]}')
    assert (reply.status, reply.error) == (status, words)


def test_a_page_that_is_none(rest: Rest) -> None:
    reply = rest.ask("GET", "/favicon.ico")
    assert (reply.status, reply.headers["content-type"]) == (404, "text/html")


@pytest.mark.parametrize("which", ["", "/versions/3", "/labels/stable"])
def test_versions_and_labels(rest: Rest, which: str) -> None:
    body = {"instances": [[1, 2, 3]]}
    assert rest.ask("POST", f"/v1/models/small{which}:predict", body).status == 200
    status = rest.ask("GET", f"/v1/models/small{which}")
    assert status.json == {
        "model_version_status": [
            {"version": "3", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        ]
    }
    metadata = rest.ask("GET", f"/v1/models/small{which}/metadata").json
    assert metadata["model_spec"] == {"name": "small", "signature_name": "", "version": "3"}
    pair = metadata["metadata"]["signature_def"]["signature_def"]["pair"]
    assert pair["method_name"] == "tensorflow/serving/predict"
    assert pair["inputs"]["a"] == {
        "dtype": "DT_FLOAT",
        "name": "pair_a:0",
        "tensor_shape": {"dim": [{"size": "-1", "name": ""}, {"size": "2", "name": ""}], "unknown_rank": False},
    }


def test_classify_and_regress(graph_rest: Rest, rest: Rest) -> None:
    examples = [{"age": 0.2, "country": "CH"}, {"age": [0.5]}]
    classified = graph_rest.ask("POST", "/v1/models/small:classify", {"examples": examples})
    assert classified.json == {"results": [[["CH", 0.2], ["other", 0.8]], [["??", 0.5], ["other", 0.5]]]}
    assert "execute;dur=" in classified.headers["server-timing"]
    regressed = graph_rest.ask("POST", "/v1/models/small:regress", {"signature_name": "regress", "examples": examples})
    assert regressed.json == {"results": [0.2, 0.5]}
    plain = rest.ask("POST", "/v1/models/small:classify", {"signature_name": "classify", "examples": examples[1:]})
    assert plain.json == {"results": [[["", 0.5], ["", -0.5]]]}


def test_an_examples_own_feature_wins_over_the_contexts(graph_rest: Rest) -> None:
    body = {"context": {"country": "CH", "age": 0.1}, "examples": [{}, {"country": {"b64": "REU="}}]}
    classified = graph_rest.ask("POST", "/v1/models/small:classify", body).json["results"]
    assert [row[0] for row in classified] == [["CH", 0.1], ["DE", 0.1]]


@pytest.mark.parametrize(
    ("verb", "body", "words"),
    [
        ("classify", {}, "When method is classify, key 'examples' is expected and was not found"),
        ("classify", {"examples": 1}, "Expecting 'examples' value to be an list/array"),
        ("classify", {"examples": []}, "'examples' value is an empty array"),
        ("classify", {"examples": [1]}, "Example must be JSON object but got JSON Number"),
        ("classify", {"context": [], "examples": [{}]}, "Example must be JSON object but got JSON Array"),
        ("classify", {"examples": [{"a": None}]}, "Feature: a has element with unexpected JSON type: Null"),
        ("classify", {"examples": [{"a": [[1]]}]}, "Feature: a has element with unexpected JSON type: Array"),
        ("classify", {"examples": [{"a": {"c": 1}}]}, "Feature: a has element with unexpected JSON type: Object"),
        ("classify", {"examples": [{"a": [1, 2.5]}]}, "Unexpected element type in feature: a expecting type: int64"),
        ("classify", {"examples": [{"a": 1 << 63}]}, "Feature: a has uint64 element. Only int64 is supported."),
        ("classify", {"examples": [{"a": 1e39}]}, "Cannot convert JSON value: 1e+39 to float without loss"),
        ("classify", {"examples": [{"country": "CH"}]}, "age"),
        ("classify", {"signature_name": 1, "examples": [{}]}, "'signature_name' key must be a string value."),
        ("classify", {"signature_name": "nope", "examples": [{}]}, "No signature was found with the name: nope"),
        ("regress", {"examples": [{"age": 1.0}]}, "Expected one output Tensor."),
    ],
)
def test_bad_examples(graph_rest: Rest, verb: str, body: Any, words: str) -> None:
    reply = graph_rest.ask("POST", f"/v1/models/small:{verb}", body)
    assert reply.status == 400
    assert words in reply.error


def test_a_sparse_input_is_fed_by_its_parts(graph_rest: Rest) -> None:
    parts = {"indices": [[0, 1], [1, 3]], "values": [2, 5], "dense_shape": [2, 4]}
    assert graph_rest.predict({"signature_name": "sparse_parts", "inputs": parts}).json == {"outputs": [2.0, 5.0]}
    whole = graph_rest.predict({"signature_name": "sparse", "inputs": {"x": [[0, 2, 0, 0]]}})
    assert whole.status == 400
    assert "input x is no plain tensor but coo_sparse: TF-Serving neither feeds nor fetches these" in whole.error


def test_compressed_bodies_and_their_bound(rest: Rest) -> None:
    body, zipped = json.dumps({"instances": [[1, 2, 3]]}).encode(), {"Content-Encoding": "gzip"}
    assert rest.ask("POST", "/v1/models/small:predict", gzip.compress(body), zipped).status == 200
    broken = rest.ask("POST", "/v1/models/small:predict", body, zipped)
    assert broken.status == 400
    bomb = rest.ask("POST", "/v1/models/small:predict", gzip.compress(b" " * (257 << 20), 1), zipped)
    assert bomb.status == 413
    assert "larger than 256 MiB" in bomb.error
    assert rest.predict({"instances": [[1, 2, 3]]}).status == 200


def test_a_body_that_is_announced_too_large_is_refused_at_once(rest: Rest) -> None:
    answer = _raw(rest, b"POST /v1/models/small:predict HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_client_that_waits_to_be_asked_for_the_body_is_asked(rest: Rest) -> None:
    head = b"POST /v1/models/small:predict HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    assert _raw(rest, head).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ],
)
def test_what_is_no_http_gets_an_answer_and_leaves_the_server_alive(rest: Rest, rubbish: bytes) -> None:
    assert re.match(rb"HTTP/1\.[01] 4\d\d ", _raw(rest, rubbish + b"\r\n\r\n"))
    assert rest.predict({"instances": [[1, 2, 3]]}).status == 200


def _raw(rest: Rest, data: bytes) -> bytes:
    host, _, port = rest.address.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(data)
        return connection.recv(4096)


def test_damaged_requests_get_an_answer_each(rest: Rest, graph_rest: Rest) -> None:
    rng = np.random.default_rng(11)
    good = (
        (
            rest,
            "predict",
            b'{"signature_name": "pair", "instances": [{"a": [1, 2], "b": 3}, {"a": [0, 1e3], "b": -5}]}',
        ),
        (rest, "predict", b'{"signature_name": "strings", "inputs": ["a", {"b64": "/w=="}]}'),
        (graph_rest, "classify", b'{"context": {"country": "CH"}, "examples": [{"age": 0.5}, {"age": [1.5]}]}'),
    )
    for number in range(300):
        client, verb, body = good[number % len(good)]
        damaged = bytearray(body)
        for _ in range(rng.integers(1, 4)):
            damaged[rng.integers(len(damaged))] = rng.choice(list(b'{}[]",:0e-\\x\xff'))
        assert client.ask("POST", f"/v1/models/small:{verb}", bytes(damaged)).status in {200, 400}
    for client, verb, body in good:
        assert client.ask("POST", f"/v1/models/small:{verb}", body).status == 200


def test_clients_that_vanish_leave_the_server_alive(rest: Rest) -> None:
    host, _, port = rest.address.partition(":")
    for sent in (b"", b"POST /v1/mod", b"POST /v1/models/small:predict HTTP/1.1\r\nContent-Length: 100\r\n\r\n{"):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(sent)
    assert rest.predict({"instances": [[1, 2, 3]]}).status == 200


def test_too_many_bytes_at_a_time_are_refused(rest: Rest) -> None:
    host, _, port = rest.address.partition(":")
    head = f"POST /v1/models/small:predict HTTP/1.1\r\nHost: a\r\nContent-Length: {256 << 20}\r\n\r\n".encode()
    with ExitStack() as stack:
        for _ in range(2):  # each sends less than it announced, and waits
            connection = stack.enter_context(socket.create_connection((host, int(port)), timeout=30))
            connection.sendall(head + b" " * (250 << 20))
        refused = rest.predict(b" " * (32 << 20))
        assert (refused.status, refused.error) == (429, "Too many bytes of requests at a time")
    assert rest.predict(b" " * (32 << 20)).status == 400  # their bytes are released
    assert rest.predict({"instances": [[1, 2, 3]]}).status == 200


def test_many_clients_at_once_get_their_own_answers(rest: Rest) -> None:
    def ask(number: int) -> Any:
        return rest.predict({"inputs": [[number, 0, 0]]}).json["outputs"]["sum"]

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(200))) == [[2.0 * number] for number in range(200)]


def test_requests_over_rest_share_batches_too(rest: Rest, start: Start, small_models: Path) -> None:
    settings = Server(batching=Batching(max_batch_size=4, batch_timeout_micros=5_000_000))
    client = type(rest)(start(small_models / "graph", settings=settings).rest_address)

    def ask(number: int) -> tuple[Any, str]:
        body = {"signature_name": "regress", "examples": [{"age": number + 0.5}]}
        reply = client.ask("POST", "/v1/models/small:regress", body)
        return reply.json["results"], reply.headers["server-timing"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert [results for results, _ in answers] == [[number + 0.5] for number in range(8)]
    assert {timing.split("batch;desc=")[1] for _, timing in answers} == {"4"}


@pytest.fixture
def driver(signatures: EmbeddedReplica) -> Iterator[RestDriver]:
    with RestDriver(signatures.rest_address, "small") as driver:
        yield driver


def test_perfgates_own_driver_is_answered(driver: RestDriver) -> None:
    calls = [Call(json.dumps({"instances": [[1, 2, 3]] * rows}).encode()) for rows in (1, 2, 8)]
    requests = driver.drive(calls, ClosedLoop(in_flight=8, requests=60))
    assert not requests.status.any()
    assert requests.stages is not None
    assert np.all(requests.stages.execute_ms > 0)
    assert driver.call(Call(b'{"examples": [{}]}', Method.REGRESS)).status == 3
