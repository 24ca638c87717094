from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from perfgate.errors import UsageError
from perfgate.experiment.plan import (
    lengthened,
    loading_mib,
    make_plan,
    replicas_that_fit,
    size_in_memory_mib,
    start_order,
)
from perfgate.metrics import Source
from perfgate.scenario.schema import Budget, Load, Scenario
from perfgate.trials import Arm, Depth, Lane

BOTH = (Arm.BASELINE, Arm.CANDIDATE)


@pytest.mark.parametrize("replicas", [2, 4, 8, 12, 16])
def test_the_start_order_favours_neither_arm(replicas: int) -> None:
    slots = start_order(BOTH, replicas, parents=2, seed=replicas)
    positions = {arm: [s.start_position for s in slots if s.arm is arm] for arm in BOTH}
    assert len(positions[Arm.BASELINE]) == len(positions[Arm.CANDIDATE]) == replicas
    assert abs(sum(positions[Arm.BASELINE]) - sum(positions[Arm.CANDIDATE])) <= (replicas % 2)
    assert [slot.start_position for slot in slots] == list(range(2 * replicas))
    assert len({slot.replica for slot in slots}) == 2 * replicas


@pytest.mark.parametrize(("replicas", "parents"), [(12, 2), (8, 4), (6, 3)])
def test_each_parent_forks_both_arms_alike(replicas: int, parents: int) -> None:
    slots = start_order(BOTH, replicas, parents, seed=1)
    for parent, arm in itertools.product(range(parents), BOTH):
        assert sum(s.parent == parent and s.arm is arm for s in slots) == replicas // parents


def test_who_starts_first_is_drawn_from_the_seed_and_the_rest_of_the_order_follows() -> None:
    orders = [[slot.arm for slot in make_plan(Scenario(), BOTH, seed, replicas=12).slots] for seed in range(100)]
    baseline_first = sum(order[0] is Arm.BASELINE for order in orders)
    assert 35 <= baseline_first <= 65, "the arms as given would make it 100"
    one, other = (next(order for order in orders if order[0] is arm) for arm in BOTH)
    assert all(order in (one, other) for order in orders)
    assert all(a is not b for a, b in zip(one, other, strict=True)), "swapped as a whole, as balanced as it was"
    assert orders[3] == [slot.arm for slot in make_plan(Scenario(), BOTH, 3, replicas=12).slots]


def test_one_arm_alone_is_a_plan_too() -> None:
    assert {slot.arm for slot in start_order((Arm.CANDIDATE,), 4, 2, seed=1)} == {Arm.CANDIDATE}


def test_segments_share_the_budget() -> None:
    plan = make_plan(Scenario(budget=Budget(measure_s=40, replicas=4)), BOTH, seed=1, replicas=4)
    assert sum(segment.seconds for segment in plan.segments) == pytest.approx(40)
    assert [segment.lane for segment in plan.segments] == [Lane.COST, Lane.COST, Lane.LOAD]
    assert plan.turn_s == pytest.approx(40 * 0.2 / (2 * 8))


def test_what_a_lane_leaves_goes_to_those_after_it_in_proportion() -> None:
    budget = Budget(measure_s=40, execute_share=0.5, request_share=0.2, looks=8)
    _, *left = make_plan(Scenario(budget=budget), BOTH, seed=1, replicas=12).segments
    longer = lengthened(left, 10.0, 16, replicas=12)
    assert [segment.seconds for segment in left] == pytest.approx([8, 12])
    assert [segment.seconds for segment in longer] == pytest.approx([12, 18])
    assert [len(segment.looks) for segment in longer] == [12, 12], "as far apart in seconds as before"
    assert all(segment.looks[-1] == 1 for segment in longer)
    assert [len(segment.looks) for segment in lengthened(left, 200.0, 16, replicas=12)] == [16, 16], "twice at most"
    assert lengthened(left, -0.1, 16, replicas=12) == tuple(left), "a lane that took longer takes nothing from others"
    assert lengthened((), 10.0, 16, replicas=12) == ()


@pytest.mark.parametrize(("replicas", "first"), [(12, 1 / 8), (11, 3 / 8), (4, 3 / 8)])
def test_few_servers_are_not_looked_at_early(replicas: int, first: float) -> None:
    plan = make_plan(Scenario(), BOTH, seed=1, replicas=replicas)
    assert plan.replicas == replicas
    assert {segment.looks[0] for segment in plan.segments} == {first}
    longer = lengthened(plan.segments, 45.0, 16, replicas)
    assert {segment.looks[0] for segment in longer} == {1 / 16 if first < 3 / 8 else first}, "twice as often"


def test_one_look_stays_one_however_long_a_lane_becomes() -> None:
    plan = make_plan(Scenario(budget=Budget(looks=1)), BOTH, seed=1, replicas=12)
    assert [segment.looks for segment in lengthened(plan.segments, 90.0, 2, 12)] == [(1.0,)] * 3


def test_a_lane_without_a_share_is_left_out() -> None:
    budget = Budget(execute_share=1.0, request_share=0.0)
    assert len(make_plan(Scenario(budget=budget), BOTH, 1, 4).segments) == 1


