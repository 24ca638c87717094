from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from math import inf, isnan, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfgate.planning.answer import ObjectiveStatus, ScaleLimit
from perfgate.planning.crossing import Crossing
from perfgate.planning.evaluation import Evaluation, Ratio
from perfgate.planning.limit_search import LimitSearch, limit_of, rounded
from tests.planning.judged import METRIC, NEVER, Sketch, asked_by, measured

HOLDS, BREAKS, OPEN = ObjectiveStatus.HOLDS, ObjectiveStatus.BREAKS, ObjectiveStatus.OPEN
LOW, HIGH = 64, 8192


def _found(sketch: Sketch, low: int = LOW, high: int = HIGH) -> ScaleLimit:
    return limit_of(sketch.searched(low, high), {})


@given(st.integers(1, 3000), st.floats(1.05, 5000), st.floats(0, 1), st.floats(0.3, 4))
@settings(max_examples=40)
def test_without_noise_the_limit_is_bracketed(low: int, times: float, place: float, power: float) -> None:
    high = max(low + 1, int(low * times))
    limit = int(low * (high / low) ** place) + 0.37
    sketch = Sketch(limit, power)
    found = _found(sketch, low, high)
    assert all(low <= value <= high for value in sketch.asked)
    assert len(sketch.asked) < 30, "it ends by itself"
    assert found.holds is None or found.holds <= limit * (1 + 1e-5)
    assert found.breaks is None or found.breaks >= limit * (1 - 1e-5)
    assert found.lower <= limit * (1 + 1e-5)
    assert found.upper >= limit * (1 - 1e-5)
    assert found.holds is not None or found.lower == low


@pytest.mark.parametrize("limit", [70.5, 300.5, 1000.5, 7800.5])
def test_both_proven_ends_come_within_some_hundredths_in_few_measurements(limit: float) -> None:
    sketch = Sketch(limit)
    found = _found(sketch)
    assert found.holds is not None
    assert found.breaks is not None
    assert log(found.breaks / found.holds) < 0.03 + 2 / limit
    assert found.estimate == pytest.approx(limit, rel=0.02)
    assert found.objective == METRIC
    assert len(sketch.asked) <= 24


def test_the_ends_of_the_range_come_first() -> None:
    assert Sketch(1000.0).searched(LOW, HIGH).measured[0].value == LOW
    sketch = Sketch(1000.0)
    sketch.searched(LOW, HIGH)
    assert sketch.asked[:2] == [LOW, HIGH]


def test_what_breaks_at_the_start_is_said_after_one_proof() -> None:
    sketch = Sketch(NEVER)
    found = _found(sketch)
    assert sketch.asked == [LOW, HIGH]
    assert (found.holds, found.breaks, found.lower, found.upper) == (None, LOW, LOW, LOW)
    assert isnan(found.estimate)
    assert found.objective == METRIC
    assert [point.status for point in found.points] == [BREAKS, BREAKS]


def test_what_holds_to_the_end_is_said_after_two() -> None:
    sketch = Sketch(1e12)
    found = _found(sketch)
    assert sketch.asked == [LOW, HIGH]
    assert (found.holds, found.breaks, found.lower, found.upper) == (HIGH, None, HIGH, inf)
    assert isnan(found.estimate)
    assert found.objective == ""
    assert {point.status for point in found.points} == {HOLDS}


@pytest.mark.parametrize(("limit", "end"), [(LOW / 1.0005, LOW), (HIGH * 1.0005, HIGH)])
def test_an_end_that_is_beyond_but_not_proven_is_tried_three_times(limit: float, end: int) -> None:
    search = LimitSearch(LOW, HIGH, Sketch(limit, noise=0.5).judge)
    asked = list(asked_by(search, lambda value: measured(value, log(value / limit), 0.5), 30))
    found = limit_of(search, {})
    assert asked.count(end) == 3
    assert len(asked) == 4
    assert found.lower == LOW
    assert found.upper == (inf if end == HIGH else HIGH)


@pytest.mark.parametrize("seed", range(20))
def test_with_noise_it_never_leaves_the_range_and_its_interval_covers(seed: int) -> None:
    sketch = Sketch(900.0, noise=0.05, seed=seed)
    found = _found(sketch)
    assert all(LOW <= value <= HIGH for value in sketch.asked)
    assert found.lower < 900.0 * 1.05
    assert found.upper > 900.0 / 1.05
    assert found.estimate == pytest.approx(900.0, rel=0.1)


