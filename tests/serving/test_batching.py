"""Batched servers, called by many clients at once."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
import numpy as np
import pytest

from perfgate.errors import InvalidRunError
from perfgate.model import tensors
from perfgate.model.messages import PredictRequest, PredictResponse
from perfgate.scenario.schema import Batching, Server

if TYPE_CHECKING:
    from perfgate.serving.embedded import EmbeddedReplica
    from tests.conftest import RankingModels

pytestmark = pytest.mark.live

INVALID_ARGUMENT, FAILED_PRECONDITION, UNAVAILABLE = 3, 9, 14
CALLERS = 64

Start = Callable[..., "EmbeddedReplica"]


class Good(NamedTuple):
    outputs: dict[str, Any]
    queue_ms: float
    execute_ms: float
    rows: int
    """Number of rows in the batch."""


class Bad(NamedTuple):
    status: int
    words: str


class Client:
    """Sends requests to one server, from any thread."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address)
        self._call = self._channel.unary_unary("/tensorflow.serving.PredictionService/Predict", None, None)

    def ask(self, signature: str, **inputs: tuple[Any, str]) -> Good | Bad:
        request = PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = "small", signature
        for key, (value, dtype) in inputs.items():
            array = np.array(value, object if dtype == "string" else dtype)
            request.inputs[key].CopyFrom(tensors.encode(array, dtype))
        try:
            body, call = self._call.with_call(request.SerializeToString(), timeout=30)
        except grpc.RpcError as error:
            return Bad(error.code().value[0], error.details() or "")
        timing = str(dict(call.trailing_metadata())["server-timing"])
        queue, execute, rows = re.findall(r"(?:queue;dur|execute;dur|batch;desc)=([\d.]+)", timing)
        outputs = PredictResponse.FromString(body).outputs
        decoded = {key: tensors.decode(proto) for key, proto in outputs.items()}
        return Good(decoded, float(queue), float(execute), int(rows))

    def good(self, signature: str, **inputs: tuple[Any, str]) -> Good:
        answer = self.ask(signature, **inputs)
        assert isinstance(answer, Good), answer
        return answer

    def all_at_once(self, asks: Sequence[Callable[[], Any]]) -> list[Any]:
        """Send requests from several threads, which start together."""
        together = threading.Barrier(len(asks))

        def one(ask: Callable[[], Any]) -> Any:
            together.wait()
            return ask()

        with ThreadPoolExecutor(len(asks)) as pool:
            return list(pool.map(one, asks))

    def close(self) -> None:
        self._channel.close()


def _settings(**changes: Any) -> Server:
    given = {"max_batch_size": 16, "batch_timeout_micros": 5_000, "max_enqueued_batches": 1000}
    return Server(batching=Batching.model_validate({**given, **changes}))


@pytest.fixture(scope="module")
def client(start: Start, small_models: Path) -> Iterator[Client]:
    client = Client(start(small_models / "signatures", settings=_settings(allowed_batch_sizes=(4, 16))).address)
    yield client
    client.close()


@pytest.fixture(scope="module")
def pairs(start: Start, small_models: Path) -> Iterator[Client]:
    """Two rows make a batch, and a single row waits long for another."""
    settings = _settings(max_batch_size=2, batch_timeout_micros=2_000_000, pad_variable_length_inputs=True)
    client = Client(start(small_models / "signatures", settings=settings).address)
    yield client
    client.close()


def test_every_caller_gets_its_own_rows(client: Client) -> None:
    def ask(caller: int) -> int:
        rows = caller % 3 + 1
        x = np.full((rows, 3), caller, np.float32) + np.arange(rows)[:, None]
        answer = client.good("serving_default", x=(x, "float32"))
        np.testing.assert_allclose(answer.outputs["sum"], 2 * x.sum(1))
        np.testing.assert_allclose(answer.outputs["double"], 2 * x)
        assert rows <= answer.rows <= 16
        return answer.rows

    batches = client.all_at_once([partial(ask, caller) for caller in range(CALLERS)])
    assert max(batches) > 3, "nobody shared a batch"


