from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from perfgate.errors import InvalidRunError
from perfgate.experiment.lanes import Bench, blocks, place_of, traffic_of
from perfgate.experiment.plan import Plan, Segment, make_plan
from perfgate.experiment.servers import LiveReplica
from perfgate.loadgen.arrivals import digest
from perfgate.loadgen.fake import FakeDriver
from perfgate.loadgen.interface import ClosedLoop, OpenLoop
from perfgate.observe.fake import FakeMachineAccounts, FakeProcessAccounts
from perfgate.scenario.schema import Load, Scenario
from perfgate.serving.fake import FakeReplica
from perfgate.trials import Arm, Call, Depth, Lane, Requests, State, Usage

BOTH = (Arm.BASELINE, Arm.CANDIDATE)
LOAD = Segment(Lane.LOAD, Depth.REQUEST, 1e-6)


@dataclass
class Tick:
    """A clock that advances by a millisecond at each reading."""

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


class Preparing(FakeDriver):
    """Prepares each series for 40 readings of the clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock

    def drive(self, calls: Sequence[Call], load: ClosedLoop | OpenLoop, first_call: int = 0) -> Requests:
        for _ in range(40):
            self._clock()
        self.idle_s += 40e-3
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
    plan = _plan(Load(arrivals="constant", rate_rps=3))  # the last arrival of a slice leaves much of it unused
    bench = _bench(plan)
    for block in blocks(Segment(Lane.LOAD, Depth.REQUEST, 5.0), _replicas(plan, bench.clock), bench):
        assert all(trial.memory is not None for trial in block.trials)
        assert all(trial.wall_s == plan.turn_s for trial in block.trials)


def test_time_without_load_is_no_part_of_a_turn() -> None:
    plan = _plan(Load(in_flight=2))
    bench = _bench(plan)
    replicas = _replicas(plan, bench.clock)
    (before,) = blocks(LOAD, replicas, bench)
    slow = tuple(replace(live, driver=Preparing(bench.clock)) for live in replicas)
    (block,) = blocks(LOAD, slow, bench)

    assert [each.wall_s for each in block.trials] == pytest.approx([each.wall_s for each in before.trials])


def test_memory_is_read_in_the_first_block_and_seldom_after() -> None:
    plan = _plan()
    bench = _bench(plan)
    found = list(blocks(Segment(Lane.COST, Depth.EXECUTE, 0.5), _replicas(plan, bench.clock), bench))
    assert all(trial.memory is not None for trial in found[0].trials)
    assert all(trial.memory is None for block in found[1:] for trial in block.trials)


def test_a_single_request_is_all_that_a_visit_sends() -> None:
    plan = _plan()
    bench = _bench(plan)
    replicas = _replicas(plan, bench.clock)
    found = list(blocks(Segment(Lane.COST, Depth.REQUEST, 1e-6), replicas, bench))
    assert {trial.state for block in found for trial in block.trials} == {State.COLD}
    assert all(trial.requests.status.size == 1 for block in found for trial in block.trials)
    assert all(trial.unrecorded == 0 for block in found for trial in block.trials)
    places = [place_of(block, 2, plan.seed) for block in (0, 1)]
    assert [first for _, first in replicas[0].driver.loads] == places  # type: ignore[attr-defined]


def test_payloads_take_turns_in_random_order_each_once_a_cycle() -> None:
    places = [place_of(block, 16, 7) for block in range(48)]
    cycles = [places[begin : begin + 16] for begin in (0, 16, 32)]
    assert all(sorted(cycle) == list(range(16)) for cycle in cycles)
    assert len({tuple(cycle) for cycle in (*cycles, list(range(16)))}) == 4
    assert places == [place_of(block, 16, 7) for block in range(48)]
    assert places != [place_of(block, 16, 8) for block in range(48)]


def test_all_replicas_of_a_block_get_the_same_arrivals() -> None:
    plan = _plan(Load(arrivals="poisson", rate_rps=200))
    bench = _bench(plan)
    found = list(blocks(Segment(Lane.LOAD, Depth.REQUEST, 0.04), _replicas(plan, bench.clock), bench))
    for block in found:
        schedules = {tuple(trial.requests.scheduled_s) for trial in block.trials}
        assert len(schedules) == 1
        scheduled = traffic_of(LOAD, block.index, plan)
        assert isinstance(scheduled, OpenLoop)
        assert schedules.pop() == tuple(scheduled.instants_s)
        assert block.schedule == digest(scheduled.instants_s)
    assert len({block.schedule for block in found}) == len(found) == 2


@pytest.mark.parametrize(
    "load",
    [
        Load(arrivals="gamma", rate_rps=100, cv=3),
        Load(arrivals="ramp", from_rps=10, to_rps=200),
        Load(arrivals="steps", steps_rps=(10, 200)),
    ],
)
def test_the_plans_seed_and_the_block_fix_the_arrivals(load: Load) -> None:
    def drawn(seed: int, block: int) -> tuple[float, ...]:
        traffic = traffic_of(LOAD, block, make_plan(Scenario(load=load), BOTH, seed, replicas=2))
        assert isinstance(traffic, OpenLoop)
        return tuple(traffic.instants_s)

    assert drawn(1, 0) == drawn(1, 0)
    assert len({drawn(1, 0), drawn(1, 1), drawn(2, 0), drawn(2, 1)}) == 4


def test_a_closed_loop_is_driven_for_a_turn_with_its_think_time_and_has_no_schedule() -> None:
    plan = _plan(Load(in_flight=3, think_time_s=0.1, turn_s=0.7))
    assert traffic_of(LOAD, 0, plan) == ClosedLoop(3, duration_s=0.7, think_time_s=0.1)
    bench = _bench(plan)
    found = list(blocks(LOAD, _replicas(plan, bench.clock), bench))
    assert {block.schedule for block in found} == {None}


def test_the_load_lane_can_visit_only_the_first_pairs() -> None:
    plan = make_plan(Scenario(load=Load(replicas=2)), BOTH, seed=3, replicas=4)
    bench = _bench(plan)
    replicas = _replicas(plan, bench.clock)
    for block in blocks(LOAD, replicas, bench):
        assert sorted(trial.replica for trial in block.trials) == [0, 1, 2, 3]
        assert sorted(trial.arm for trial in block.trials) == [Arm.BASELINE] * 2 + [Arm.CANDIDATE] * 2
    cost = next(blocks(Segment(Lane.COST, Depth.REQUEST, 1e-6), replicas, bench))
    assert sorted(trial.replica for trial in cost.trials) == list(range(8))


def test_the_load_lane_counts_what_the_server_used() -> None:
    @dataclass
    class Counting(FakeProcessAccounts):
        looks: int = 0

        def usage(self) -> Usage:
            self.looks += 1
            return Usage(voluntary_switches=10.0 * self.looks, throttled_ms=5.0, gpu_memory_mb=100.0 * self.looks)

    plan = _plan()
    bench = _bench(plan)
    replicas = [replace(live, observer=Counting(bench.clock)) for live in _replicas(plan, bench.clock)]
    block = next(blocks(LOAD, replicas, bench))
    for usage in (trial.usage for trial in block.trials):
        assert usage is not None
        assert (usage.voluntary_switches, usage.throttled_ms, usage.gpu_memory_mb) == (10.0, 0.0, 200.0)
        assert np.isnan(usage.minor_faults)
    assert next(blocks(Segment(Lane.COST, Depth.REQUEST, 1e-6), replicas, bench)).trials[0].usage is None


def test_executions_follow_the_cycle_and_know_their_class() -> None:
    plan = _plan()
    bench = _bench(plan)
    calls, order = (Call(b"a"), Call(b"b", kind=1), Call(b"a")), (0, 1, 0)
    replicas = [replace(live, calls=calls, order=order) for live in _replicas(plan, bench.clock)]
    found = blocks(Segment(Lane.COST, Depth.EXECUTE, 1.0), replicas, bench)
    kinds = [next(found).trials[0].requests.kind for _ in range(3)]
    assert [None if kind is None else kind.tolist() for kind in kinds] == [None, [1], None]


def test_a_turn_begins_with_another_payload_than_the_one_before_it_even_where_one_comes_often() -> None:
    plan = _plan()
    bench = _bench(plan)
    calls, order = (Call(b"a"), Call(b"b"), Call(b"a"), Call(b"a")), (0, 1, 0, 0)
    replicas = [replace(live, calls=calls, order=order) for live in _replicas(plan, bench.clock)]
    list(blocks(Segment(Lane.LOAD, Depth.REQUEST, 1e-6), replicas, bench))
    pairs = [first for _, first in replicas[0].driver.loads]  # type: ignore[attr-defined]
    assert len(pairs) >= 2
    for unrecorded, recorded in zip(pairs[::2], pairs[1::2], strict=True):
        assert calls[unrecorded % 4] != calls[recorded % 4]


def test_the_load_lane_alternates_the_arms() -> None:
    plan = _plan()
    bench = _bench(plan)
    for block in blocks(Segment(Lane.LOAD, Depth.REQUEST, 1e-6), _replicas(plan, bench.clock), bench):
        arms = [trial.arm for trial in block.trials]
        assert {arms[0], arms[1]} == {arms[2], arms[3]} == set(BOTH)


@pytest.mark.parametrize("depth", [Depth.EXECUTE, Depth.REQUEST])
def test_a_server_that_dies_ends_the_run(depth: Depth) -> None:
    plan = _plan()
    bench = _bench(plan)
    replicas = _replicas(plan, bench.clock, dies_after=0 if depth is Depth.REQUEST else 3)
    with pytest.raises(InvalidRunError, match="died"):
        list(blocks(Segment(Lane.COST, depth, 10.0), replicas, bench))


@pytest.mark.parametrize(
    ("lane", "depth"), [(Lane.COST, Depth.EXECUTE), (Lane.COST, Depth.REQUEST), (Lane.LOAD, Depth.REQUEST)]
)
def test_every_request_of_a_visit_is_in_the_trial_or_counted(lane: Lane, depth: Depth) -> None:
    plan = _plan()
    bench, spied = _bench(plan), _replicas(plan, lambda: 0.0)
    found = next(blocks(Segment(lane, depth, 1e-6), spied, bench))
    for trial in found.trials:
        (live,) = (one for one in spied if one.slot.replica == trial.replica)
        assert isinstance(live.driver, Spy)
        before = [load.requests for load, _ in live.driver.loads[:-1] if isinstance(load, ClosedLoop)]
        assert trial.unrecorded == sum(number or 0 for number in before)


def test_a_round_under_load_is_given_in_two_parts_of_whole_pairs() -> None:
    plan = make_plan(Scenario(load=Load(arrivals="poisson", rate_rps=200)), tuple(Arm), seed=1, replicas=12)
    bench = _bench(plan)
    first, second = list(blocks(Segment(Lane.LOAD, Depth.REQUEST, 1e-6), _replicas(plan, bench.clock), bench))
    assert first.index == second.index == 0
    assert len(first.trials) == len(second.trials) == 12
    assert first.schedule == second.schedule
    for part in (first, second):
        pairs = zip(part.trials[::2], part.trials[1::2], strict=True)
        assert all({a.arm, b.arm} == {*Arm} and a.replica // 2 == b.replica // 2 for a, b in pairs)
