"""Prediction intervals from stored numbers, checked against simulated occasions; limits are nominal plus slack."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
import pytest
from scipy import stats

from perfgate.metrics import BY_NAME
from perfgate.stats.contrast import Contrast
from perfgate.stats.days import DaySeries
from perfgate.stats.prediction import (
    CORRELATION_H,
    OWN_DF,
    PRIOR_DF,
    Occasion,
    OccasionSpread,
    in_unit,
    occasion_spread,
    predict,
    prior_spread,
)

PRIOR = prior_spread(BY_NAME["execute_ms"])
ALPHA = 0.01
RUNS = 1000
MOST = int(stats.binom.isf(1e-4, RUNS, ALPHA))
REPLICA_SD = 0.01
DAY_H = 24.0
BY_72_H = exp(-1 / 3)
"""Correlation of two days with a correlation length of 72 hours."""


@dataclass(frozen=True, slots=True)
class Missed:
    """How often bounds missed the truth, which is no change."""

    low: int
    high: int
    both: int
    """Outside a two-sided 95 % interval."""


def _occasion(rng: np.random.Generator, occasion_sd: float, day: int = 0, replicas: int = 12) -> Occasion:
    level = rng.normal(0, occasion_sd)
    return Occasion(tuple((level + rng.normal(0, REPLICA_SD, replicas)).tolist()), DAY_H * day)


def _count(found: list[Contrast]) -> Missed:
    difference, se, df = (np.array([getattr(each, name) for each in found]) for name in ("difference", "se", "df"))
    half, two_sided = stats.t.isf(ALPHA, df) * se, stats.t.isf(0.025, df) * se
    low, high, both = difference > half, difference < -half, np.abs(difference) > two_sided
    return Missed(int(low.sum()), int(high.sum()), int(both.sum()))


def _simulated(occasion_sd: float, records: int, seed: int = 1) -> Missed:
    """Independent days; tests/stats/test_days.py has correlated ones."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(RUNS):
        candidate, *baseline = (_occasion(rng, occasion_sd, day) for day in range(records + 1))
        found.append(predict(candidate, baseline, occasion_spread(baseline, (), PRIOR)))
    return _count(found)


@pytest.mark.slow
@pytest.mark.parametrize("occasion_sd", [0.01, 0.05, 0.3])
@pytest.mark.parametrize("records", [5, 20])
def test_from_five_days_on_the_rates_hold_however_unsteady_the_machine(records: int, occasion_sd: float) -> None:
    missed = _simulated(occasion_sd, records)
    assert missed.low <= MOST
    assert missed.high <= MOST
    assert missed.both <= 0.06 * RUNS


@pytest.mark.slow
def test_where_occasions_do_not_differ_the_interval_is_only_a_little_too_wide() -> None:
    missed = _simulated(0.0, 8)
    assert missed.both <= 0.05 * RUNS
    rng = np.random.default_rng(2)
    baseline = [_occasion(rng, 0.0, day) for day in range(8)]
    apart = predict(_occasion(rng, 0.0), baseline, occasion_spread(baseline, (), PRIOR))
    together = REPLICA_SD * sqrt(1 / 12 + 1 / (8 * 12))
    assert apart.se < 3 * together


@pytest.mark.slow
@pytest.mark.parametrize("records", [1, 2, 4])
@pytest.mark.parametrize("occasion_sd", [0.01, 0.16])
def test_with_few_records_the_prior_keeps_the_rates(records: int, occasion_sd: float) -> None:
    missed = _simulated(occasion_sd, records)
    assert missed.low <= MOST
    assert missed.high <= MOST


def test_one_record_keeps_the_rate_on_a_machine_twice_as_unsteady_as_the_prior() -> None:
    missed = _simulated(2 * PRIOR.sd, 1)
    assert max(missed.low, missed.high) <= stats.binom.isf(1e-4, RUNS, 0.013)


def test_without_the_occasions_equal_models_are_called_different() -> None:
    """Control: the interval for two arms measured together."""
    rng, found = np.random.default_rng(3), []
    for _ in range(RUNS):
        candidate, baseline = _occasion(rng, 0.05), _occasion(rng, 0.05)
        found.append(predict(candidate, [baseline], OccasionSpread(0.0, 100.0, "nothing")))
    assert _count(found).low > 0.3 * RUNS


def test_counting_the_occasion_once_is_too_sure() -> None:
    """Control: 1 instead of 1 + 1 / m."""
    rng, found = np.random.default_rng(4), []
    for _ in range(RUNS):
        candidate, baseline = _occasion(rng, 0.05), _occasion(rng, 0.05)
        found.append(predict(candidate, [baseline], OccasionSpread(0.05 / sqrt(2), 1000.0, "half of it")))
    assert _count(found).low > MOST


def test_the_prior_is_what_equal_models_showed_at_different_times() -> None:
    apart = sqrt(2) * PRIOR.sd
    for share, seen in ((0.05, 0.83), (0.10, 0.66)):
        assert 2 * stats.norm.sf(log(1 + share) / apart) == pytest.approx(seen, abs=0.02)
    assert (PRIOR.df, PRIOR.source) == (PRIOR_DF, "the prior")
    assert prior_spread(BY_NAME["rss_peak_mb"]).sd < PRIOR.sd


def _occasions(*means: float, apart_h: float = DAY_H) -> list[Occasion]:
    return [Occasion((mean - 0.01, mean + 0.01), apart_h * number) for number, mean in enumerate(means)]