@pytest.mark.slow
def test_with_noise_the_interval_covers_the_limit_in_19_of_20() -> None:
    found = [limit_of(Sketch(900.0, noise=0.05, seed=100 + seed).searched(LOW, HIGH, 20), {}) for seed in range(60)]
    assert sum(each.lower <= 900.0 <= each.upper for each in found) >= 55
    assert sum(each.holds is not None and each.holds > 900.0 for each in found) <= 3
    assert sum(each.breaks is not None and each.breaks <= 900.0 for each in found) <= 3


@pytest.mark.parametrize("number", range(1, 12))
@pytest.mark.parametrize("error", [-1.0, 1.0])
def test_a_contradictory_measurement_does_no_harm(number: int, error: float) -> None:
    """One of the measurements is off by a factor of e: a neighbour that took the CPU, or a clock that rose."""
    sketch = Sketch(1000.0, noise=0.02, odd={number: error}, seed=number)
    found = _found(sketch)
    assert all(LOW <= value <= HIGH for value in sketch.asked)
    assert found.lower <= 1000.0 <= found.upper
    if found.holds is not None and found.breaks is not None:
        assert found.holds < found.breaks


def test_where_proofs_contradict_each_other_neither_counts() -> None:
    search = LimitSearch(1, 100, Sketch(10.0).judge)
    for value, log_value in ((1, -1.2), (20, 1.2), (40, -1.2), (100, 1.2)):
        search.tell(measured(value, log_value))
    assert search.status(20) is BREAKS
    assert search.status(40) is HOLDS
    assert search.proven == (1, 100)
    found = limit_of(search, {"layers.depth": 3})
    assert (found.holds, found.breaks, found.fixed) == (1, 100, {"layers.depth": 3})
    assert [point.status for point in found.points] == [HOLDS, OPEN, OPEN, BREAKS]


def test_one_measurement_alone_proves_nothing_near_the_bound() -> None:
    search = LimitSearch(1, 100, Sketch(10.0).judge)
    for value, log_value, status in ((8, -0.3, HOLDS), (12, 0.3, BREAKS)):
        search.tell(measured(value, log_value))
        assert search.status(value) is OPEN
        search.tell(measured(value, log_value))
        assert search.status(value) is status
    search.tell(measured(50, 1.2))
    assert search.status(50) is BREAKS


def test_a_value_is_proven_by_measurements_a_little_beyond_it() -> None:
    """Three of 0.05 prove together what none does alone: those above that it holds, those below that it breaks."""
    sketch = Sketch(1000.0, noise=0.05)
    above = LimitSearch(1, 10_000, sketch.judge)
    for value in (900, 920, 930):
        above.tell(measured(value, -0.08, 0.05))
    assert [above.status(value) for value in above.values] == [HOLDS, OPEN, OPEN]
    below = LimitSearch(1, 10_000, sketch.judge)
    for value in (1100, 1110, 1120):
        below.tell(measured(value, 0.08, 0.05))
    assert [below.status(value) for value in below.values] == [OPEN, OPEN, BREAKS]
    far = LimitSearch(1, 10_000, sketch.judge)
    for value in (500, 700, 930):
        far.tell(measured(value, -0.08, 0.05))
    assert {far.status(value) for value in far.values} == {OPEN}, "they are too far from each other"


def test_the_time_ends_it_at_any_point() -> None:
    for most in range(1, 14):
        sketch = Sketch(1000.0, noise=0.05)
        search = sketch.searched(LOW, HIGH, most)
        assert len(sketch.asked) == most
        found = limit_of(search, {})
        assert len(found.points) == len(set(sketch.asked))
        assert sum(point.measurements for point in found.points) == most
        assert found.lower <= 1000.0 <= found.upper
    assert not list(LimitSearch(1, 9, sketch.judge).asks(lambda: 1.0)), "no time, no measurement"


def test_the_objective_that_breaks_first_is_the_limit() -> None:
    def tell(value: int) -> Evaluation:
        slow, big = measured(value, log(value / 3000)), measured(value, log(value / 700))
        return Evaluation(value, {METRIC: slow.ratios[METRIC], "rss_peak_mb": big.ratios[METRIC]}, value, 0.0)

    def judge(group: Sequence[Evaluation]) -> ObjectiveStatus:
        return HOLDS if group[0].value <= 700 else BREAKS

    search = LimitSearch(LOW, HIGH, judge)
    list(asked_by(search, tell, 40))
    found = limit_of(search, {})
    assert found.objective == "rss_peak_mb"
    assert found.estimate == pytest.approx(700, rel=0.02)
    assert {point.objective for point in found.points if point.value > 700} == {"rss_peak_mb"}


