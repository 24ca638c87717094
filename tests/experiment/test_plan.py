from __future__ import annotations

import itertools
import json

import pytest

from perfgate.experiment.plan import make_plan, replicas_that_fit, start_order
from perfgate.scenario.schema import Budget, Scenario
from perfgate.trials import Arm, Lane

BOTH = (Arm.BASELINE, Arm.CANDIDATE)


@pytest.mark.parametrize("replicas", [2, 4, 8, 12, 16])
def test_the_start_order_favours_neither_arm(replicas: int) -> None:
    slots = start_order(BOTH, replicas, parents=2)
    positions = {arm: [s.start_position for s in slots if s.arm is arm] for arm in BOTH}
    assert len(positions[Arm.BASELINE]) == len(positions[Arm.CANDIDATE]) == replicas
    assert abs(sum(positions[Arm.BASELINE]) - sum(positions[Arm.CANDIDATE])) <= (replicas % 2)
    assert [slot.start_position for slot in slots] == list(range(2 * replicas))
    assert len({slot.replica for slot in slots}) == 2 * replicas


@pytest.mark.parametrize(("replicas", "parents"), [(12, 2), (8, 4), (6, 3)])
def test_each_parent_forks_both_arms_alike(replicas: int, parents: int) -> None:
    slots = start_order(BOTH, replicas, parents)
    for parent, arm in itertools.product(range(parents), BOTH):
        assert sum(s.parent == parent and s.arm is arm for s in slots) == replicas // parents


def test_one_arm_alone_is_a_plan_too() -> None:
    assert {slot.arm for slot in start_order((Arm.CANDIDATE,), 4, 2)} == {Arm.CANDIDATE}


def test_segments_share_the_budget() -> None:
    plan = make_plan(Scenario(budget=Budget(measure_s=40, replicas=4)), BOTH, seed=1, replicas=4)
    assert sum(segment.seconds for segment in plan.segments) == pytest.approx(40)
    assert [segment.lane for segment in plan.segments] == [Lane.COST, Lane.COST, Lane.LOAD]
    assert plan.slice_s == pytest.approx(40 * 0.2 / (2 * 8))


def test_a_lane_without_a_share_is_left_out() -> None:
    budget = Budget(execute_share=1.0, request_share=0.0)
    assert len(make_plan(Scenario(budget=budget), BOTH, 1, 4).segments) == 1


def test_the_plan_is_plain_data() -> None:
    plain = make_plan(Scenario(), BOTH, seed=7, replicas=3).as_dict()
    assert json.loads(json.dumps(plain))["slots"][0]["arm"] == "baseline"
    assert plain["seed"] == 7


@pytest.mark.parametrize(
    ("available_mib", "model_mib", "expected"), [(24_000, 10, 12), (3_000, 10, 2), (6_000, 10, 8), (24_000, 500, 3)]
)
def test_replicas_fit_into_memory(available_mib: float, model_mib: float, expected: int) -> None:
    assert replicas_that_fit(12, 2, 2, available_mib, model_mib) == expected