@pytest.mark.parametrize(
    ("means", "variance", "df", "source"),
    [
        ((1.0,), PRIOR.sd**2, 3, "the prior"),
        ((1.0, 1.2), (1 * 0.02 / (1 - BY_72_H) + 3 * PRIOR.sd**2) / 4, 4, "2 days and the prior"),
    ],
    ids=["one", "two"],
)
def test_few_days_are_pooled_with_the_prior(means: tuple[float, ...], variance: float, df: float, source: str) -> None:
    found = occasion_spread(_occasions(*means), (), PRIOR)
    assert found.sd == pytest.approx(sqrt(variance))
    assert (found.df, found.source) == (df, source)


def test_from_five_days_on_the_prior_no_longer_counts() -> None:
    found = occasion_spread(_occasions(1.0, 1.2, 1.4, 1.6, 1.8), (), PRIOR)
    assert (found.df, found.source) == (OWN_DF, "5 days")
    other = occasion_spread(_occasions(1.0, 1.2, 1.4, 1.6, 1.8), (), OccasionSpread(9.0, 3.0, "another"))
    assert other == found


def test_records_of_one_day_say_nothing_about_other_days() -> None:
    found = occasion_spread(_occasions(*(i % 2 for i in range(10)), apart_h=1.0), (), PRIOR)
    assert (found.sd, found.df, found.source) == (PRIOR.sd, PRIOR.df, "the prior")


def test_the_wider_of_both_assumptions_counts() -> None:
    """Days that hardly differ from their neighbours, with a trend that takes them far."""
    found = occasion_spread(_occasions(1.0, 1.1, 1.2, 1.3, 1.4), (), PRIOR)
    assert found.correlation_h == CORRELATION_H[1]
    assert found.sd > float(np.std((1.0, 1.1, 1.2, 1.3, 1.4), ddof=1))


def test_models_of_one_name_are_pooled_within_each() -> None:
    week = tuple(DAY_H * day for day in range(10, 14))
    others = DaySeries(week, (5.0, 5.2, 5.4, 5.6)), DaySeries((0.0,), (9.0,))
    found = occasion_spread(_occasions(1.0, 1.2), others, PRIOR)
    assert (found.df, found.source) == (OWN_DF, "6 days")


def test_models_measured_on_the_same_days_do_not_count_twice() -> None:
    same = DaySeries((0.0, DAY_H, 2 * DAY_H), (5.0, 5.2, 5.4))
    found = occasion_spread(_occasions(1.0, 1.2, 1.4), (same,), PRIOR)
    assert (found.df, found.source) == (2 + PRIOR_DF, "3 days and the prior")


def test_the_formula_on_numbers_that_one_can_check() -> None:
    candidate, baseline = Occasion((0.1, 0.3)), Occasion((0.0, 0.2, 0.4))
    found = predict(candidate, [baseline], OccasionSpread(0.1, 3.0, "x"))
    parts = (0.02 / 2, 0.04 / 3, 2 * 0.01)
    assert found.difference == pytest.approx(0.0)
    assert found.se == pytest.approx(sqrt(sum(parts)))
    df = sum(parts) ** 2 / (parts[0] ** 2 / 1 + parts[1] ** 2 / 2 + parts[2] ** 2 / 3)
    assert found.df == pytest.approx(df)
    later = Occasion(baseline.values, DAY_H)
    twice = predict(candidate, [baseline, later], OccasionSpread(0.1, 3.0, "x"))
    assert twice.se == pytest.approx(sqrt(parts[0] + parts[1] / 2 + 1.5 * 0.01))
    alike = predict(candidate, [baseline, later], OccasionSpread(0.1, 3.0, "x", 72.0))
    assert alike.se == pytest.approx(sqrt(parts[0] + parts[1] / 2 + (1.5 + BY_72_H / 2) * 0.01))


def test_each_day_counts_once_however_many_records_it_has() -> None:
    """Nine records of one day and one of another: the mean is midway."""
    busy = [Occasion((0.9, 1.1), float(hour)) for hour in range(9)]
    found = predict(Occasion((2.0, 2.0)), [*busy, Occasion((2.9, 3.1), 72.0)], OccasionSpread(0.1, 3.0, "x"))
    assert found.difference == pytest.approx(0.0)


def test_each_metric_has_its_own_scale() -> None:
    ratio, difference = BY_NAME["execute_ms"], BY_NAME["rss_growth_mb_per_1k"]
    assert Occasion.of(ratio, (1.0, 2.0)) == Occasion((0.0, log(2.0)))
    assert Occasion.of(difference, (-1.0, 0.0)) == Occasion((-1.0, 0.0))
    assert in_unit(ratio, log(2.0)) == pytest.approx(2.0)
    assert in_unit(difference, -1.0) == -1.0
    assert prior_spread(difference).sd == difference.catch / 2


@pytest.mark.parametrize("values", [(), (1.0,), (1.0, 0.0), (1.0, -1.0), (1.0, float("nan")), (1.0, float("inf"))])
def test_values_without_a_place_on_the_scale_are_no_occasion(values: tuple[float, ...]) -> None:
    assert Occasion.of(BY_NAME["execute_ms"], values) is None


def test_numbers_without_any_spread_have_an_interval_all_the_same() -> None:
    same = Occasion((1.0, 1.0))
    assert predict(same, [same], OccasionSpread(0.0, 3.0, "x")) == Contrast(0.0, 0.0, 3.0)
