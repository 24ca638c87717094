from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import ceil, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.capacity.answer import Bound, CapacityAnswer
from perfgate.planning.answer import CoresNeeded, ObjectiveAnswer, ObjectiveStatus
from perfgate.planning.needed import cores_needed, decided_by
from tests.capacity import answers
from tests.planning.answers import BREAKING, HOLDING, OPEN

LOWER_RPS, UPPER_RPS = 412.0 * (1 - 0.034), 412.0 * (1 + 0.032)


@given(st.floats(1, 1e5))
def test_servers_are_the_quotient_rounded_up(rate_rps: float) -> None:
    found = cores_needed(answers.one_arm(), rate_rps)
    assert found is not None
    assert (found.rate_rps, found.cores) == (rate_rps, 2)
    counts = found.servers, found.servers_at_estimate, found.servers_at_upper
    quotients = [rate_rps / capacity for capacity in (LOWER_RPS, 412.0, UPPER_RPS)]
    for count, quotient in zip(counts, quotients, strict=True):
        assert count in {max(1, ceil(quotient)), max(1, ceil(quotient * (1 - 1e-9)))}


def test_a_rate_of_exactly_two_capacities_takes_two() -> None:
    found = cores_needed(answers.one_arm(), 824.0)
    assert found == CoresNeeded(824.0, 2, 3, 2, 2)


def test_the_highest_rate_that_holds_gives_the_servers_and_no_end() -> None:
    above = answers.answer(answers.above().arms[1])
    assert cores_needed(above, 1300.0) == CoresNeeded(1300.0, 2, 3, None, None)


def test_where_no_rate_holds_only_fewer_are_ruled_out() -> None:
    assert cores_needed(answers.below(), 70.0) == CoresNeeded(70.0, 2, None, None, 4)


@pytest.mark.parametrize(
    ("found", "rate_rps"),
    [
        (None, 100.0),
        (answers.one_arm(), None),
        (answers.answer(), 100.0),
        (answers.answer(answers.generator().arms[1]), 100.0),
    ],
    ids=["no capacity", "closed loop", "no version", "generator"],
)
def test_without_a_capacity_or_a_rate_there_is_no_number(found: CapacityAnswer | None, rate_rps: float | None) -> None:
    assert cores_needed(found, rate_rps) is None


def _decided(
    found: CapacityAnswer | None, rate_rps: float | None, objective: ObjectiveAnswer = OPEN
) -> ObjectiveAnswer:
    (after,) = decided_by(found, rate_rps, (objective,))
    return after


def _above() -> CapacityAnswer:
    return answers.answer(answers.above().arms[1])


@pytest.mark.parametrize(
    ("build", "rate_rps", "expected"),
    [
        (answers.one_arm, LOWER_RPS, ObjectiveStatus.HOLDS),
        (answers.one_arm, LOWER_RPS + 0.1, ObjectiveStatus.OPEN),
        (answers.one_arm, UPPER_RPS, ObjectiveStatus.OPEN),
        (answers.one_arm, UPPER_RPS + 0.1, ObjectiveStatus.BREAKS),
        (_above, 640.0, ObjectiveStatus.HOLDS),
        (_above, 641.0, ObjectiveStatus.OPEN),
        (answers.below, 20.0, ObjectiveStatus.OPEN),
        (answers.below, 20.1, ObjectiveStatus.BREAKS),
        (answers.open_, 1.0, ObjectiveStatus.OPEN),
        (answers.open_, 1e6, ObjectiveStatus.OPEN),
    ],
)
def test_an_open_objective_is_decided_by_the_side_on_which_the_rate_lies(
    build: Callable[[], CapacityAnswer], rate_rps: float, expected: ObjectiveStatus
) -> None:
    after = _decided(build(), rate_rps)
    assert after.status is expected
    assert after.by_capacity == (expected is not ObjectiveStatus.OPEN)
    assert after.more == (OPEN.more if expected is ObjectiveStatus.OPEN else "")
    assert (after.value, after.lower, after.upper) == (OPEN.value, OPEN.lower, OPEN.upper), "what was measured stays"


@pytest.mark.parametrize("rate_rps", [1.0, 1e6])
@pytest.mark.parametrize("objective", [HOLDING, BREAKING])
def test_what_the_test_proved_stays(objective: ObjectiveAnswer, rate_rps: float) -> None:
    assert _decided(answers.one_arm(), rate_rps, objective) is objective


def test_above_the_capacity_only_the_objective_that_is_reached_first_breaks() -> None:
    bounds = (*answers.OBJECTIVES, Bound("latency_p50_ms", 0.5, 10.0))
    found = replace(answers.one_arm(), objectives=bounds)
    other = replace(OPEN, metric="latency_p50_ms")
    first, second = decided_by(found, 2 * UPPER_RPS, (OPEN, other))
    assert (first.status, second.status) == (ObjectiveStatus.BREAKS, ObjectiveStatus.OPEN)
    assert {each.status for each in decided_by(found, 1.0, (OPEN, other))} == {ObjectiveStatus.HOLDS}


def test_objectives_that_the_search_did_not_see_are_left_alone() -> None:
    other = replace(OPEN, metric="rss_peak_mb")
    assumed = replace(OPEN, metric="error_rate")
    for objective in (other, assumed):
        assert _decided(answers.one_arm(), 1.0, objective) is objective


def test_of_two_versions_the_candidates_capacity_decides() -> None:
    baseline, candidate = answers.two_arms().arms
    poor = replace(baseline, lower_rps=0.1, upper_rps=0.2)
    assert _decided(replace(answers.two_arms(), arms=(poor, candidate)), 1.0).status is ObjectiveStatus.HOLDS
    weak = replace(candidate, lower_rps=0.1, upper_rps=0.2)
    assert _decided(replace(answers.two_arms(), arms=(baseline, weak)), 1.0).status is ObjectiveStatus.BREAKS


def test_an_overloaded_generator_proves_nothing() -> None:
    found = answers.answer(replace(answers.generator().arms[1], lower_rps=640.0, upper_rps=inf))
    assert _decided(found, 1.0).status is ObjectiveStatus.OPEN


@pytest.mark.parametrize(("found", "rate_rps"), [(None, 1.0), (answers.one_arm(), None), (answers.answer(), 1.0)])
def test_without_one_capacity_and_a_rate_everything_stays(found: CapacityAnswer | None, rate_rps: float | None) -> None:
    assert _decided(found, rate_rps) is OPEN
