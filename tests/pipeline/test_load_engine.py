from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest

from perfgate.baseline.numbers import StoredBaseline
from perfgate.errors import UsageError
from perfgate.loadgen import ray_workers
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.load_engine import workers_of
from perfgate.pipeline.options import Options
from perfgate.protocols import ray_cluster
from perfgate.scenario.schema import Load, Scenario, Target
from perfgate.serving.endpoint_url import parse_endpoint
from perfgate.trials import Subject

OPTIONS = Options((), None, None, None, None, None, None, None, None, False, True, False)  # noqa: FBT003
ON_RAY = replace(OPTIONS, engine="ray", address="10.0.0.5:6379")
SERVERS = {parse_endpoint("grpc://10.0.0.7:8500,10.0.0.8:8500/m"): (Subject(None), Subject(None))}


def comparison(kind: str = "embedded") -> Comparison:
    target = Target.model_validate({"kind": kind})
    return Comparison(Scenario(load=Load(workers=2), target=target), {}, "digest", SERVERS)


@dataclass
class FakeRayWorkers:
    """Stands in for `RayWorkers`, and keeps what happened."""

    cluster: Any
    avoid: tuple[str, ...]
    happened: ClassVar[list[Any]] = []

    def start(self, number: int) -> tuple[Any, ...]:
        self.happened.append((self.cluster.address, number, self.avoid))
        return (object(),) * number

    def stop(self) -> None:
        self.happened.append("stopped")


@pytest.fixture
def happened(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    @contextmanager
    def connected(address: str | None, environ: Mapping[str, str]) -> Iterator[Any]:
        yield SimpleNamespace(address=address, **environ)
        FakeRayWorkers.happened.append("disconnected")

    FakeRayWorkers.happened.clear()
    monkeypatch.setattr(ray_cluster, "connected", connected)
    monkeypatch.setattr(ray_workers, "RayWorkers", FakeRayWorkers)
    return FakeRayWorkers.happened


def test_load_comes_from_this_machine_unless_asked(happened: list[Any]) -> None:
    with workers_of(comparison(), OPTIONS, {}) as workers:
        assert (len(workers), workers.transport.remote, workers.transport.host) == (2, False, "127.0.0.1")

    assert not happened


def test_workers_of_a_cluster_run_before_anything_is_measured_and_avoid_the_servers(happened: list[Any]) -> None:
    with workers_of(comparison(), ON_RAY, {}):
        assert happened == [("10.0.0.5:6379", 2, ("10.0.0.7", "10.0.0.8"))]

    assert happened[1:] == ["stopped", "disconnected"]


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("embedded", replace(OPTIONS, address="10.0.0.5:6379"), "use it with --engine ray"),
        ("in_process", ON_RAY, "use another target, or --engine local"),
    ],
)
def test_what_cannot_work_is_a_usage_error(kind: str, options: Options, words: str, happened: list[Any]) -> None:
    with pytest.raises(UsageError) as caught, workers_of(comparison(kind), options, {}):
        pass

    assert caught.value.remedy == words
    assert not happened


def test_stored_numbers_are_not_compared_with_load_from_elsewhere(happened: list[Any]) -> None:
    stored = replace(comparison(), stored=cast("StoredBaseline", object()))
    with pytest.raises(UsageError, match="measured with load from one machine"), workers_of(stored, ON_RAY, {}):
        pass

    assert not happened
