"""Other people's exports load, answer over gRPC and REST, and execute in the server, by their own signatures."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from perfgate.errors import ExitCode, UsageError
from perfgate.experiment.setup import arm_requests, arm_setups
from perfgate.loadgen.endpoint import ServerAddress
from perfgate.loadgen.interface import ClosedLoop
from perfgate.loadgen.workers import open_driver
from perfgate.model.saved_model import open_model
from perfgate.scenario.schema import Scenario
from perfgate.trials import Arm
from tests.serving.conftest import Start

pytestmark = [pytest.mark.live, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[3]
TEXTS = {"texts": {"vocabulary": ["오늘은날씨가참좋다", "아버지가방에들어가신다"]}}
EXAMPLES = """{"age": 31.5, "city": "Bern"}\n{"age": [44.0], "city": ["Ulm"]}\n"""


def measures(start: Start, model_path: Path, tmp_path: Path, **given: Any) -> None:
    """Send a server the scenario's requests, in every way that a run does."""
    scenario = Scenario.model_validate(given)
    models = {Arm.CANDIDATE: open_model(str(model_path), tmp_path / "cache")}
    requests = Path(tempfile.mkdtemp(dir=tmp_path))
    setup = arm_setups(models, arm_requests(models, scenario), scenario, requests)[Arm.CANDIDATE]
    spec = setup.spec
    server = start(spec.model_path, signature=spec.signature, requests_dir=spec.requests_dir, model_name="default")
    protocol = scenario.target.protocol
    with open_driver(ServerAddress(server.address, rest_address=server.rest_address, protocol=protocol)) as driver:
        calls = setup.calls
        if driver.call(calls[0]).status and setup.by_columns:
            calls = setup.by_columns()
        first = driver.call(calls[0])
        assert not first.status, first.message
        done = driver.drive(calls, ClosedLoop(in_flight=2, requests=40))
        assert done.status.tolist() == [0] * 40
    assert server.execute(0).wall_ms > 0


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_three_versions_of_a_text_model(start: Start, quickspacer: Path, tmp_path: Path, protocol: str) -> None:
    for version in (1, 2, 3):
        path = tmp_path / str(version)
        path.mkdir()
        payload = {"inputs": TEXTS}
        measures(start, quickspacer / str(version), path, payload=payload, target={"protocol": protocol})


def test_the_newest_version_is_compared_with_the_one_before(quickspacer: Path, tmp_path: Path) -> None:
    scenario = tmp_path / "spaces.toml"
    scenario.write_text(f"[payload.inputs]\ntexts = {{ vocabulary = {json.dumps(TEXTS['texts']['vocabulary'])} }}\n")
    command = [sys.executable, "-m", "perfgate", "compare", str(quickspacer / "2"), str(quickspacer), "--json"]
    command += ["--scenario", str(scenario), "--replicas", "2", "--budget", "2s", "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=ROOT)
    assert done.returncode in {ExitCode.PASS, ExitCode.FAIL, ExitCode.INCONCLUSIVE}, done.stderr
    result = json.loads(done.stdout)
    assert [result["models"][arm]["version"] for arm in ("baseline", "candidate")] == [2, 3]
    assert {"execute_ms", "service_mean_ms"} <= {each["metric"] for each in result["judgement"]["metrics"]}


def test_a_keras_file_is_exported_and_measured(start: Start, sleepecg: Path, tmp_path: Path) -> None:
    payload = {"batch_size": 2, "inputs": {"input_layer": {"shape": [2, 30, 36]}}}
    measures(start, sleepecg, tmp_path, payload=payload)


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
@pytest.mark.parametrize("method", ["classify", "regress"])
def test_an_estimators_export_takes_examples(
    start: Start, old_exports: Path, tmp_path: Path, method: str, protocol: str
) -> None:
    file = tmp_path / "examples.jsonl"
    file.write_text("".join(f'{{"examples": [{line}]}}\n' for line in EXAMPLES.splitlines()))
    signature = {"classify": "serving_default", "regress": "regression"}[method]
    payload = {"source": "json", "file": str(file), "signature": signature, "method": method}
    measures(start, old_exports / "estimator", tmp_path, payload=payload, target={"protocol": protocol})


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_a_frozen_graph_with_a_scalar_placeholder(
    start: Start, old_exports: Path, tmp_path: Path, protocol: str
) -> None:
    payload = {"inputs": {"keep_prob": {"low": 0.5, "high": 1.0}}}
    measures(start, old_exports / "frozen", tmp_path, payload=payload, target={"protocol": protocol})


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_a_counter_without_a_default_signature(start: Start, old_exports: Path, tmp_path: Path, protocol: str) -> None:
    target = {"protocol": protocol}
    measures(start, old_exports / "counter", tmp_path, payload={"signature": "incr_counter_by"}, target=target)
    with pytest.raises(UsageError) as caught:
        measures(start, old_exports / "counter", tmp_path, target=target)
    assert "get_counter, incr_counter_by" in caught.value.remedy


def test_a_signature_without_inputs_is_answered_over_grpc_alone(
    start: Start, old_exports: Path, tmp_path: Path
) -> None:
    """`http_rest_api_handler.cc` requires an input map."""
    measures(start, old_exports / "counter", tmp_path, payload={"signature": "get_counter"})
    asked: dict[str, Any] = {"payload": {"signature": "get_counter"}, "target": {"protocol": "rest"}}
    with pytest.raises(AssertionError, match="Failed to get input map for signature: get_counter"):
        measures(start, old_exports / "counter", tmp_path, **asked)
