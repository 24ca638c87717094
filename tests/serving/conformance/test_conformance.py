"""Requests with known answers of TF-Serving, sent to perfgate's server, and to TF-Serving if it is installed."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from google.protobuf import text_format

from perfgate.loadgen.engine import GrpcDriver
from perfgate.model.messages import (
    ClassificationRequest,
    ClassificationResponse,
    PredictRequest,
    PredictResponse,
    RegressionRequest,
    RegressionResponse,
)
from perfgate.model.tensors import decode
from perfgate.serving.ports import free_ports
from perfgate.trials import Call, Method
from tests.serving.conformance import grpc_cases, rest_bad, rest_case, rest_good
from tests.serving.conftest import Rest

if TYPE_CHECKING:
    from perfgate.serving.embedded import EmbeddedReplica

pytestmark = pytest.mark.live

_TF_SERVING = shutil.which("tensorflow_model_server")
_TYPES = {
    Method.PREDICT: (PredictRequest, PredictResponse),
    Method.CLASSIFY: (ClassificationRequest, ClassificationResponse),
    Method.REGRESS: (RegressionRequest, RegressionResponse),
}
_STARTS_WITHIN_S = 60.0


class Served(NamedTuple):
    """Address of one served model."""

    rest: Rest
    grpc_address: str


@pytest.fixture(scope="session", params=["perfgate", *(["tensorflow_model_server"] if _TF_SERVING else [])])
def servers(
    request: pytest.FixtureRequest,
    signatures: EmbeddedReplica,
    graph: EmbeddedReplica,
    small_models: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Served]]:
    """Serve both models, as `small`, version 3 with the labels of the cases."""
    if request.param == "perfgate":
        own = {"signatures": signatures, "graph": graph}
        yield {name: Served(Rest(each.rest_address), each.address) for name, each in own.items()}
        return
    running = []
    try:
        served = {}
        for name in ("signatures", "graph"):
            base = tmp_path_factory.mktemp(name)
            (base / "3").symlink_to(small_models / name)
            config = base / "models.config"
            labels = 'version_labels { key: "stable" value: 3 } version_labels { key: "canary" value: 4 }'
            model = f'name: "small" base_path: "{base}" model_platform: "tensorflow" {labels}'
            config.write_text(f"model_config_list {{ config {{ {model} }} }}")
            ports = free_ports("127.0.0.1", 2)
            where = f"--port={ports[0]}", f"--rest_api_port={ports[1]}", f"--model_config_file={config}"
            command = [str(_TF_SERVING), *where, "--allow_version_labels_for_unavailable_models"]
            running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            served[name] = Served(Rest(f"127.0.0.1:{ports[1]}"), f"127.0.0.1:{ports[0]}")
        for each in served.values():
            _wait_for(each.rest)
        yield served
    finally:
        for process in running:
            process.kill()
            process.wait()


def _wait_for(rest: Rest) -> None:
    until_s = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < until_s:
        try:
            if "AVAILABLE" in rest.ask("GET", "/v1/models/small").body.decode():
                return
        except OSError:
            pass
        time.sleep(0.2)
    pytest.fail("TF-Serving did not come up")


def test_there_are_at_least_120_each_with_its_source() -> None:
    every: list[rest_case.Case | grpc_cases.Case] = [*rest_good.GOOD, *rest_bad.BAD, *grpc_cases.CASES]
    assert len(every) >= 120
    assert all(case.source.startswith(("tensorflow_serving/", "tensorflow/")) for case in every)
    assert len({(type(case), case.name) for case in every}) == len(every)


@pytest.mark.parametrize("case", [*rest_good.GOOD, *rest_bad.BAD], ids=lambda case: case.name)
def test_rest(servers: dict[str, Served], case: rest_case.Case) -> None:
    body = case.body.encode() if isinstance(case.body, str) else case.body
    sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    reply = servers[case.model].rest.ask(case.method, f"/v1/models/{case.path}", sent)
    if case.words:
        assert reply.status == case.status, reply.body
        assert case.words in reply.error
    else:
        assert reply.status == 200, reply.body
        assert _comparable(reply.json) == _comparable(case.answer)


def _comparable(value: Any) -> Any:
    """Make NaN equal to itself."""
    if isinstance(value, dict):
        return {key: _comparable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_comparable(each) for each in value]
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


@pytest.mark.parametrize("case", grpc_cases.CASES, ids=lambda case: case.name)
def test_grpc(servers: dict[str, Served], case: grpc_cases.Case) -> None:
    asked, answered = _TYPES[case.method]
    call = Call(text_format.Parse(case.text, asked()).SerializeToString(), case.method)
    with GrpcDriver(servers[case.model].grpc_address) as driver:
        answer = driver.call(call)
    assert answer.status == case.status, answer.message
    assert case.words in answer.message
    if case.outputs is None:
        return
    response = answered.FromString(answer.body)
    if case.method is Method.PREDICT:
        assert {name: decode(proto).tolist() for name, proto in response.outputs.items()} == case.outputs
    else:
        text = text_format.MessageToString(response.result)
        assert all(f"{name}: {value}" in text for name, value in case.outputs.items()), text


def test_answers_of_both_protocols_are_one(servers: dict[str, Served]) -> None:
    text = f"{grpc_cases.spec()} {grpc_cases.given('x', 'float_val: 0.1', (1, 1))}"
    with GrpcDriver(servers["graph"].grpc_address) as driver:
        body = driver.call(Call(text_format.Parse(text, PredictRequest()).SerializeToString())).body
    (over_grpc,) = PredictResponse.FromString(body).outputs.values()
    over_rest = servers["graph"].rest.predict({"signature_name": "half_plus_two", "instances": [[0.1]]}).json
    np.testing.assert_array_equal(decode(over_grpc), np.array(over_rest["predictions"], np.float32))
