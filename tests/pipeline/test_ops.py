"""The lane of traced executions: blocks of trials, and when it is skipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from perfgate.experiment.servers import LiveReplica
from perfgate.experiment.tracing import ROUNDS, TracedVisit
from perfgate.explain.traces import compare_graphs
from perfgate.pipeline.ops import PASSING_S, OpsLane, block_of
from perfgate.pipeline.trace import trace
from perfgate.serving.fake import FakeReplica
from perfgate.trials import Arm, Block, Conditions, Depth, Lane, State
from tests.explain.graphs import spec
from tests.explain.measured import OUTSIDE_MS, Version
from tests.explain.traceable import Clock, bench_of, live_replicas, plan_of, servers

OLD = Version([spec("a", "Exp", "x", T="float32"), spec("out", "Softmax", "a", T="float32")])
ADDED = Version(
    [spec("a", "Exp", "x", T="float32"), spec("b", "Sin", "a", T="float32"), spec("out", "Softmax", "b", T="float32")]
)
CALM = Conditions(0.0, 0.0)


def _columns(rows: Mapping[str, float], new: Version = ADDED) -> np.ndarray:
    """Return the times of all units of `OLD` and another version, by the operations' names."""
    compared = compare_graphs({Arm.BASELINE: OLD.executed(), Arm.CANDIDATE: new.executed()})
    return np.array([rows.get(compared.node(unit).name, 0.0) for unit in compared.units])


def _visit(arm: Arm, replica: int, own_ms: float, start_s: float = 0.0) -> TracedVisit:
    return TracedVisit(arm, replica, 5, start_s, own_ms, 0.9 * own_ms, 1.1 * own_ms, b"")


def _block(visits: list[TracedVisit], rows: Sequence[Mapping[str, float]], new: Version = ADDED) -> Block:
    compared = compare_graphs({Arm.BASELINE: OLD.executed(), Arm.CANDIDATE: new.executed()})
    return block_of(3, visits, [_columns(each, new) for each in rows], compared, CALM)


def test_a_trial_takes_what_the_baseline_takes_and_its_own_changed_operations() -> None:
    """What both versions have is taken from the baseline's median visit of the round (its error: test_ops_error)."""
    visits = [_visit(Arm.BASELINE, 0, 2.0, 7.5), _visit(Arm.BASELINE, 1, 2.2, 7.0), _visit(Arm.BASELINE, 2, 9.0, 7.2)]
    slow = [_visit(Arm.CANDIDATE, 3, 3.9, 7.1), _visit(Arm.CANDIDATE, 4, 2.5, 7.3)]
    rows = [{"a": 1.0}, {"a": 1.2}, {"a": 8.0}, {"a": 2.0, "b": 0.3}, {"a": 1.0, "b": 0.4}]
    block = _block([*visits, *slow], rows)
    times = [float(trial.requests.service_ms[0]) for trial in block.trials]
    assert (times[1], *times[3:]) == pytest.approx((2.2, 2.5, 2.6))
    assert [trial.replica for trial in block.trials] == [0, 1, 2, 3, 4]
    assert (block.lane, block.depth, block.index, block.start_s) == (Lane.COST, Depth.OPS, 3, 7.0)
    assert block.wall_s == pytest.approx(2.1 * (2.0 + 2.2 + 9.0 + 3.9 + 2.5) / 1e3)
    first = block.trials[0]
    assert (first.state, first.block, first.payload, first.driver_cpu_ms) == (State.COLD, 3, 5, 0.0)
    assert (first.cpu_ms, float(first.requests.response_ms[0])) == pytest.approx((1.8, 2.2))
    assert block.conditions is CALM


def test_removed_operations_are_the_baselines_own() -> None:
    compared = compare_graphs({Arm.BASELINE: ADDED.executed(), Arm.CANDIDATE: OLD.executed()})
    removed = next(n for n, unit in enumerate(compared.units) if compared.node(unit).name == "b")
    rows = np.zeros((2, len(compared.units)))
    rows[0, removed] = 0.5
    visits = [_visit(Arm.BASELINE, 0, 2.0), _visit(Arm.CANDIDATE, 1, 1.2)]
    block = block_of(0, visits, list(rows), compared, CALM)
    assert [float(trial.requests.service_ms[0]) for trial in block.trials] == pytest.approx([2.0, 1.5])


def test_times_stay_positive_where_operations_overlap() -> None:
    """Traced operations may take longer than the whole execution without tracing; ratios need positive numbers."""
    compared = compare_graphs({Arm.BASELINE: ADDED.executed(), Arm.CANDIDATE: OLD.executed()})
    rows = np.full((2, len(compared.units)), 3.0)
    rows[1] = 0.0
    block = block_of(0, [_visit(Arm.BASELINE, 0, 2.0), _visit(Arm.CANDIDATE, 1, 2.0)], list(rows), compared, CALM)
    assert all(trial.requests.service_ms[0] > 0 for trial in block.trials)


@dataclass(frozen=True)
class Taken:
    lane: OpsLane
    blocks: list[Block]
    replicas: tuple[LiveReplica, ...]
    seconds: float

    @property
    def rounds(self) -> int:
        assert self.lane.traced is not None
        return len(self.lane.traced.trace.visits) // len(self.replicas)


