from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from perfgate.experiment.cautions import (
    generator_cpu_share,
    load_cautions,
    machine_cautions,
    time_cautions,
    warmup_cautions,
)
from perfgate.experiment.plan import Plan, make_plan
from perfgate.scenario.schema import Load, Scenario
from perfgate.trials import Arm, Block, Conditions, Depth, Lane, ReplicaFacts, Requests, State, Trial

PLAN = make_plan(Scenario(load=Load(arrivals="poisson", rate_rps=100)), tuple(Arm), seed=1, replicas=4)


def _trial(arm: Arm, wall_s: float, driver_cpu_ms: float = 1.0, lag_ms: Sequence[float] = (0.1,)) -> Trial:
    lag = np.array(lag_ms)
    requests = Requests(lag, lag, lag, lag, np.zeros(lag.size, np.int8))
    return Trial(Lane.LOAD, Depth.REQUEST, State.UNDER_LOAD, 0, arm, 0, 0.0, wall_s, requests, 1.0, driver_cpu_ms)


def _block(
    *trials: Trial, lane: Lane = Lane.LOAD, steal: float = 0.0, pressure: float = 0.0, wall_s: float = 1.0
) -> Block:
    return Block(lane, Depth.REQUEST, 0, 0.0, wall_s, trials, Conditions(steal, pressure))


def _codes(cautions: Sequence[object]) -> list[str]:
    return [caution.code for caution in cautions]  # type: ignore[attr-defined]


def test_the_generators_share_is_of_all_its_time() -> None:
    idle, busy = _trial(Arm.BASELINE, 1.0, 50.0), _trial(Arm.CANDIDATE, 1.0, 950.0)
    assert generator_cpu_share([_block(idle, busy)]) == pytest.approx(0.5)
    assert generator_cpu_share([]) == 0


def test_an_arm_that_does_not_keep_up_is_named() -> None:
    slow = _block(_trial(Arm.BASELINE, PLAN.turn_s), _trial(Arm.CANDIDATE, 1.5 * PLAN.turn_s))
    (caution,) = load_cautions([slow], PLAN)
    assert caution.code == "overload"
    assert "the candidate did not keep up with 100 requests/s" in caution.message


def test_late_sends_are_told_and_punctual_ones_are_not() -> None:
    late = _block(_trial(Arm.BASELINE, PLAN.turn_s, lag_ms=[0.1] * 50 + [30.0] * 5))
    assert _codes(load_cautions([late], PLAN)) == ["send lag"]
    assert not load_cautions([_block(_trial(Arm.BASELINE, PLAN.turn_s))], PLAN)


def test_a_closed_loop_has_no_schedule_to_miss() -> None:
    closed: Plan = make_plan(Scenario(), tuple(Arm), seed=1, replicas=4)
    assert not load_cautions([_block(_trial(Arm.BASELINE, 99.0, lag_ms=[50.0]))], closed)


def test_overtime_is_told() -> None:
    given_s = sum(segment.seconds for segment in PLAN.segments)
    assert not time_cautions(given_s * 1.4, PLAN)
    assert _codes(time_cautions(given_s * 2, PLAN)) == ["budget"]


@pytest.mark.parametrize(
    ("steal", "pressure", "codes"),
    [(0.0, 0.1, []), (0.2, 0.1, ["steal"]), (0.0, 0.9, ["cpu pressure"]), (np.nan, np.nan, [])],
)
def test_what_the_machine_did_is_told(steal: float, pressure: float, codes: list[str]) -> None:
    assert _codes(machine_cautions([_block(lane=Lane.COST, steal=steal, pressure=pressure)])) == codes


def test_servers_that_were_not_warm_are_counted() -> None:
    def facts(*, warm: bool) -> ReplicaFacts:
        return ReplicaFacts(0, Arm.BASELINE, 0, 0, 1, 0.1, 9.0, 20, 0.1, warm)

    assert not warmup_cautions([facts(warm=True)])
    (caution,) = warmup_cautions([facts(warm=True), facts(warm=False)])
    assert caution.message.startswith("1 of 2 servers")
