from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.capacity.answer import CapacityAnswer
from perfgate.gate.objectives import candidate_interval
from perfgate.gate.verdict import Verdict
from perfgate.metrics import BY_NAME
from perfgate.planning.answer import ObjectiveAnswer, Promise
from perfgate.planning.check import CheckedPromise
from perfgate.planning.checking import checked, measured_of, record_of, verdict_of
from perfgate.stats.cross_run import candidate_of, swapped
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm
from tests.capacity import answers
from tests.planning.answers import BREAKING, HOLDING, NO_ERRORS, OPEN
from tests.stats.build import execute_trials

PROMISE = Promise("execute_ms", 2.0, 1.8, 2.3)


def _one(trained: tuple[float, float, float], untrained: tuple[float, float, float] | None = None) -> CheckedPromise:
    again = {} if untrained is None else {PROMISE.metric: untrained}
    (found,) = checked([PROMISE], {PROMISE.metric: trained}, again)
    return found


@pytest.mark.parametrize(
    ("value", "covered", "error"), [(1.8, True, -0.1), (2.3, True, 0.15), (1.79, False, -0.105), (2.31, False, 0.155)]
)
def test_a_promise_is_kept_within_its_interval(value: float, covered: bool, error: float) -> None:
    found = _one((value, value - 0.1, value + 0.1))
    assert (found.covered, found.same_speed, found.speed) == (covered, False, 1.0)
    assert found.error == pytest.approx(error)
    assert (found.measured_lower, found.measured_upper) == pytest.approx((value - 0.1, value + 0.1))


def test_measured_beside_it_a_slower_machine_is_no_error() -> None:
    slow = (2.6, 2.5, 2.7)
    alone, beside = _one(slow), _one(slow, (2.5, 2.4, 2.6))
    assert (alone.covered, beside.covered) == (False, True)
    assert beside.speed == pytest.approx(1.25)
    assert (beside.promised, beside.promised_lower, beside.promised_upper) == pytest.approx((2.5, 2.25, 2.875))
    assert beside.error == pytest.approx(0.04)
    assert beside.same_speed


@given(st.floats(0.1, 10), st.floats(0.5, 2))
def test_the_speed_of_the_machine_changes_no_judgement(speed: float, ratio: float) -> None:
    """Both models of the check take `speed` times as long as on the day of the plan."""
    found = _one((2.0 * ratio * speed,) * 3, (2.0 * speed,) * 3)
    assert found.error == pytest.approx(ratio - 1)
    if not any(ratio == pytest.approx(end, rel=1e-9) for end in (0.9, 1.15)):
        assert found.covered == (0.9 <= ratio <= 1.15)


def test_what_was_not_measured_is_not_covered() -> None:
    (found,) = checked([PROMISE], {}, {})
    assert isnan(found.measured)
    assert isnan(found.error)
    assert not found.covered


def test_a_promise_without_an_upper_end_covers_all_above() -> None:
    (found,) = checked([replace(PROMISE, upper=inf)], {PROMISE.metric: (1e9, 1.0, inf)}, {})
    assert found.covered


def test_the_trained_and_the_untrained_model_are_not_mixed_up() -> None:
    """The trained model is the candidate; the untrained one is measured beside it as the baseline."""
    table = TrialTable.of(
        execute_trials(5, 4, lambda _, arm, number: (3.0 if arm is Arm.CANDIDATE else 2.0) + number / 100),
        (),
        {Arm.BASELINE: 5.0, Arm.CANDIDATE: 7.0},
    )
    promises = [PROMISE, Promise("model_size_mb", 5.0, 5.0, 5.0), Promise("latency_p99_ms", 9.0, 8.0, 10.0)]
    trained = measured_of(promises, candidate_of(table), None, Arm.CANDIDATE)
    untrained = measured_of(promises, candidate_of(swapped(table)), None, Arm.BASELINE)
    assert trained["execute_ms"] == candidate_interval(BY_NAME["execute_ms"], table, 0.025)
    assert trained["execute_ms"][0] == pytest.approx(3.015)
    assert untrained["execute_ms"][0] == pytest.approx(2.015)
    assert (trained["model_size_mb"][0], untrained["model_size_mb"][0]) == (7.0, 5.0)
    assert set(trained) == {"execute_ms", "model_size_mb"}, "nothing was measured under load"


@pytest.mark.parametrize(("which", "rate_rps"), [(Arm.BASELINE, 491.0), (Arm.CANDIDATE, 412.0)])
def test_each_model_has_its_own_capacity(which: Arm, rate_rps: float) -> None:
    promises = [Promise("capacity_rps", 400.0, 380.0, 420.0)]
    found = measured_of(promises, TrialTable.of([]), answers.two_arms(), which)
    assert found["capacity_rps"] == pytest.approx((rate_rps, rate_rps * (1 - 0.034), rate_rps * (1 + 0.032)))


@pytest.mark.parametrize("capacity", [None, answers.below(), answers.open_()])
def test_a_capacity_without_an_estimate_is_not_compared(capacity: CapacityAnswer | None) -> None:
    promises = [Promise("capacity_rps", 400.0, 380.0, 420.0)]
    assert measured_of(promises, TrialTable.of([]), capacity, Arm.CANDIDATE) == {}


@pytest.mark.parametrize(
    ("objectives", "verdict"),
    [
        ((HOLDING, NO_ERRORS), Verdict.PASS),
        ((HOLDING, BREAKING), Verdict.FAIL),
        ((HOLDING, OPEN), Verdict.INCONCLUSIVE),
        ((OPEN, BREAKING), Verdict.FAIL),
        ((HOLDING, replace(BREAKING, warns=True)), Verdict.PASS),
        ((replace(HOLDING, warns=True),), Verdict.INVALID),
        ((), Verdict.INVALID),
    ],
)
def test_the_verdict_is_that_of_the_objectives_that_count(
    objectives: tuple[ObjectiveAnswer, ...], verdict: Verdict
) -> None:
    assert verdict_of(objectives) is verdict


def _with_error(error: float, *, covered: bool = True) -> CheckedPromise:
    return replace(_one((2.0 * (1 + error), 1.0, 3.0)), error=error, covered=covered)


def test_a_record_adds_up_all_promises_whose_value_is_known() -> None:
    unknown = replace(_with_error(0.0), measured=nan, error=nan, covered=False)
    checks: Sequence[Sequence[CheckedPromise]] = (
        [_with_error(-0.1), _with_error(0.02), unknown],
        [_with_error(0.3, covered=False)],
    )
    found = record_of(checks)
    assert (found.checks, found.promises, found.covered) == (2, 3, 2)
    assert (found.error_p50, found.error_p90) == pytest.approx((0.1, 0.1 + 0.8 * 0.2))


def test_a_record_of_nothing_has_no_errors() -> None:
    found = record_of([])
    assert (found.checks, found.promises, found.covered) == (0, 0, 0)
    assert isnan(found.error_p50)
    assert isnan(found.error_p90)
