from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import inf, isnan, nan

import pytest

from perfgate.planning.answer import ObjectiveAnswer, ObjectiveStatus
from perfgate.planning.evaluation import Evaluation, Ratio, ratios_of, together
from tests.planning.answers import BREAKING, HOLDING, NO_ERRORS

HOLDS, BREAKS, UNKNOWN = ObjectiveStatus.HOLDS, ObjectiveStatus.BREAKS, ObjectiveStatus.OPEN
RATE = ObjectiveAnswer("throughput_rps", HOLDS, 100.0, False, 125.0, 110.0, 160.0)  # noqa: FBT003


def _ratio(objective: ObjectiveAnswer) -> Ratio:
    return ratios_of([objective])[objective.metric]


def test_a_maximum_and_a_minimum_are_both_missed_above_1() -> None:
    found = _ratio(HOLDING)
    assert (found.value, found.lower, found.upper) == pytest.approx((0.42, 0.39, 0.47))
    found = _ratio(RATE)
    assert (found.value, found.lower, found.upper) == pytest.approx((0.8, 0.625, 100 / 110))
    assert _ratio(BREAKING).value > 1
    assert _ratio(replace(RATE, value=80.0)).value == pytest.approx(1.25)


@pytest.mark.parametrize(
    ("changes", "ends"),
    [
        ({"lower": -inf, "upper": inf}, (0.0, inf)),
        ({"lower": -3.0}, (0.0, 0.47)),
    ],
)
def test_a_missing_end_is_0_or_infinite(changes: dict[str, float], ends: tuple[float, float]) -> None:
    found = _ratio(replace(HOLDING, **changes))  # type: ignore[arg-type]
    assert (found.lower, found.upper) == pytest.approx(ends)


def test_of_a_minimum_the_ends_change_sides() -> None:
    found = _ratio(replace(RATE, lower=-5.0, upper=inf))
    assert (found.lower, found.upper) == (0.0, inf)


@pytest.mark.parametrize(
    "objective", [replace(NO_ERRORS, bound=0.0), replace(HOLDING, value=nan), replace(HOLDING, value=inf)]
)
def test_without_a_number_its_test_counts_alone(objective: ObjectiveAnswer) -> None:
    found = _ratio(replace(objective, status=BREAKS))
    assert isnan(found.value)
    assert (found.lower, found.upper, found.status) == (0.0, inf, BREAKS)
    assert Evaluation(1, {"a": found}).is_beyond
    assert not Evaluation(1, {"a": replace(found, status=UNKNOWN)}).is_beyond


def test_objectives_that_only_warn_have_no_ratio() -> None:
    assert ratios_of([replace(HOLDING, warns=True)]) == {}


@pytest.mark.parametrize(
    ("ratios", "decisive", "beyond"),
    [
        ({"a": 0.5, "b": 0.9}, "b", False),
        ({"a": 1.0, "b": 0.9}, "a", False),
        ({"a": 1.2, "b": 1.1}, "a", True),
        ({"a": nan, "b": 0.1}, "b", False),
        ({"a": nan}, "a", False),
        ({}, "", False),
    ],
)
def test_the_decisive_objective_is_the_furthest_beyond_its_bound(
    ratios: dict[str, float], decisive: str, beyond: bool
) -> None:
    each = Evaluation(8, {name: Ratio(value, 0.0, inf, UNKNOWN) for name, value in ratios.items()})
    assert (each.decisive, each.is_beyond) == (decisive, beyond)


def test_together_one_that_breaks_decides_and_all_must_hold() -> None:
    for first, second in product(ObjectiveStatus, repeat=2):
        pair = {first, second}
        expected = BREAKS if BREAKS in pair else UNKNOWN if UNKNOWN in pair else HOLDS
        assert together([first, second]) is expected
    assert together([]) is UNKNOWN, "nothing measured proves nothing"
