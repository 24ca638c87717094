"""The engine on a fake of Ray: what real nodes need minutes for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from perfgate.fleet import ray_engine
from perfgate.fleet.engine import Ended, Order
from perfgate.fleet.ray_engine import RayEngine
from perfgate.protocols.ray_cluster import Cluster

ORDER = Order("order", ("run", "m"), "/", {}, "/log", 1, 60.0)
ENDED = Ended("order", "n1 (aaaaaaaa)", (0,), 1.0, 2.0, 0)


class RayError(Exception):
    pass


class NodeDiedError(RayError):
    pass


@dataclass(eq=False)
class Replies:
    """What a task yields: each is there as soon as it is in the list."""

    said: list[Any] = field(default_factory=list)

    def __next__(self) -> Any:
        return self.said.pop(0)


@dataclass
class FakeRay:
    nodes_alive: dict[str, bool] = field(default_factory=lambda: {"aaaa": True, "bbbb": True})
    tasks: list[Replies] = field(default_factory=list)
    cancelled: list[Replies] = field(default_factory=list)
    exceptions: Any = field(default_factory=lambda: SimpleNamespace(RayError=RayError))

    def remote(self, _: object) -> Any:
        return self

    def options(self, **options: Any) -> Any:
        assert (options["num_returns"], options["max_retries"]) == ("streaming", 0)

        def placed(_: Order) -> Replies:
            self.tasks.append(Replies())
            return self.tasks[-1]

        return SimpleNamespace(remote=placed)

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {"NodeID": name, "Alive": alive, "NodeManagerAddress": name, "Resources": {"CPU": 1.0}}
            for name, alive in self.nodes_alive.items()
        ]

    def wait(self, replies: list[Replies], num_returns: int, timeout: float) -> tuple[list[Replies], list[Replies]]:  # noqa: ARG002 - Ray's interface
        ready = [each for each in replies if each.said]
        return ready[:num_returns], [each for each in replies if each not in ready[:num_returns]]

    def get(self, said: Any) -> Any:
        if isinstance(said, Exception):
            raise said
        return said

    def cancel(self, replies: Replies, *, force: bool) -> None:
        assert not force
        self.cancelled.append(replies)
        replies.said.append(type("TaskCancelledError", (RayError,), {})())


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    found = FakeRay()

    @contextmanager
    def connected(*_: object) -> Iterator[Cluster]:
        yield Cluster(found, "aaaa", "aaaa")

    monkeypatch.setattr(ray_engine, "connected", connected)
    monkeypatch.setattr(ray_engine, "_LOOK_EVERY_S", 0.0)
    return found


@pytest.fixture
def engine(fake: FakeRay) -> RayEngine:  # noqa: ARG001 - it is what the engine connects to
    return RayEngine(None, {})


def lost(engine: RayEngine) -> str:
    (ended,) = engine.wait(0.0)
    assert (ended.order_id, ended.exit_code) == ("order", None)
    assert engine.wait(0.0) == (), "said once"
    return ended.lost


def test_a_task_says_where_it_runs_and_then_how_it_ended(engine: RayEngine, fake: FakeRay) -> None:
    engine.start(ORDER)
    assert engine.wait(0.0) == ()
    fake.tasks[0].said.append("bbbb")
    assert engine.wait(0.0) == ()
    fake.tasks[0].said.append(ENDED)
    assert engine.wait(0.0) == (ENDED,)
    assert engine.wait(0.0) == ()


def test_a_node_that_is_cut_off_loses_its_task_as_soon_as_the_cluster_gives_it_up(
    engine: RayEngine, fake: FakeRay
) -> None:
    """Ray's own error comes after its keepalive: five minutes, and two for an answer."""
    engine.start(ORDER)
    fake.tasks[0].said.append("bbbb")
    assert engine.wait(0.0) == ()
    fake.nodes_alive["bbbb"] = False
    assert lost(engine) == "its node died"
    assert fake.cancelled == fake.tasks


def test_a_task_that_has_not_begun_waits_while_a_node_can_take_it(engine: RayEngine, fake: FakeRay) -> None:
    engine.start(ORDER)
    fake.nodes_alive["bbbb"] = False
    assert engine.wait(0.0) == ()
    fake.nodes_alive["aaaa"] = False
    assert lost(engine) == "no node of the cluster has 1 core"


@pytest.mark.parametrize(
    ("error", "why"),
    [(NodeDiedError("a page of text"), "its node died"), (RayError("out\nof  luck"), "RayError: out of luck")],
)
def test_what_ray_says_of_a_lost_task_is_one_line(error: Exception, why: str, engine: RayEngine, fake: FakeRay) -> None:
    engine.start(ORDER)
    fake.tasks[0].said.append(error)
    assert lost(engine) == why


def test_stopping_cancels_what_runs_and_waits_for_its_end(engine: RayEngine, fake: FakeRay) -> None:
    engine.start(ORDER)
    fake.tasks[0].said.append("aaaa")
    engine.stop()
    assert fake.cancelled == fake.tasks
    assert fake.tasks[0].said == [], "all was read"
