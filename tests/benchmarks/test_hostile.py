from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator

import hpack
import numpy as np
import pytest

from benchmarks.hostile import rest
from benchmarks.hostile.campaign import Findings
from benchmarks.hostile.connections import _frame, attack
from benchmarks.hostile.messages import bomb, case
from perfgate.model import tensors
from perfgate.model.messages import PredictRequest


@pytest.fixture(scope="module")
def valid() -> bytes:
    request = PredictRequest()
    request.model_spec.name = "m"
    request.inputs["numbers"].CopyFrom(tensors.encode(np.ones((2, 3), np.float32), "float32"))
    request.inputs["words"].CopyFrom(tensors.encode(np.array([b"a", b"b"], dtype=object), "string"))
    octets: bytes = request.SerializeToString()
    return octets


@pytest.mark.slow
def test_cases_come_from_the_seed_and_are_of_every_kind(valid: bytes) -> None:
    cases = [case(valid, 1, number) for number in range(1500)]
    assert cases[:50] == [case(valid, 1, number) for number in range(50)]
    assert cases[:50] != [case(valid, 2, number) for number in range(50)]
    kinds = Counter(each.kind for each in cases)
    assert len(kinds) == 16
    assert kinds["flipped bytes"] > kinds["a million elements"]
    assert all(each.body != valid for each in cases if each.kind == "missing inputs")
    assert max(len(each.body) for each in cases) > 3_000_000


def test_a_bomb_is_small_and_claims_much(valid: bytes) -> None:
    made = bomb(valid, 1 << 30)
    assert len(made.body) < 200
    shape = PredictRequest.FromString(made.body).inputs["numbers"].tensor_shape
    assert shape.dim[0].size * shape.dim[1].size * 4 == pytest.approx(1 << 30, rel=1e-6)


def test_faults_name_their_case() -> None:
    found = Findings()
    found.note(3, "cut off", "status 13")
    found.note(4, "cut off", "status 2", "unforeseen")
    assert found.answers["cut off", "status 13"] == 1
    assert found.faults == ["case 4 (cut off): status 2, unforeseen"]


_TRAILERS = _frame(1, 5, 1, hpack.Encoder().encode([(":status", "200"), ("grpc-status", "3")]))
_ANSWERS = {
    b"": {"ended"},
    _frame(4, 0, 0) + _TRAILERS: {"status 3"},
    _frame(3, 0, 1, bytes(4)): {"reset"},
    _frame(7, 0, 0, bytes(8)): {"ended"},
}


@pytest.fixture(params=list(_ANSWERS), ids=["closed", "status", "reset", "goaway"])
def answered(request: pytest.FixtureRequest) -> Iterator[tuple[str, set[str]]]:
    """A server that accepts everything and always answers alike; returns its address, and the expected report."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                wire, _ = listener.accept()
            except OSError:
                return
            with wire:
                wire.sendall(request.param)
                wire.shutdown(socket.SHUT_WR)
                while wire.recv(1 << 16):
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"127.0.0.1:{listener.getsockname()[1]}", _ANSWERS[request.param]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_responses_are_distinguished(answered: tuple[str, set[str]], valid: bytes) -> None:
    address, outcomes = answered
    attacks = [attack(address, valid, 1, number) for number in range(60)]
    assert {outcome for _, outcome in attacks} == outcomes
    assert len({kind for kind, _ in attacks}) > 10


def test_methods_that_are_not_there_are_asked_for_too(valid: bytes) -> None:
    paths = {case(valid, 5, number).path for number in range(800)}
    assert {"/a/b/c", "/tensorflow.serving.PredictionService/Predict"} < paths


@pytest.mark.slow
def test_hostile_json_is_sent_as_it_should_be(answered: tuple[str, set[str]]) -> None:
    address, _ = answered
    valid = b'{"instances": [{"x": [1.0, 2.0]}, {"x": [3.0, 4.0]}]}'
    attacks = [rest.attack(address, "/v1/models/m:predict", valid, 1, number) for number in range(40)]
    assert attacks == [rest.attack(address, "/v1/models/m:predict", valid, 1, number) for number in range(40)]
    assert {outcome for _, outcome in attacks} == {"ended"}  # none of these servers speaks HTTP/1.1
    assert len({kind for kind, _ in attacks}) > 10


@pytest.mark.parametrize("kind", sorted(rest._KINDS))
def test_a_rest_case_is_the_same_for_the_same_seed(kind: str) -> None:
    valid = b'{"instances": [{"x": [1.0, 2.0]}, {"x": [3.0, 4.0]}]}'
    one, again, other = (rest._KINDS[kind](np.random.default_rng(seed), b"/p", valid) for seed in (1, 1, 2))
    assert one == again
    assert len(one[0]) > 0
    assert one[1] == other[1]