@pytest.mark.parametrize(
    ("changes", "most"),
    [
        ({"max_execution_batch_size": 4}, 4),
        ({"max_execution_batch_size": 4, "allowed_batch_sizes": (2, 4)}, 4),
        ({}, 16),
    ],
    ids=["4 of 16", "2 or 4 of 16", "as large as a batch"],
)
def test_large_requests_are_split_and_put_together_again(
    start: Start, small_models: Path, changes: dict[str, Any], most: int
) -> None:
    settings = _settings(enable_large_batch_splitting=True, **changes)
    client = Client(start(small_models / "signatures", settings=settings).address)

    def ask(caller: int) -> int:
        rows = caller % 16 + 1
        x = np.arange(3.0 * rows).reshape(rows, 3) + 100 * caller
        answer = client.good("serving_default", x=(x, "float32"))
        np.testing.assert_allclose(answer.outputs["sum"], 2 * x.sum(1))
        np.testing.assert_allclose(answer.outputs["double"], 2 * x)
        return answer.rows

    assert max(client.all_at_once([partial(ask, caller) for caller in range(CALLERS)])) <= most
    assert ask(15) <= most
    too_large = client.ask("serving_default", x=(np.zeros((17, 3)), "float32"))
    assert isinstance(too_large, Bad)
    assert too_large.status == INVALID_ARGUMENT
    client.close()


def test_a_full_queue_refuses_a_split_request_whole_and_spoils_no_other(start: Start, small_models: Path) -> None:
    changes = {"max_execution_batch_size": 2, "max_enqueued_batches": 3, "num_batch_threads": 1}
    settings = _settings(enable_large_batch_splitting=True, **changes)
    client = Client(start(small_models / "signatures", settings=settings).address)

    def ask(caller: int) -> bool:
        x = np.arange(3.0 * (caller % 5 + 1)).reshape(-1, 3) + 100 * caller
        answer = client.ask("serving_default", x=(x, "float32"))
        if isinstance(answer, Bad):
            assert answer.status == UNAVAILABLE, answer
            return False
        np.testing.assert_allclose(answer.outputs["sum"], 2 * x.sum(1))
        return True

    answered = [good for _ in range(20) for good in client.all_at_once([partial(ask, n) for n in range(CALLERS)])]
    assert any(answered)
    assert not all(answered), "nothing was refused: the queue is too long for this test"
    client.close()


def test_a_models_own_python_functions_are_refused_by_name(start: Start, small_models: Path) -> None:
    for settings in (Server(), _settings()):
        with pytest.raises(InvalidRunError, match="PyFunc cannot be served") as caught:
            start(small_models / "python", settings=settings)
        assert "numpy_function" in caught.value.remedy


def test_strings_through_a_loop_a_row(client: Client) -> None:
    def ask(caller: int) -> None:
        text = [b"x" * (caller + 1), b"row of %d" % caller]
        answer = client.good("mapped", text=(text, "string"))
        assert answer.outputs["upper"].tolist() == [word.upper() for word in text]
        assert answer.outputs["length"].tolist() == [len(word) for word in text]

    client.all_at_once([partial(ask, caller) for caller in range(CALLERS)])


def test_the_example_ranker(start: Start, ranking_models: RankingModels) -> None:
    client = Client(start(ranking_models.v1, settings=_settings(max_batch_size=64)).address)
    alone = Client(start(ranking_models.v1).address)
    rng = np.random.default_rng(3)
    payloads = [
        {
            "item_ids": (rng.integers(0, 10_000, (rows, 20)), "int64"),
            "dense": (rng.normal(size=(rows, 16)).astype(np.float32), "float32"),
            "country": ([rng.choice([b"US", b"DE", b"??"]) for _ in range(rows)], "string"),
        }
        for rows in rng.integers(1, 9, CALLERS)
    ]
    asks = [partial(client.good, "serving_default", **payload) for payload in payloads]
    for payload, answer in zip(payloads, client.all_at_once(asks), strict=True):
        expected = alone.good("serving_default", **payload)
        for name, value in expected.outputs.items():
            np.testing.assert_allclose(answer.outputs[name], value, rtol=1e-4, atol=1e-6)
    client.close()
    alone.close()


def test_rows_of_unequal_length_are_filled_with_their_own_first_value(pairs: Client) -> None:
    short, long = pairs.all_at_once(
        [
            lambda: pairs.good("long", v=([[7, 8]], "float32"), text=([[b"a"]], "string")),
            lambda: pairs.good("long", v=([[1, 2, 3, 4]], "float32"), text=([[b"b", b"c"]], "string")),
        ]
    )
    assert short.outputs["v"].tolist() == [[7, 8, 7, 7]]
    assert short.outputs["text"].tolist() == [b"a|a"]
    assert long.outputs["v"].tolist() == [[1, 2, 3, 4]]
    assert long.outputs["text"].tolist() == [b"b|c"]
    assert short.rows == long.rows == 2