@pytest.mark.parametrize("high", [2, 3, 5])
def test_a_range_of_a_few_values_ends_too(high: int) -> None:
    for limit in (0.5, 1.5, 2.5, 4.0, 10.0):
        for noise in (0.0, 0.2):
            sketch = Sketch(limit, noise=noise)
            found = _found(sketch, 1, high)
            assert set(sketch.asked) <= set(range(1, high + 1))
            assert len(found.points) <= high


@pytest.mark.parametrize("limit", [1.5, 6.5, 11.5, 69.5])
def test_it_ends_where_neighbours_are_proven(limit: float) -> None:
    """More measurements of a number of layers tell nothing where 6 hold and 7 break, which are far from the line."""
    sketch = Sketch(limit)
    found = _found(sketch, 1, 100)
    assert (found.holds, found.breaks) == (int(limit), int(limit) + 1)
    assert len(sketch.asked) < 20


def test_an_objective_without_numbers_is_searched_by_its_test_alone() -> None:
    """A bound of 0 has no ratio, so no line either: halves of what is left."""

    def tell(value: int) -> Evaluation:
        status = HOLDS if value <= 700 else BREAKS
        return Evaluation(value, {"error_rate": Ratio(float("nan"), 0.0, inf, status)})

    search = LimitSearch(LOW, HIGH, lambda group: group[0].ratios["error_rate"].status)
    asked = list(asked_by(search, tell, 60))
    found = limit_of(search, {})
    assert found.holds is not None
    assert found.breaks is not None
    assert found.holds <= 700 < found.breaks
    assert log(found.breaks / found.holds) < 0.3
    assert all(LOW <= value <= HIGH for value in asked)
    assert found.estimate == pytest.approx((found.holds * found.breaks) ** 0.5)


_SEEN = st.lists(st.tuples(st.floats(-3, 3) | st.just(float("nan")), st.floats(1e-6, 1)), min_size=25, max_size=25)


@given(st.integers(1, 1000), st.integers(1, 10**6), _SEEN)
@settings(max_examples=40)
def test_whatever_is_measured_it_asks_within_the_range_and_makes_an_answer(
    low: int, more: int, seen: list[tuple[float, float]]
) -> None:
    high, answers = low + more, iter(seen)
    search = LimitSearch(low, high, Sketch(1.0, noise=0.1).judge)

    def tell(value: int) -> Evaluation:
        log_value, error = next(answers)
        if isnan(log_value):
            return Evaluation(value, {METRIC: Ratio(log_value, 0.0, inf, OPEN)}, 0, 0.0)
        return measured(value, log_value, error)

    for value in islice(asked_by(search, tell, 25), 25):
        assert low <= value <= high
    found = limit_of(search, {})
    assert low <= found.lower <= found.upper
    assert found.holds is None or found.lower <= found.holds
    assert found.breaks is None or found.upper >= found.breaks
    assert isnan(found.estimate) or found.lower <= found.estimate <= found.upper


def test_an_estimate_is_never_below_the_range(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line through the smallest value reaches the bound there, by rounding a little before it."""
    before = Crossing(value=2.9999999999999996, lower=2.0, upper=5.0, slope=1.0)
    monkeypatch.setattr(LimitSearch, "crossing", lambda _: (METRIC, before))
    search = LimitSearch(3, 4, Sketch(1.0, noise=0.1).judge)
    search.tell(measured(3, 0.0, 1.0))
    found = limit_of(search, {})
    assert (found.lower, found.estimate) == (3.0, 3.0)


def test_where_larger_is_faster_nothing_is_claimed() -> None:
    search = LimitSearch(1, 4, Sketch(2.0, power=-3.0).judge)
    asked = list(asked_by(search, lambda value: measured(value, -3.0 * log(value / 2.0)), 10))
    assert asked == [1, 4]
    assert search.is_reversed
    found = limit_of(search, {})
    assert (found.holds, found.breaks, found.upper) == (None, None, inf)
    slower = LimitSearch(1, 4, Sketch(2.0, power=3.0).judge)
    list(asked_by(slower, lambda value: measured(value, 3.0 * log(value / 2.0)), 10))
    assert not slower.is_reversed


@given(st.floats(0.01, 1e15))
def test_rounded_values_are_near_and_short(value: float) -> None:
    found = rounded(value)
    assert found >= 1
    assert abs(found - max(value, 1.0)) <= max(0.5, 0.0026 * value)


@pytest.mark.parametrize(("value", "text"), [(1234.4, "1,235"), (99_123, "99,200"), (7.4, "7"), (0.2, "1")])
def test_rounded_values(value: float, text: str) -> None:
    assert f"{rounded(value):,}" == text
