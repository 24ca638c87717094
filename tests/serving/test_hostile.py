"""The embedded server survives a hostile client: random bytes, false lengths, wrong tensors, broken connections."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from benchmarks.hostile.campaign import Campaign, limited, send_alone
from benchmarks.hostile.messages import bomb, valid_requests
from perfgate.scenario.schema import Server
from perfgate.serving.embedded import EmbeddedForkServer, EmbeddedReplica
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
        replica = parent.start(_spec(ranking_models))
        with limited(replica.pid, 4 * _GROWTH_MB):
            yield replica
    finally:
        parent.stop()


def _spec(models: RankingModels) -> ReplicaSpec:
    return ReplicaSpec("server", models.v1, ("serve",), "", Server(), model_name=_NAME, rest_port=0)


@pytest.fixture(scope="module")
def valid(ranking_models: RankingModels) -> tuple[bytes, bytes]:
    return valid_requests(ranking_models.v1, _NAME)


def test_every_case_gets_a_status_and_the_server_lives_on(server: EmbeddedReplica, valid: tuple[bytes, bytes]) -> None:
    campaign = Campaign(server.subject, server.address, valid[0], seed=1)
    campaign.messages(400)
    campaign.connections(100)
    campaign.rest(server.rest_address, f"/v1/models/{_NAME}:predict", valid[1], 100)
    server.ensure_alive()
    found = campaign.findings
    assert found.faults == []
    assert found.memory[-1].rss_peak_mb - found.memory[0].rss_mb < _GROWTH_MB


def test_an_input_that_claims_too_much_is_refused(server: EmbeddedReplica, valid: tuple[bytes, bytes]) -> None:
    status, words = send_alone(server.address, bomb(valid[0], 2 << 30))
    assert status in {_INVALID_ARGUMENT, _RESOURCE_EXHAUSTED}, words
    server.ensure_alive()
