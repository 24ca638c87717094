from __future__ import annotations

import pytest

from perfgate.gate.validity import invalid_because
from perfgate.scenario.schema import Objective
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm, Depth, Lane
from tests.stats.build import execute_trials, requests, trial


def _failing(failed: int) -> TrialTable:
    calm = execute_trials(50, 4, lambda *_: 1.0)
    done = requests([1.0] * 100, [14] * failed + [0] * (100 - failed))
    return TrialTable.of([*calm, trial(0, Arm.CANDIDATE, 1, done, Lane.LOAD, Depth.REQUEST)])


def test_each_source_is_held_to_the_limit_on_its_own() -> None:
    assert invalid_because(_failing(1), {}) == ()
    assert invalid_because(_failing(3), {}) == (
        "candidate: 3% of 100 requests failed with UNAVAILABLE (load/request; limit 1%)",
    )  # of all the candidate's requests that is 1 %


@pytest.mark.parametrize(("objective", "valid"), [(0.05, True), (0.001, False)])
def test_an_objective_may_widen_the_limit_but_not_narrow_it(objective: float, valid: bool) -> None:
    allowed = {"error_rate": Objective(max=objective)}
    assert (invalid_because(_failing(3), allowed) == ()) is valid
    assert invalid_because(_failing(1), allowed) == ()


def test_nothing_sent_is_nothing_failed() -> None:
    assert invalid_because(TrialTable.of([]), {}) == ()
