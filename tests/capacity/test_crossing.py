from dataclasses import replace
from math import exp, log

import numpy as np
import pytest

from perfgate.capacity.crossing import (
    Crossing,
    Series,
    both_sides,
    coefficients,
    controlled,
    dispersion,
    fit,
    nearness,
    rate_of,
    reach_of,
    start_at,
    width_of,
    within,
)

TRUE = Crossing(log(400), 20.0)
ALLOWED = 0.01


def series(rates_rps: list[float], line: Crossing = TRUE, requests: float = 4_000) -> Series:
    log_rate = np.log(rates_rps)
    size = log_rate.size
    return Series(
        log_rate, requests * line.share(log_rate, ALLOWED), np.full(size, requests), np.ones(size), np.zeros((size, 0))
    )


def test_the_share_at_the_crossing_is_the_one_that_may_miss_and_rises_with_the_rate() -> None:
    below, at, above = TRUE.share(np.log([380, 400, 420]), ALLOWED)
    assert at == pytest.approx(ALLOWED)
    assert below < at < above


@pytest.mark.parametrize("start_rps", [100.0, 390.0, 3_000.0])
def test_the_fit_finds_the_line_from_any_start(start_rps: float) -> None:
    found = replace(start_at(start_rps), dispersion=1.0)
    for _ in range(3):
        found = fit(series([360, 380, 400, 420, 440]), ALLOWED, found)
    assert rate_of(found) == pytest.approx(400, rel=0.003)
    assert found.slope == pytest.approx(20, rel=0.05)


def test_turns_without_weight_or_requests_count_for_nothing() -> None:
    whole = series([360, 380, 400, 420, 440, 500])
    cut = replace(whole, weight=np.array([1, 1, 1, 1, 1, 0.0]), missed=np.append(whole.missed[:5], 4_000.0))
    none = replace(whole, requests=np.append(whole.requests[:5], 0.0), missed=np.append(whole.missed[:5], 0.0))
    only = fit(whole.only(np.arange(5)), ALLOWED, start_at(400))
    assert fit(cut, ALLOWED, start_at(400)).log_rate == pytest.approx(only.log_rate)
    assert fit(none, ALLOWED, start_at(400)).log_rate == pytest.approx(only.log_rate)


def test_without_any_request_the_start_is_all_that_is_known() -> None:
    assert fit(series([400, 420], requests=0), ALLOWED, start_at(123)) == start_at(123)
    assert fit(series([]), ALLOWED, start_at(123)) == start_at(123)


def test_where_nothing_breaks_the_crossing_is_above_all_rates_and_where_all_breaks_below() -> None:
    rates = [300.0, 350.0, 400.0]
    none = replace(series(rates), missed=np.zeros(3))
    every = replace(series(rates), missed=np.full(3, 4_000.0))
    assert 400 < rate_of(fit(none, ALLOWED, start_at(350))) < 4_000
    assert 30 < rate_of(fit(every, ALLOWED, start_at(350))) < 300


def test_the_dispersion_is_one_without_noise_and_four_if_noise_is_twice_as_large() -> None:
    exact, rng = series([380, 390, 400, 410, 420] * 200), np.random.default_rng(1)
    assert dispersion(exact, ALLOWED, TRUE) == 1
    share = TRUE.share(exact.log_rate, ALLOWED)
    noise = 2 * np.sqrt(exact.requests * share * (1 - share)) * rng.normal(size=share.size)
    assert dispersion(replace(exact, missed=exact.missed + noise), ALLOWED, TRUE) == pytest.approx(4, rel=0.15)


@pytest.mark.parametrize(("follows", "expected"), [(0.7, 0.7), (0.0, 0.0), (-0.5, 0.0), (5.0, 1.3)])
def test_what_arrivals_did_is_taken_away_as_far_as_the_server_follows(follows: float, expected: float) -> None:
    luck = np.array([30, -20, 10, -35, 15.0])
    exact = series([380, 390, 400, 410, 420])
    seen = replace(exact, missed=exact.missed + follows * luck, controls=luck[:, None])
    assert coefficients(seen, ALLOWED, TRUE) == pytest.approx([expected])
    np.testing.assert_allclose(
        controlled(seen, ALLOWED, TRUE).missed, exact.missed + (follows - expected) * luck, atol=1e-6
    )


def test_a_server_between_two_reference_queues_follows_both() -> None:
    slow, fast = np.array([30, -20, 10, -35, 15.0]), np.array([12, -9, 1, -11, 7.0])
    exact = series([380, 390, 400, 410, 420])
    seen = replace(exact, missed=exact.missed + 0.3 * slow + 0.7 * fast, controls=np.column_stack([slow, fast]))
    assert coefficients(seen, ALLOWED, TRUE) == pytest.approx([0.3, 0.7])
    np.testing.assert_allclose(controlled(seen, ALLOWED, TRUE).missed, exact.missed, atol=1e-6)


def test_without_a_reference_queue_nothing_is_taken_away() -> None:
    seen = series([380, 400, 420])
    np.testing.assert_array_equal(controlled(seen, ALLOWED, TRUE).missed, seen.missed)


def test_turns_count_less_with_their_distance_and_not_at_all_beyond_the_reach() -> None:
    weights = nearness(np.array([0.0, 0.1, -0.1, 0.2, 5.0]), 0.0, 0.2)
    assert weights[0] == 1
    assert weights[1] == weights[2] == pytest.approx((1 - 0.125) ** 3)
    assert list(weights[3:]) == [0, 0]


@pytest.mark.parametrize(("slope", "reach", "width"), [(1e3, 0.1, 0.04), (20, 0.15, log(4) / 20), (0.01, 0.4, 0.1)])
def test_a_steep_curve_is_looked_at_closely(slope: float, reach: float, width: float) -> None:
    assert reach_of(slope) == pytest.approx(reach)
    assert width_of(slope) == pytest.approx(width)


def test_a_start_is_at_its_rate() -> None:
    assert exp(start_at(50).log_rate) == pytest.approx(50)


@pytest.mark.parametrize(("found_rps", "kept_rps"), [(390, 390), (9_000, 420 * exp(0.05)), (1, 380 * exp(-0.05))])
def test_a_crossing_stays_near_the_rates_that_were_visited(found_rps: float, kept_rps: float) -> None:
    visited = replace(series([380, 400, 420, 2_000]), requests=np.array([100.0, 100, 100, 0]))
    assert rate_of(within(start_at(found_rps), visited)) == pytest.approx(kept_rps)
    assert within(start_at(found_rps), series([])) == start_at(found_rps)


def test_the_reach_takes_in_turns_on_both_sides_as_far_as_there_are_any() -> None:
    rates = [100.0, 200, 300, 390, 410, 500, 600, 700]
    edge = replace(series(rates), missed=np.where(np.array(rates) < 400, 0.0, 4_000.0))
    assert both_sides(edge, log(400), ALLOWED) == pytest.approx(1.3 * log(400 / 200))
    assert both_sides(edge, log(500), ALLOWED) == pytest.approx(1.3 * log(500 / 200))
    assert both_sides(edge.only(np.arange(2)), log(200), ALLOWED) == pytest.approx(1.3 * log(2))
    assert both_sides(series([]), log(200), ALLOWED) == 0
