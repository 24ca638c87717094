"""The engine on a real Ray cluster: a head without CPUs and two nodes on this machine, 20 s for all tests together."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from perfgate.fleet.engine import Ended, Order
from perfgate.fleet.ray_engine import RayEngine
from tests.conftest import RankingModels

pytestmark = [
    pytest.mark.live,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),  # Ray's own processes
]
ray_cluster = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed")
NODE = {"num_cpus": 1, "object_store_memory": 80 << 20}


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    made = ray_cluster.Cluster(initialize_head=True, head_node_args={**NODE, "num_cpus": 0, "include_dashboard": False})
    made.workers = [made.add_node(**NODE, resources={name: 1}) for name in ("first", "second")]
    yield made
    made.shutdown()


@pytest.fixture
def engine(nodes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RayEngine]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))  # the nodes' perfgate is this one
    found = RayEngine(nodes.address, {**os.environ, "TMPDIR": str(tmp_path)})
    yield found
    found.stop()


def order(tmp_path: Path, *arguments: str, cores: int = 1, **others: Any) -> Order:
    name = str(len(list(tmp_path.glob("*.log"))))
    (tmp_path / f"{name}.log").touch()
    log, environ = str(tmp_path / f"{name}.log"), {"PYTHONPATH": str(Path(__file__).parents[2])}
    return Order(name, arguments, str(tmp_path), environ, log, cores, 60.0, **others)


def wait(engine: RayEngine, seconds: float = 60.0) -> Ended:
    end_s = time.monotonic() + seconds
    while not (found := engine.wait(0.5)):
        assert time.monotonic() < end_s
    return found[0]


def serving(tmp_path: Path) -> list[psutil.Process]:
    """Return the measurements of this test that run: here, `perfgate serve`, which never ends."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        command = process.info["cmdline"] or []
        if "serve" in command and process.info["cwd"] == str(tmp_path):
            found.append(process)
    return found


def until(what: Any, seconds: float = 30.0) -> None:
    end_s = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end_s
        time.sleep(0.1)


def test_an_order_runs_on_a_node_and_its_ending_comes_back(engine: RayEngine, tmp_path: Path) -> None:
    engine.start(order(tmp_path, "--version"))
    found = wait(engine)
    assert (found.exit_code, found.lost, len(found.cpus)) == (0, "", 1)
    assert found.node.startswith(os.uname().nodename)
    assert found.began_s <= found.ended_s
    engine.start(order(tmp_path, "run", "no-such-model"))
    assert wait(engine).exit_code == 2
    assert "no-such-model does not exist" in (tmp_path / "1.log").read_text()


def test_what_no_node_has_is_refused(engine: RayEngine, tmp_path: Path) -> None:
    assert engine.description == "a Ray cluster of 3 nodes"
    assert engine.refusal(order(tmp_path, "run", resources={"first": 1.0})) == ""
    assert engine.refusal(order(tmp_path, "run", cores=2)) == "no node of the cluster has 2 cores"
    both = engine.refusal(order(tmp_path, "run", resources={"first": 1.0, "second": 1.0}))
    assert both == "no node of the cluster has 1 core, 1 first, 1 second"
    assert "MiB" in engine.refusal(order(tmp_path, "run", memory_mib=1e9))


def test_a_full_cluster_has_no_room_and_stopping_it_leaves_nothing(
    engine: RayEngine, tmp_path: Path, ranking_models: RankingModels
) -> None:
    for name in ("first", "second"):
        assert engine.has_room(order(tmp_path, "run"))
        model = str(ranking_models.v1)
        engine.start(order(tmp_path, "serve", model, "--port", "0", resources={name: 1.0}))
    assert not engine.has_room(order(tmp_path, "run"))
    until(lambda: serving(tmp_path))
    engine.stop()
    until(lambda: not serving(tmp_path))


def test_a_node_that_dies_loses_its_measurement_and_ends_it(
    nodes: Any, engine: RayEngine, tmp_path: Path, ranking_models: RankingModels
) -> None:
    engine.start(order(tmp_path, "serve", str(ranking_models.v1), "--port", "0", resources={"second": 1.0}))
    until(lambda: serving(tmp_path))
    nodes.remove_node(nodes.workers[1], allow_graceful=False)
    found = wait(engine)
    assert (found.exit_code, found.lost) == (None, "its node died")
    until(lambda: not serving(tmp_path))
    gone = order(tmp_path, "run", resources={"second": 1.0})
    until(lambda: engine.refusal(gone) == "no node of the cluster has 1 core, 1 second")  # Ray takes some seconds
