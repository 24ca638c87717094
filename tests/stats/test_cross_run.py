from __future__ import annotations

import numpy as np
import pytest

from perfgate.metrics import BY_NAME
from perfgate.stats.cross_run import candidate_of, side_by_side
from perfgate.stats.estimate import estimate
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm
from tests.stats.build import execute_trials, fact


def _run(candidate_ms: float, size_mb: float) -> TrialTable:
    trials = execute_trials(
        5, 4, lambda _, arm, number: (candidate_ms if arm is Arm.CANDIDATE else 7.0) * (1 + number / 1000)
    )
    facts = [fact(number, list(Arm)[number % 2]) for number in range(8)]
    return TrialTable.of(trials, facts, {Arm.BASELINE: 99.0, Arm.CANDIDATE: size_mb})


def test_the_candidates_of_two_runs_become_the_arms() -> None:
    both = side_by_side(_run(2.0, 10.0), _run(2.2, 11.0))
    effect = estimate(BY_NAME["execute_ms"], both, 0.01)
    assert effect is not None
    assert effect.change == pytest.approx(0.1)
    assert (effect.baseline_value, effect.candidate_value) == pytest.approx((2.003, 2.2033), rel=1e-6)
    assert both.sizes_mb == {Arm.BASELINE: 10.0, Arm.CANDIDATE: 11.0}
    assert [each.arm for each in both.replicas] == [Arm.BASELINE] * 4 + [Arm.CANDIDATE] * 4


def test_no_fork_server_is_common_to_both_runs() -> None:
    both = side_by_side(_run(2.0, 10.0), _run(2.2, 11.0))
    parents = [{each.parent for each in both.replicas if each.arm is arm} for arm in Arm]
    assert parents == [{0, 1}, {2, 3}]


def test_a_run_without_a_baseline_is_taken_as_it_is() -> None:
    alone = candidate_of(_run(2.0, 10.0))
    assert np.unique(alone.columns.arm).tolist() == [1]
    assert alone.columns.service_ms.size == 20
    assert alone.sizes_mb == {Arm.CANDIDATE: 10.0}
    assert estimate(BY_NAME["execute_ms"], side_by_side(alone, alone), 0.01) is not None
