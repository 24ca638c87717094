from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from perfgate.errors import InvalidRunError
from perfgate.experiment.fleet import LiveReplica
from perfgate.experiment.lanes import Bench, blocks, instants
from perfgate.experiment.plan import Plan, Segment, make_plan
from perfgate.load.fake import FakeDriver
from perfgate.load.interface import ClosedLoop, OpenLoop
from perfgate.observe.fake import FakeMachineAccounts, FakeProcessAccounts
from perfgate.scenario.schema import Load, Scenario
from perfgate.serving.fake import FakeReplica
from perfgate.trials import Arm, Call, Depth, Lane, Requests, State

BOTH = (Arm.BASELINE, Arm.CANDIDATE)


@dataclass
class Tick:
    """A clock that goes on by a millisecond whenever somebody looks."""

    now_s: float = 0.0

    def __call__(self) -> float:
        self.now_s += 1e-3
        return self.now_s


@dataclass
class Spy(FakeDriver):
    loads: list[tuple[ClosedLoop | OpenLoop, int]] = field(default_factory=list)

    def drive(self, calls: Sequence[Call], load: ClosedLoop | OpenLoop, first_call: int = 0) -> Requests:
        self.loads.append((load, first_call))
        return super().drive(calls, load, first_call)


def _plan(load: Load | None = None) -> Plan:
    return make_plan(Scenario(load=load or Load()), BOTH, seed=3, replicas=2)


def _bench(plan: Plan) -> Bench:
    return Bench(plan, FakeMachineAccounts(), Tick(), np.random.default_rng(1), 0.0)


def _replicas(plan: Plan, clock: Callable[[], float], dies_after: int | None = None) -> tuple[LiveReplica, ...]:
    return tuple(
        LiveReplica(
            slot,
            FakeReplica(slot.replica, 2.0, np.random.default_rng(slot.replica), dies_after),
            Spy(failures={5: 14} if dies_after is not None else {}),
            FakeProcessAccounts(clock),
            (Call(b"a"), Call(b"b")),
            (0, 1),
            first_request_ms=9.0,
        )
        for slot in plan.slots
    )


def test_each_block_visits_each_replica_once_in_changing_order() -> None:
    plan = _plan()
    bench = _bench(plan)
    found = list(blocks(Segment(Lane.COST, Depth.EXECUTE, 0.5), _replicas(plan, bench.clock), bench))
    assert len(found) > 5
    orders = [tuple(trial.replica for trial in block.trials) for block in found]
    assert all(sorted(order) == [0, 1, 2, 3] for order in orders)
    assert len(set(orders)) > 2
    assert [block.index for block in found] == list(range(len(found)))
    trial = found[0].trials[0]
    assert trial.state is State.COLD
    assert trial.requests.service_ms.shape == (1,)
    assert trial.requests.service_ms[0] == pytest.approx(2.0, rel=0.2)
    assert trial.cpu_ms == pytest.approx(0.95 * trial.requests.service_ms[0])


def test_two_blocks_are_measured_however_short_the_time() -> None:
    plan = _plan()
    bench = _bench(plan)
    assert len(list(blocks(Segment(Lane.COST, Depth.EXECUTE, 1e-6), _replicas(plan, bench.clock), bench))) == 2


def test_the_load_lane_reads_memory_at_each_visit_and_counts_idle_ends() -> None:
    plan = _plan(Load(arrivals="constant", rate_rps=3))  # the last arrival of a slice leaves much of it idle
    bench = _bench(plan)
    for block in blocks(Segment(Lane.LOAD, Depth.REQUEST, 5.0), _replicas(plan, bench.clock), bench):
        assert all(trial.memory is not None for trial in block.trials)
        assert all(trial.wall_s == plan.slice_s for trial in block.trials)


def test_memory_is_read_in_the_first_block_and_seldom_after() -> None:
    plan = _plan()
    bench = _bench(plan)
    found = list(blocks(Segment(Lane.COST, Depth.EXECUTE, 0.5), _replicas(plan, bench.clock), bench))
    assert all(trial.memory is not None for trial in found[0].trials)
    assert all(trial.memory is None for block in found[1:] for trial in block.trials)


def test_a_request_is_recorded_after_an_unrecorded_one_with_another_payload() -> None:
    plan = _plan()
    bench = _bench(plan)
    replicas = _replicas(plan, bench.clock)
    found = list(blocks(Segment(Lane.COST, Depth.REQUEST, 1e-6), replicas, bench))
    assert {trial.state for block in found for trial in block.trials} == {State.WARM}
    assert all(trial.requests.status.size == 1 for block in found for trial in block.trials)
    assert [first for _, first in replicas[0].driver.loads] == [1, 0, 2, 1]  # type: ignore[attr-defined]


def test_all_replicas_of_a_block_get_the_same_arrivals() -> None:
    plan = _plan(Load(arrivals="poisson", rate_rps=200))
    bench = _bench(plan)
    found = list(blocks(Segment(Lane.LOAD, Depth.REQUEST, 1e-6), _replicas(plan, bench.clock), bench))
    for block in found:
        schedules = {tuple(trial.requests.scheduled_s) for trial in block.trials}
        assert len(schedules) == 1
        assert schedules.pop() == tuple(instants(plan, block.index))
    assert not np.array_equal(instants(plan, 0), instants(plan, 1))


def test_the_load_lane_alternates_the_arms() -> None:
    plan = _plan()
    bench = _bench(plan)
    for block in blocks(Segment(Lane.LOAD, Depth.REQUEST, 1e-6), _replicas(plan, bench.clock), bench):
        arms = [trial.arm for trial in block.trials]
        assert {arms[0], arms[1]} == {arms[2], arms[3]} == set(BOTH)


@pytest.mark.parametrize("depth", list(Depth))
def test_a_server_that_dies_ends_the_run(depth: Depth) -> None:
    plan = _plan()
    bench = _bench(plan)
    replicas = _replicas(plan, bench.clock, dies_after=0 if depth is Depth.REQUEST else 3)
    with pytest.raises(InvalidRunError, match="died"):
        list(blocks(Segment(Lane.COST, depth, 10.0), replicas, bench))
