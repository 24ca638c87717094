"""The gRPC API of an embedded server, called with perfgate's own driver and messages."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest

from perfgate.loadgen.engine import GrpcDriver
from perfgate.loadgen.interface import ClosedLoop
from perfgate.model import tensors
from perfgate.model.messages import PredictRequest, PredictResponse
from perfgate.scenario.schema import Server
from perfgate.serving.embedded import EmbeddedForkServer
from perfgate.serving.interface import ReplicaSpec
from perfgate.trials import Call

if TYPE_CHECKING:
    from tests.conftest import RankingModels

pytestmark = pytest.mark.live

OK, INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION, UNIMPLEMENTED = 0, 3, 5, 9, 12
_SERVICE = "/tensorflow.serving.PredictionService"


@pytest.fixture(scope="module")
def address(ranking_models: RankingModels, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    parent = EmbeddedForkServer(os.environ, tmp_path_factory.mktemp("serve") / "log", huge_pages=True)
    try:
        labels = (("stable", 3), ("canary", 4))
        spec = ReplicaSpec(
            "server", ranking_models.v1, ("serve",), "", Server(), model_name="ranker", version=3, labels=labels
        )
        yield parent.start(spec).address
    finally:
        parent.stop()


@pytest.fixture
def driver(address: str) -> Iterator[GrpcDriver]:
    with GrpcDriver(address) as driver:
        yield driver


def _request(batch: int = 2, **changes: Any) -> Any:
    rng = np.random.default_rng(7)
    request = PredictRequest()
    request.model_spec.name = changes.get("name", "ranker")
    request.model_spec.signature_name = changes.get("signature", "serving_default")
    inputs = {
        "item_ids": (rng.integers(0, 10_000, (batch, 20)), "int64"),
        "dense": (rng.normal(size=(batch, 16)).astype(np.float32), "float32"),
        "country": (np.array([b"US"] * batch, dtype=object), "string"),
    } | changes.get("inputs", {})
    for name, value in inputs.items():
        if value is not None:
            request.inputs[name].CopyFrom(tensors.encode(*value))
    return request


def _ask(driver: GrpcDriver, request: Any) -> tuple[int, str]:
    answer = driver.call(Call(request.SerializeToString()))
    return answer.status, answer.message


def test_predict_answers_with_names_shapes_and_version(driver: GrpcDriver) -> None:
    answer = driver.call(Call(_request(batch=5).SerializeToString()))
    assert answer.status == OK, answer.message
    response = PredictResponse.FromString(answer.body)
    assert (response.model_spec.name, response.model_spec.version.value) == ("ranker", 3)
    (output,) = response.outputs.values()
    scores = tensors.decode(output)
    assert scores.shape[0] == 5
    assert np.all(np.isfinite(scores))


def test_an_empty_signature_name_is_the_default(driver: GrpcDriver) -> None:
    assert _ask(driver, _request(signature=""))[0] == OK


def test_each_row_is_answered_by_itself(driver: GrpcDriver) -> None:
    whole = PredictResponse.FromString(driver.call(Call(_request(batch=4).SerializeToString())).body)
    one = _request(batch=4)
    for name, proto in list(one.inputs.items()):
        array = tensors.decode(proto)[2:3]
        dtype = {"item_ids": "int64", "dense": "float32", "country": "string"}[name]
        one.inputs[name].CopyFrom(tensors.encode(array, dtype))
    alone = PredictResponse.FromString(driver.call(Call(one.SerializeToString())).body)
    for name, proto in whole.outputs.items():
        np.testing.assert_allclose(tensors.decode(proto)[2:3], tensors.decode(alone.outputs[name]), rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"name": "other"}, NOT_FOUND, "Servable not found for request: Latest(other)"),
        ({"signature": "nope"}, FAILED_PRECONDITION, 'Serving signature key "nope" not found'),
        ({"inputs": {"dense": None}}, INVALID_ARGUMENT, "Missing but required: {dense}"),
        ({"inputs": {"more": (np.zeros(2), "float64")}}, INVALID_ARGUMENT, "Sent extra: {more}"),
        (
            {"inputs": {"dense": (np.zeros((2, 16)), "float64")}},
            INVALID_ARGUMENT,
            "expected dtype float32, got float64",
        ),
        (
            {"inputs": {"dense": (np.zeros((2, 15), np.float32), "float32")}},
            INVALID_ARGUMENT,
            "Matrix size-incompatible: In[0]: [2,15]",  # the graph's own message: TF-Serving checks no shapes
        ),
        ({"inputs": {"dense": (np.zeros((3, 16), np.float32), "float32")}}, INVALID_ARGUMENT, ""),
    ],
    ids=["model", "signature", "missing", "extra", "dtype", "shape", "batch sizes differ"],
)
def test_bad_requests_get_tf_servings_status(
    driver: GrpcDriver, changes: dict[str, Any], status: int, words: str
) -> None:
    answered, said = _ask(driver, _request(**changes))
    assert answered == status
    assert words in said


def test_a_version_that_is_not_served_is_not_found(driver: GrpcDriver) -> None:
    request = _request()
    request.model_spec.version.value = 4
    assert _ask(driver, request) == (NOT_FOUND, "Servable not found for request: Specific(ranker, 4)")


def test_no_model_spec_is_an_invalid_argument(driver: GrpcDriver) -> None:
    assert _ask(driver, PredictRequest()) == (INVALID_ARGUMENT, "Missing ModelSpec")


def test_output_filter_chooses_and_checks(driver: GrpcDriver) -> None:
    request = _request()
    (name,) = PredictResponse.FromString(driver.call(Call(request.SerializeToString())).body).outputs
    request.output_filter.append(name)
    assert _ask(driver, request)[0] == OK
    request.output_filter.append(name)
    assert _ask(driver, request) == (INVALID_ARGUMENT, "duplicate output tensor alias")
    request.output_filter[:] = ["nope"]
    assert _ask(driver, request)[0] == INVALID_ARGUMENT


@pytest.mark.parametrize("garbage", [b"\xff\xff\xff", b"\x0a\x7f", bytes(range(256))])
def test_bytes_that_are_no_message_leave_the_server_alive(driver: GrpcDriver, garbage: bytes) -> None:
    assert driver.call(Call(garbage)).status != OK
    assert _ask(driver, _request())[0] == OK


def test_a_shape_that_lies_is_refused(driver: GrpcDriver) -> None:
    request = _request()
    request.inputs["dense"].tensor_shape.dim[0].size = 1 << 40
    status, words = _ask(driver, request)
    assert status == INVALID_ARGUMENT
    assert "cannot reshape array of size 32" in words


def test_a_few_bytes_that_ask_for_a_lot_of_memory_are_refused(driver: GrpcDriver) -> None:
    request = _request()
    dense = request.inputs["dense"]
    dense.tensor_content = b""
    dense.float_val.append(1.0)
    dense.tensor_shape.dim[0].size = 1 << 21  # of 16 floats each: 128 MiB
    status, words = _ask(driver, request)
    assert status == INVALID_ARGUMENT
    assert "given by 1 values and larger than 64 MiB" in words
    request = _request()
    country = request.inputs["country"]
    country.tensor_shape.dim[0].size = 1 << 22
    status, words = _ask(driver, request)
    assert status == INVALID_ARGUMENT
    assert "given by 2 values and larger than 64 MiB" in words


def test_metadata_and_status_follow_the_model(address: str) -> None:
    spec = PredictRequest()
    spec.model_spec.name = "ranker"  # field 1 of GetModelMetadataRequest and GetModelStatusRequest as well
    message = spec.SerializeToString()
    field = b"\x12\x0dsignature_def"  # GetModelMetadataRequest.metadata_field
    with GrpcDriver(address, method=f"{_SERVICE}/GetModelMetadata") as metadata:
        answer = metadata.call(Call(message + field))
        assert answer.status == OK
        assert b"serving_default" in answer.body
        assert metadata.call(Call(message)).status == INVALID_ARGUMENT
    with GrpcDriver(address, method="/tensorflow.serving.ModelService/GetModelStatus") as status:
        assert status.call(Call(message)).status == OK
        spec.model_spec.name = "other"
        assert status.call(Call(spec.SerializeToString())).status == NOT_FOUND


@pytest.mark.parametrize(
    "method",
    [
        "/tensorflow.serving.ModelService/HandleReloadConfigRequest",
        "/tensorflow.serving.SessionService/SessionRun",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ],
)
def test_what_is_not_offered_says_so(address: str, method: str) -> None:
    with GrpcDriver(address, method=method) as driver:
        assert driver.call(Call(b"")).status == UNIMPLEMENTED


def test_health_is_offered(address: str) -> None:
    with GrpcDriver(address, method="/grpc.health.v1.Health/Check") as health:
        assert health.call(Call(b"")).body == b"\x08\x01"  # SERVING


def test_many_in_flight_are_all_answered(address: str) -> None:
    with GrpcDriver(address) as driver:
        calls = [Call(_request(batch=batch).SerializeToString()) for batch in (1, 2, 8)]
        requests = driver.drive(calls, ClosedLoop(in_flight=8, requests=60))
    assert requests.status.size == 60
    assert not requests.status.any()


def test_good_answers_carry_their_stage_times_and_errors_none(address: str) -> None:
    with grpc.insecure_channel(address) as channel:
        predict = channel.unary_unary(f"{_SERVICE}/Predict", lambda message: message.SerializeToString(), None)
        _, call = predict.with_call(_request(batch=5), timeout=10)
        (timing,) = (value for key, value in call.trailing_metadata() if key == "server-timing")
        with pytest.raises(grpc.RpcError) as caught:
            predict(_request(name="other"), timeout=10)
    found = re.fullmatch(r"queue;dur=(\S+), execute;dur=(\S+), encode;dur=(\S+), batch;desc=5", str(timing))
    assert found
    queue_ms, execute_ms, encode_ms = map(float, found.groups())
    assert min(queue_ms, execute_ms, encode_ms) >= 0
    assert execute_ms > 0.05
    assert not caught.value.trailing_metadata()


@pytest.mark.parametrize(
    ("label", "status", "words"),
    [
        ("stable", OK, ""),
        ("canary", NOT_FOUND, "Servable not found for request: Specific(ranker, 4)"),
        ("nope", INVALID_ARGUMENT, "Unrecognized servable version label: nope"),
    ],
)
def test_a_label_stands_for_a_version(driver: GrpcDriver, label: str, status: int, words: str) -> None:
    version_label = bytes([0x22, len(label), *label.encode()])  # field 4 of ModelSpec, merged with what was sent
    answer = driver.call(Call(_request().SerializeToString() + bytes([0x0A, len(version_label)]) + version_label))
    assert (answer.status, answer.message) == (status, words)


def test_a_model_without_a_name_is_an_invalid_argument(driver: GrpcDriver) -> None:
    assert _ask(driver, _request(name="")) == (INVALID_ARGUMENT, "ModelSpec has no name specified.")
