"""Target `in_process` beyond the contract: batches, and requests that do not fit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest

from perfgate.errors import InvalidRunError
from perfgate.loadgen.in_process import InProcessDriver
from perfgate.loadgen.interface import ClosedLoop, OpenLoop
from perfgate.model.interface import Model
from perfgate.model.saved_model import open_model
from perfgate.payload.record import record_scenario
from perfgate.scenario.schema import Batching, Scenario, Server
from perfgate.serving.in_process import InProcessLauncher, InProcessReplica
from perfgate.serving.interface import ReplicaSpec
from perfgate.trials import Call, Method

if TYPE_CHECKING:
    from tests.conftest import RankingModels

pytestmark = pytest.mark.live

INVALID_ARGUMENT = 3


@pytest.fixture(scope="module")
def model(ranking_models: RankingModels, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return open_model(str(ranking_models.v1), tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def replica(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcessReplica]:
    launcher = InProcessLauncher(os.environ, tmp_path_factory.mktemp("log") / "log", huge_pages=True)
    settings = Server(batching=Batching(max_batch_size=64, batch_timeout_micros=20_000))
    try:
        yield launcher.start(ReplicaSpec("candidate server", model.path, model.tags, "serving_default", settings))
    finally:
        launcher.stop()


def test_calls_that_are_due_together_share_a_batch(model: Model, replica: InProcessReplica) -> None:
    calls = record_scenario(model, Scenario(), 0).cycle
    requests = InProcessDriver(replica, 30.0).drive(calls, OpenLoop(np.zeros(32)))
    assert not requests.status.any()
    assert requests.stages is not None
    assert requests.stages.batch_size.max() > 8  # rows of one request
    assert np.all(requests.stages.queue_ms >= 0)


def test_a_request_that_does_not_fit_is_an_answer_alone_and_ends_a_series(replica: InProcessReplica) -> None:
    driver = InProcessDriver(replica, 30.0)
    for call, words in ((Call(b"\xff"), "no message of Predict"), (Call(b"", Method.CLASSIFY), "ModelSpec")):
        answer = driver.call(call)
        assert (answer.status, answer.body) == (INVALID_ARGUMENT, b"")
        assert words in answer.message
        with pytest.raises(InvalidRunError, match=f"candidate server cannot make the calls: .*{words}"):
            driver.drive((call,), ClosedLoop(in_flight=1, requests=1))
    replica.ensure_alive()