def test_an_empty_row_cannot_be_filled(pairs: Client) -> None:
    answers = pairs.all_at_once([partial(pairs.ask, "wide", v=(np.ones((1, length)), "float32")) for length in (0, 2)])
    assert set(answers) == {Bad(INVALID_ARGUMENT, "Got empty tensor in batch of non-empty tensors.")}


def test_rows_of_unequal_length_need_the_setting(client: Client) -> None:
    asks = [partial(client.ask, "wide", v=(np.ones((2, length)), "float32")) for length in (1, 2)]
    for _ in range(20):  # until both are in one batch
        answers = client.all_at_once(asks)
        if all(isinstance(answer, Bad) for answer in answers):
            break
    assert {answer.status for answer in answers} == {FAILED_PRECONDITION}
    assert "_v:0' from different tasks have different shapes" in answers[0].words


def test_stage_times_tell_queue_and_batch(pairs: Client) -> None:
    alone = pairs.good("serving_default", x=([[1, 2, 3]], "float32"))
    assert alone.rows == 1
    assert alone.queue_ms > 1500, "it waited for another until the time-out"
    assert alone.execute_ms < 500
    full = pairs.good("serving_default", x=(np.ones((2, 3)), "float32"))
    assert full.rows == 2
    assert full.queue_ms < 1000


def test_padding_to_an_allowed_size_is_not_counted(client: Client) -> None:
    answer = client.good("serving_default", x=(np.ones((3, 3)), "float32"))
    assert answer.rows == 3
    assert answer.outputs["sum"].shape == (3,)


def test_a_request_larger_than_a_batch_is_refused(client: Client) -> None:
    answer = client.ask("serving_default", x=(np.ones((17, 3)), "float32"))
    assert isinstance(answer, Bad)
    assert answer.status == INVALID_ARGUMENT
    assert answer.words.startswith("Task size 17 is larger than maximum input batch size 16")


def test_outputs_that_are_no_batch_are_an_error(client: Client) -> None:
    scalar = client.ask("whole", x=([1, 2], "float32"))
    assert scalar == Bad(FAILED_PRECONDITION, "Batched output tensor has 0 dimensions")
    one = client.ask("summed", x=([1, 2], "float32"))
    assert isinstance(one, Bad)
    assert one.status == FAILED_PRECONDITION
    assert "0th dimension does not equal the sum of the 0th dimension sizes" in one.words


def test_inputs_with_unequal_rows_are_an_error(client: Client) -> None:
    answer = client.ask("pair", a=(np.ones((2, 2)), "float32"), b=([1, 2, 3], "int64"))
    assert answer == Bad(INVALID_ARGUMENT, "Batching Run() input tensors must have equal 0th-dimension size")


def test_errors_of_the_graph_reach_all_of_the_batch(pairs: Client) -> None:
    answers = pairs.all_at_once([partial(pairs.ask, "fail", x=([x], "float32")) for x in (1.0, 99.0)])
    for answer in answers:
        assert answer.status == INVALID_ARGUMENT
        assert "too much" in answer.words
        assert "Detected at node" not in answer.words


def test_what_has_a_fixed_first_dimension_runs_by_itself(client: Client, pairs: Client) -> None:
    assert client.good("fixed", x=([1, 2], "float32")).outputs["y"].tolist() == [2, 4]
    assert pairs.good("scalar", s=(3, "float32")).outputs["t"] == 6


def test_no_rows_at_all(client: Client) -> None:
    answer = client.good("serving_default", x=(np.ones((0, 3)), "float32"))
    assert answer.outputs["double"].shape == (0, 3)


def test_a_full_queue_is_unavailable(start: Start, small_models: Path) -> None:
    settings = _settings(max_batch_size=1, num_batch_threads=1, max_enqueued_batches=1, batch_timeout_micros=0)
    client = Client(start(small_models / "signatures", settings=settings).address)
    many = [b"x" * 20] * 1
    answers = [
        answer
        for _ in range(5)
        for answer in client.all_at_once([lambda: client.ask("mapped", text=(many, "string"))] * 16)
    ]
    client.close()
    refused = [answer for answer in answers if isinstance(answer, Bad)]
    assert refused
    assert {answer.status for answer in refused} == {UNAVAILABLE}
    assert refused[0].words.startswith("The batch scheduling queue to which this task was submitted is full")
    assert len(refused) < len(answers)
