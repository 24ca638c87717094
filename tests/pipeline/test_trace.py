"""Tracing one version alone: no baseline runs, and nothing differs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from perfgate.experiment.servers import LiveReplica, of_arm
from perfgate.experiment.tracing import TRACED_REPLICAS
from perfgate.explain.profiling import profile_of
from perfgate.pipeline.trace import TracedRun, trace
from perfgate.trials import Arm
from tests.explain.graphs import spec
from tests.explain.measured import OUTSIDE_MS, Version
from tests.explain.traceable import Clock, bench_of, live_replicas, plan_of, servers

ONE = Version([spec("a", "Exp", "x", T="float32"), spec("out", "Softmax", "a", T="float32")], ms={"a": 1.4})


def _traced(
    directory: Path, seconds: float = 5.0, replicas: int = 3, arm: Arm = Arm.CANDIDATE
) -> tuple[TracedRun | None, tuple[LiveReplica, ...]]:
    plan, clock = plan_of(replicas=replicas), Clock()
    live = of_arm(live_replicas(plan, dict.fromkeys(Arm, ONE), clock), arm)
    return trace(live, bench_of(plan, clock), lambda _: seconds, directory), live


@pytest.mark.parametrize("arm", Arm)
def test_one_arm_is_compared_with_itself(tmp_path: Path, arm: Arm) -> None:
    found, live = _traced(tmp_path, arm=arm)
    assert found is not None
    assert not found.trace.compared.differs.any()
    assert {visit.arm for visit in found.trace.visits} == {arm}
    assert {visit.replica for visit in found.trace.visits} == {each.slot.replica for each in live}
    assert [each for each, _ in found.memory] == [arm] * 3
    profile = profile_of(found.trace.table(), arm)
    assert {op.name: op.ms for op in profile.ops} == pytest.approx({"a": 1.4, "out": 0.1})
    assert profile.execute_ms == pytest.approx(1.5 + OUTSIDE_MS)
    assert (profile.replicas, profile.executions) == (3, len(found.trace.visits))
    assert set(found.tensors) == set(found.steps) == set(Arm)


def test_no_more_servers_are_traced_than_of_two_arms(tmp_path: Path) -> None:
    found, live = _traced(tmp_path, replicas=10)
    assert found is not None
    assert len({visit.replica for visit in found.trace.visits}) == TRACED_REPLICAS < len(live)


def test_only_requests_of_all_graphs_are_traced(tmp_path: Path) -> None:
    found, live = _traced(tmp_path)
    assert found is not None
    assert {visit.request for visit in found.trace.visits} == {0, 1, 2}
    assert (found.requests, found.left_out) == (3, 1)
    assert all(each.executions for each in servers(live))


def test_without_time_only_the_graph_is_read(tmp_path: Path) -> None:
    found, _ = _traced(tmp_path, seconds=0.0)
    assert found is not None
    assert found.trace.visits == []
    assert len(found.trace.compared.units) > 0


def test_servers_that_cannot_be_traced_are_none(tmp_path: Path) -> None:
    plan, clock = plan_of(replicas=2), Clock()
    live = of_arm(live_replicas(plan, dict.fromkeys(Arm, ONE), clock), Arm.CANDIDATE)
    for server in servers(live):
        server.requests = ()
    assert trace(live, bench_of(plan, clock), lambda _: 5.0, tmp_path) is None
    assert trace((), bench_of(plan, clock), lambda _: 5.0, tmp_path) is None
    untraceable = tuple(replace(each, server=object()) for each in live)  # type: ignore[arg-type]
    assert trace(untraceable, bench_of(plan, clock), lambda _: 5.0, tmp_path) is None
