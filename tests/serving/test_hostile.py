"""The embedded server outlives a hostile client: random bytes, false lengths, wrong tensors, broken connections."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from benchmarks.hostile.campaign import Plan, limited, run, send_alone
from benchmarks.hostile.messages import bomb, valid_request
from perfgate.scenario.schema import Server
from perfgate.serving.embedded.launch import EmbeddedForkServer, EmbeddedReplica
from perfgate.serving.interface import ReplicaSpec

if TYPE_CHECKING:
    from tests.conftest import RankingModels

pytestmark = [pytest.mark.live, pytest.mark.slow]

_NAME = "ranker"
_GROWTH_MB = 3_000
"""A million elements are 50,000 rows of the model: a GiB of activations, some of which malloc keeps."""
_RESOURCE_EXHAUSTED, _INVALID_ARGUMENT = 8, 3


@pytest.fixture(scope="module")
def server(ranking_models: RankingModels, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedReplica]:
    parent = EmbeddedForkServer(os.environ, tmp_path_factory.mktemp("hostile") / "log", huge_pages=True)
    try:
        replica = parent.start(ReplicaSpec("server", ranking_models.v1, ("serve",), "", Server(), model_name=_NAME))
        with limited(replica.pid, 2 * _GROWTH_MB):
            yield replica
    finally:
        parent.stop()


@pytest.fixture(scope="module")
def valid(ranking_models: RankingModels) -> bytes:
    return valid_request(ranking_models.v1, _NAME)


def test_every_case_gets_a_status_and_the_server_lives_on(server: EmbeddedReplica, valid: bytes) -> None:
    found = run(server.address, server.pid, valid, Plan(seed=1, cases=1000, connections=150))
    assert found.faults == []
    server.ensure_alive()
    assert found.memory[-1].rss_peak_mb - found.memory[0].rss_mb < _GROWTH_MB


def test_an_input_that_claims_too_much_is_refused(server: EmbeddedReplica, valid: bytes) -> None:
    status, words = send_alone(server.address, bomb(valid, 2 << 30))
    assert status in {_INVALID_ARGUMENT, _RESOURCE_EXHAUSTED}, words
    server.ensure_alive()