def _take(
    directory: Path, new: Version, most_s: float = 15.0, *, failing: bool = False, asked: bool = False, breaks: str = ""
) -> Taken:
    clock, plan, blocks, lane = Clock(100.0), plan_of(replicas=2), list[Block](), OpsLane()
    replicas = live_replicas(plan, {Arm.BASELINE: OLD, Arm.CANDIDATE: new}, clock)
    servers(replicas, Arm.CANDIDATE)[0].breaks = breaks
    bench = bench_of(plan, clock, began_s=100.0)
    lane.take(replicas, bench, directory, blocks.append, most_s, failing=failing, asked=asked)
    return Taken(lane, blocks, replicas, clock() - 100.0)


def test_where_nothing_differs_nothing_is_timed(tmp_path: Path) -> None:
    taken = _take(tmp_path, OLD)
    assert (taken.blocks, taken.rounds, taken.seconds) == ([], 0, 0.0), "not even warmed up"
    assert not taken.lane.problem


def test_where_something_failed_equal_graphs_are_timed_but_give_no_blocks(tmp_path: Path) -> None:
    taken = _take(tmp_path, OLD, failing=True)
    assert taken.blocks == []
    assert taken.rounds == ROUNDS


def test_a_scenario_that_names_the_metric_gets_it_where_nothing_differs_too(tmp_path: Path) -> None:
    taken = _take(tmp_path, OLD, asked=True)
    assert len(taken.blocks) == ROUNDS
    times = {float(trial.requests.service_ms[0]) for block in taken.blocks for trial in block.trials}
    assert list(times) == pytest.approx([0.2 + OUTSIDE_MS])


def test_graphs_that_differ_are_timed_and_each_round_is_a_block(tmp_path: Path) -> None:
    taken = _take(tmp_path, ADDED)
    assert [block.index for block in taken.blocks] == list(range(ROUNDS))
    for block in taken.blocks:
        times = {arm: [t.requests.service_ms[0] for t in block.trials if t.arm is arm] for arm in Arm}
        assert times[Arm.BASELINE] == pytest.approx([0.2 + OUTSIDE_MS] * 2)
        assert times[Arm.CANDIDATE] == pytest.approx([0.3 + OUTSIDE_MS] * 2)
    assert {trial.payload for block in taken.blocks for trial in block.trials} == {0, 1, 2}


def test_a_run_in_which_nothing_failed_takes_at_most_four_seconds(tmp_path: Path) -> None:
    short = replace(ADDED, ms={"a": 16.0, "b": 16.0})
    quick, thorough = (_take(tmp_path, short, failing=each, most_s=12.0) for each in (False, True))
    assert 2 < quick.rounds < thorough.rounds == ROUNDS
    assert quick.seconds < PASSING_S < thorough.seconds
    brief = _take(tmp_path, short, most_s=1.0)
    assert brief.seconds < 1.0 + 0.3, "nor longer than it may"


def test_a_server_that_cannot_be_traced_spoils_no_run(tmp_path: Path) -> None:
    taken = _take(tmp_path, ADDED, breaks="no sessions here")
    assert (taken.lane.problem, taken.lane.traced, taken.blocks) == ("no sessions here. Mend it", None, [])


def test_a_server_that_dies_leaves_the_blocks_before(tmp_path: Path) -> None:
    plan, clock, blocks, lane = plan_of(replicas=2), Clock(), list[Block](), OpsLane()
    replicas = live_replicas(plan, {Arm.BASELINE: OLD, Arm.CANDIDATE: ADDED}, clock)
    servers(replicas)[1].dies_after = 4
    lane.take(replicas, bench_of(plan, clock), tmp_path, blocks.append, 15.0, failing=False)
    assert "died" in lane.problem
    assert len(blocks) == 3


def test_other_servers_are_not_traced(tmp_path: Path) -> None:
    plan, clock = plan_of(replicas=2), Clock()
    replicas = live_replicas(plan, dict.fromkeys(Arm, OLD), clock)
    plain = tuple(replace(live, server=FakeReplica(1, 1.0, np.random.default_rng(1))) for live in replicas)
    assert trace(plain, bench_of(plan, clock), lambda _: 1.0, tmp_path) is None


def test_only_requests_that_both_versions_can_trace_are_executed(tmp_path: Path) -> None:
    plan, clock = plan_of(replicas=2), Clock()
    replicas = live_replicas(plan, {Arm.BASELINE: OLD, Arm.CANDIDATE: ADDED}, clock)
    servers(replicas, Arm.BASELINE)[0].requests = (0, 1)
    servers(replicas, Arm.CANDIDATE)[0].requests = (1, 2, 3)
    found = trace(replicas, bench_of(plan, clock), lambda _: 1.0, tmp_path)
    assert found is not None
    assert {visit.request for visit in found.trace.visits} == {1}
    assert found.left_out == 2
    servers(replicas, Arm.BASELINE)[0].requests = (0,)
    assert trace(replicas, bench_of(plan, clock), lambda _: 1.0, tmp_path) is None


def test_memory_is_read_of_all_servers_before_they_are_traced(tmp_path: Path) -> None:
    plan, clock = plan_of(replicas=8), Clock()
    replicas = live_replicas(plan, {Arm.BASELINE: OLD, Arm.CANDIDATE: ADDED}, clock)
    found = trace(replicas, bench_of(plan, clock), lambda _: 0.0, tmp_path)
    assert found is not None
    assert [arm for arm, _ in found.memory] == [live.slot.arm for live in replicas]
    assert len(found.memory) == 16