def test_executions_that_a_server_cannot_make_leave_their_time_to_requests() -> None:
    plan = make_plan(Scenario(), BOTH, seed=1, replicas=4, executes=False)
    assert [(s.lane, s.depth) for s in plan.segments] == [(Lane.COST, Depth.REQUEST), (Lane.LOAD, Depth.REQUEST)]
    assert [s.seconds for s in plan.segments] == pytest.approx([0.8 * 45, 0.2 * 45])


def test_turns_have_the_configured_length() -> None:
    def turn_s(**load: Any) -> float:
        return make_plan(Scenario(load=Load(**load)), BOTH, seed=1, replicas=12).turn_s

    steady = {"arrivals": "poisson", "rate_rps": 100}
    assert turn_s(**steady) == 0.5  # 9 s for two turns of 24 servers
    assert turn_s() == pytest.approx(9 / 24)  # in a closed loop, two would be shorter than a quarter of a second
    assert turn_s(replicas=6, **steady) == pytest.approx(9 / 12)  # two would be shorter than half a second
    assert turn_s(replicas=6) == pytest.approx(9 / 24)
    assert turn_s(replicas=3) == pytest.approx(9 / 12)
    assert turn_s(replicas=1) == 2.0
    assert turn_s(replicas=64, **steady) == 0.5  # at most all of them
    assert turn_s(turn_s="30s") == 30


def test_a_turn_replays_a_whole_trace_unless_its_length_is_set(tmp_path: Path) -> None:
    file = tmp_path / "t"
    file.write_text("100\n101\n103\n")
    whole, cut, fast = (
        make_plan(Scenario(load=Load(arrivals="trace", trace=str(file), turn_s=turn_s, speed=speed)), BOTH, 1, 2)
        for turn_s, speed in ((None, 1), (2, 1), (None, 2))
    )
    assert whole.trace_s == (0, 1, 3)
    assert whole.turn_s == pytest.approx(4.5)
    assert cut.turn_s == 2
    assert fast.turn_s == pytest.approx(2.25)
    plain = json.loads(json.dumps(whole.as_dict()))
    assert plain["trace"]["arrivals"] == 3
    assert plain["trace"]["digest"].startswith("sha256:")
    assert "trace_s" not in plain


def test_a_trace_without_length_needs_a_turns_length(tmp_path: Path) -> None:
    file = tmp_path / "t"
    file.write_text("5\n5\n")
    with pytest.raises(UsageError, match="the same"):
        make_plan(Scenario(load=Load(arrivals="trace", trace=str(file))), BOTH, seed=1, replicas=2)
    assert make_plan(Scenario(load=Load(arrivals="trace", trace=str(file), turn_s=1)), BOTH, 1, 2).turn_s == 1


def test_the_plan_is_plain_data() -> None:
    plain = make_plan(Scenario(), BOTH, seed=7, replicas=3).as_dict()
    assert json.loads(json.dumps(plain))["slots"][0]["arm"] in [*Arm]
    assert plain["seed"] == 7


@pytest.mark.parametrize(
    ("available_mib", "model_mib", "expected"), [(24_000, 10, 12), (3_000, 10, 2), (6_000, 10, 8), (24_000, 500, 3)]
)
def test_replicas_fit_into_memory(available_mib: float, model_mib: float, expected: int) -> None:
    assert replicas_that_fit("embedded", 12, 2, 2, available_mib, model_mib) == expected


def test_constants_take_more_memory_than_variables_and_most_while_they_load() -> None:
    gib = 1024
    assert size_in_memory_mib(gib, 0) == gib
    assert 4 * size_in_memory_mib(0, 0.9 * gib) == pytest.approx(5.6 * gib, rel=0.1)  # measured values
    assert loading_mib(0, 0.9 * gib) == pytest.approx(11.2 * gib, rel=0.1)
    assert loading_mib(0.9 * gib, 0) < 4 * gib


def test_foreign_servers_share_no_memory_and_running_ones_are_as_many_as_they_are() -> None:
    assert replicas_that_fit("command", 12, 2, 1, 8_000, 10) == 4
    assert replicas_that_fit("endpoint", 1, 2, 1, 100, 10) == 1


def test_long_turns_say_how_long_the_load_lane_will_take() -> None:
    load = Load(arrivals="ramp", from_rps=1, to_rps=100, turn_s=20, replicas=3)
    plan = make_plan(Scenario(load=load), tuple(Arm), seed=1, replicas=12)
    assert [plan.seconds_of(segment) for segment in plan.segments] == pytest.approx([27.0, 9.0, 120.0])
    short = make_plan(Scenario(), tuple(Arm), seed=1, replicas=2)
    assert short.seconds_of(short.segments[-1]) == short.segments[-1].seconds


@pytest.mark.parametrize(
    ("budget", "load", "expected"),
    [
        (Budget(), Load(), Source.EXECUTE),
        (Budget(execute_share=0.2, request_share=0.1), Load(), Source.LOAD),
        (Budget(execute_share=0.6, request_share=0.1), Load(replicas=4), Source.LOAD),  # 13.5 s for 8, 27 s for 24
        (Budget(execute_share=0, request_share=1), Load(), Source.REQUEST),
    ],
)
def test_the_longest_segment_is_that_of_a_server(budget: Budget, load: Load, expected: Source) -> None:
    assert make_plan(Scenario(budget=budget, load=load), BOTH, seed=1, replicas=12).longest is expected
