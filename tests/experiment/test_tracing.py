"""Rounds of traced executions on fake servers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perfgate.errors import InvalidRunError
from perfgate.experiment.servers import LiveReplica
from perfgate.experiment.tracing import (
    ROUNDS,
    TRACED_REPLICAS,
    TracedVisit,
    executed_graphs,
    traced_replicas,
    traced_rounds,
)
from perfgate.serving.fake import FakeReplica
from perfgate.trials import Arm
from tests.explain.graphs import spec
from tests.explain.measured import OUTSIDE_MS, TRACING, Version
from tests.explain.traceable import Clock, bench_of, live_replicas, plan_of, servers

OLD = Version([spec("out", "Softmax", "x", T="float32")], ms={"out": 0.7})
NEW = Version([spec("out", "Softmax", "x", T="float32")], ms={"out": 1.7})
PLAN = plan_of(replicas=3)
VISIT_S = (1.0 + 2.0) / 2 * (1 + TRACING) / 1e3


def _replicas(clock: Clock) -> tuple[LiveReplica, ...]:
    return live_replicas(PLAN, {Arm.BASELINE: OLD, Arm.CANDIDATE: NEW}, clock)


def _rounds(
    directory: Path, end_s: float, requests: tuple[int, ...] = (0, 1, 2)
) -> tuple[list[tuple[TracedVisit, ...]], list[tuple[int, int, bool]]]:
    """Return the rounds, and what the servers were asked for after the warm-up."""
    clock = Clock()
    replicas = _replicas(clock)
    rounds = list(traced_rounds(replicas, requests, bench_of(PLAN, clock), end_s, directory))
    return rounds, servers(replicas)[0].log[len(replicas) :]


def test_each_round_visits_each_replica_once_in_changing_order(tmp_path: Path) -> None:
    rounds, log = _rounds(tmp_path, end_s=10)
    orders = [tuple((visit.arm, visit.replica) for visit in each) for each in rounds]
    slots = sorted((slot.arm, slot.replica) for slot in PLAN.slots)
    assert all(sorted(order) == slots for order in orders)
    assert len(set(orders)) > 10
    assert len(log) == sum(map(len, rounds))


def test_all_replicas_of_a_round_get_the_same_request_and_each_comes_once_a_cycle(tmp_path: Path) -> None:
    rounds, log = _rounds(tmp_path, end_s=10, requests=(0, 2, 3))
    requests = [{visit.request for visit in each} for each in rounds]
    assert {len(each) for each in requests} == {1}
    in_order = [each.pop() for each in requests]
    for cycle in range(len(in_order) // 3):
        assert sorted(in_order[3 * cycle : 3 * cycle + 3]) == [0, 2, 3]
    assert {request for _, request, _ in log} == {0, 2, 3}, "requests that are left out are never executed"


def test_which_execution_comes_first_alternates(tmp_path: Path) -> None:
    rounds, log = _rounds(tmp_path, end_s=10)
    first = [log[number * len(PLAN.slots)][2] for number in range(len(rounds))]
    assert first == [number % 2 == 1 for number in range(len(rounds))]
    assert Counter(first) == {False: ROUNDS // 2, True: ROUNDS // 2}


@pytest.mark.parametrize(("end_s", "count"), [(-1.0, 2), (0.0, 2), (4.5, 4), (5.5, 5), (1e9, ROUNDS)])
def test_rounds_end_when_there_is_no_time_for_another(tmp_path: Path, end_s: float, count: int) -> None:
    """At least two and at most 60; the end is given in rounds here, from when the replicas are warm."""
    one_s = VISIT_S * len(PLAN.slots)
    rounds, _ = _rounds(tmp_path, (1 + end_s) * one_s)
    assert len(rounds) == count


def test_a_visit_is_an_execution_without_its_waiting_and_a_traced_one(tmp_path: Path) -> None:
    rounds, _ = _rounds(tmp_path, end_s=0)
    for visit in (visit for each in rounds for visit in each):
        own_ms = (1.7 if visit.arm is Arm.CANDIDATE else 0.7) + OUTSIDE_MS
        assert (visit.own_ms, visit.cpu_ms, visit.traced_ms) == pytest.approx((own_ms, own_ms, own_ms * TRACING))
        assert visit.run_metadata
    starts = [visit.start_s for each in rounds for visit in each]
    assert starts == sorted(starts)
    assert starts[0] > 0


def test_each_replica_is_warmed_up_once_with_a_file_of_its_own(tmp_path: Path) -> None:
    clock = Clock()
    replicas = _replicas(clock)
    plan = replace(PLAN, at_once=2)
    rounds = traced_rounds(replicas, (2, 1), replace(bench_of(plan, clock)), 0.0, tmp_path)
    next(rounds)
    pids = [pid for pid, _, _ in servers(replicas)[0].log[: len(replicas)]]
    assert sorted(pids) == sorted(each.pid for each in servers(replicas))
    assert {(request, first) for _, request, first in servers(replicas)[0].log[: len(replicas)]} == {(2, True)}
    assert [file.name for file in tmp_path.iterdir()] == ["steps.pb"], "those of the warm-up are gone"


def test_a_server_that_dies_ends_the_rounds_with_its_reason(tmp_path: Path) -> None:
    clock = Clock()
    replicas = _replicas(clock)
    servers(replicas)[2].dies_after = 3
    with pytest.raises(InvalidRunError, match="died"):
        list(traced_rounds(replicas, (0,), bench_of(PLAN, clock), 10.0, tmp_path))


def test_the_first_six_replicas_of_each_arm_are_traced() -> None:
    plan = plan_of(replicas=9)
    replicas = live_replicas(plan, dict.fromkeys(Arm, OLD), Clock())
    chosen = traced_replicas(replicas)
    assert Counter(live.slot.arm for live in chosen) == dict.fromkeys(Arm, TRACED_REPLICAS)
    assert all(live.slot.start_position < 2 * TRACED_REPLICAS for live in chosen)


def test_none_is_traced_where_one_cannot_be() -> None:
    replicas = _replicas(Clock())
    plain = FakeReplica(9, 1.0, np.random.default_rng(9))
    assert traced_replicas((*replicas[:-1], replace(replicas[-1], server=plain))) == ()


def test_graphs_are_those_of_each_arms_first_replica(tmp_path: Path) -> None:
    replicas = _replicas(Clock())
    servers(replicas, Arm.CANDIDATE)[0].requests = (1, 3)
    for arm in Arm:
        servers(replicas, arm)[1].breaks = "asked for nothing"
    graphs = executed_graphs(replicas, tmp_path)
    assert graphs[Arm.BASELINE].run_metadata == OLD.executed().run_metadata
    assert graphs[Arm.CANDIDATE].run_metadata == NEW.executed().run_metadata
    assert (graphs[Arm.CANDIDATE].found.requests, graphs[Arm.CANDIDATE].found.left_out) == ((1, 3), 2)
