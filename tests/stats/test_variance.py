"""Variance components, checked against simulated truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfgate.metrics import BY_NAME, Source
from perfgate.stats.estimate import estimate
from perfgate.stats.table import TrialTable
from perfgate.stats.variance import Numbers, OccasionNumbers, components_of, occasion_sd, spread_of, start_slope
from perfgate.stats.variance_components import Components
from perfgate.stats.within_variance import Within
from tests.stats.generator import World, table

METRIC = BY_NAME["execute_ms"]
WORLD = World(blocks=200)
LANE_S = 20.0


def _occasions(world: World, rng: np.random.Generator, runs: int = 3, occasion: float = 0.0) -> list[OccasionNumbers]:
    return [_occasion(_shifted(table(world, 0.0, rng), rng.normal(0, occasion))) for _ in range(runs)]


def _occasion(measured: TrialTable) -> OccasionNumbers:
    return OccasionNumbers(measured, {Source.EXECUTE: LANE_S})


def _shifted(measured: TrialTable, log_shift: float) -> TrialTable:
    slower = measured.columns.service_ms * np.exp(log_shift)
    return replace(measured, columns=replace(measured.columns, service_ms=slower, response_ms=slower))


def _calibrated(
    world: World, seed: int, times: int = 30, runs: int = 3, occasion: float = 0.0
) -> tuple[Components, ...]:
    rng = np.random.default_rng(seed)
    found = (components_of(METRIC, _occasions(world, rng, runs, occasion)) for _ in range(times))
    return tuple(each for each in found if each is not None)


def _rms(found: Sequence[Components], name: str) -> float:
    return float(np.sqrt(np.mean([getattr(each, name) ** 2 for each in found])))


@pytest.mark.slow
@pytest.mark.parametrize(
    "world",
    [
        WORLD,
        replace(WORLD, replica_sd=0.02),
        replace(WORLD, parents=4, parent_sd=0.02),
        replace(WORLD, start_slope=0.04),
        replace(WORLD, replicas=4),
    ],
    ids=["as measured", "replicas apart", "fork servers apart", "start order", "few replicas"],
)
def test_replicas_and_fork_servers_are_distinguished(world: World) -> None:
    found = _calibrated(world, 31)
    assert len(found) == 30
    assert _rms(found, "replica_sd") == pytest.approx(world.replica_sd, rel=0.2)
    assert _rms(found, "parent_sd") == pytest.approx(world.parent_sd, rel=0.35)
    assert float(np.mean([each.start_slope for each in found])) == pytest.approx(world.start_slope, abs=0.003)
    assert all(each.trials_per_s == pytest.approx(world.blocks / LANE_S) for each in found)
    assert all((each.source, each.replicas, each.occasions) == ("cost/execute", world.replicas, 3) for each in found)


@pytest.mark.slow
def test_together_they_give_the_standard_error_that_runs_have() -> None:
    regions = replace(WORLD, parents=1, region_sd=0.02)
    for world in (WORLD, replace(WORLD, blocks=40), replace(WORLD, autocorrelation=0.8, request_sd=0.1), regions):
        rng, real = np.random.default_rng(32), []
        for _ in range(40):
            effect = estimate(METRIC, table(world, 0.0, rng), 0.01, cross_check=False)
            assert effect is not None
            real.append(effect.log_se**2)
        predicted = [
            2 / world.replicas * (each.replica_sd**2 + each.request_sd**2 / world.blocks)
            for each in _calibrated(world, 33)
        ]
        assert float(np.mean(predicted)) == pytest.approx(float(np.mean(real)), rel=0.1)


def test_runs_that_are_noisier_and_slower_count_as_much_as_they_hurt() -> None:
    rng, worlds = np.random.default_rng(43), (replace(WORLD, blocks=50, request_sd=0.2), WORLD)
    runs = [_occasion(table(world, 0.0, rng)) for world in worlds]
    each = [components_of(METRIC, [run]) for run in runs]
    both = components_of(METRIC, runs)
    assert both is not None
    hurt = [_noise(found) for found in each if found is not None]
    assert hurt[0] > 50 * hurt[1]
    assert _noise(both) == pytest.approx(float(np.mean(hurt)))


def _noise(found: Components) -> float:
    """The requests' part of the variance of a replica's number."""
    return found.request_sd**2 / (found.trials_per_s * LANE_S)


@pytest.mark.slow
def test_more_blocks_leave_the_components_as_they_are() -> None:
    short, long = (_calibrated(replace(WORLD, blocks=blocks), 34) for blocks in (100, 400))
    for name in ("request_sd", "replica_sd"):
        assert _rms(short, name) == pytest.approx(_rms(long, name), rel=0.15)


@pytest.mark.slow
def test_occasions_are_distinguished_from_replicas_and_their_interval_covers() -> None:
    truth, found = 0.05, _calibrated(WORLD, 35, times=150, runs=4, occasion=0.05)
    assert _rms(found, "occasion_sd") == pytest.approx(truth, rel=0.15)
    held = [each.occasion_sd_lower <= truth <= each.occasion_sd_upper for each in found]
    assert np.mean(held) > 0.89  # 95 % nominally; 0.89 is three standard errors below
    assert np.mean([each.occasion_sd_upper / each.occasion_sd for each in found]) > 3, "four runs are rough"


@pytest.mark.slow
def test_the_interval_of_the_start_slope_holds_the_truth() -> None:
    world = replace(WORLD, blocks=40, start_slope=0.02)
    held = [each.start_slope_lower <= 0.02 <= each.start_slope_upper for each in _calibrated(world, 36, 150, 2)]
    assert np.mean(held) > 0.89


def test_no_spread_at_all_is_zero_and_not_nan() -> None:
    still = World(replica_sd=0, parent_sd=0, request_sd=0, spike_share=0, drift=0)
    (found,) = _calibrated(still, 37, times=1)
    for name in ("request_sd", "replica_sd", "parent_sd", "occasion_sd", "start_slope"):
        assert getattr(found, name) == pytest.approx(0, abs=1e-9)


@pytest.mark.slow
def test_request_noise_alone_leaves_little_to_replicas() -> None:
    found = _calibrated(replace(WORLD, replica_sd=0.0, parent_sd=0.0), 38)
    noise_of_number = _rms(found, "request_sd") / WORLD.blocks**0.5
    assert _rms(found, "replica_sd") < 0.5 * noise_of_number


def test_occasions_need_several_runs_and_parents_several_fork_servers() -> None:
    (found,) = _calibrated(replace(WORLD, parents=1), 39, times=1, runs=1)
    assert found.occasions == 1
    for name in ("occasion_sd", "occasion_sd_lower", "occasion_sd_upper", "parent_sd"):
        assert isnan(getattr(found, name))
    assert found.replica_sd > 0


def test_runs_without_usable_numbers_are_left_out() -> None:
    rng = np.random.default_rng(40)
    good, other = _occasions(WORLD, rng, runs=2)
    empty = _occasion(TrialTable.of([]))
    found = components_of(METRIC, [empty, good, empty, other])
    assert found is not None
    assert found.occasions == 2
    assert components_of(METRIC, [empty]) is None
    assert components_of(METRIC, []) is None
    assert components_of(BY_NAME["error_rate"], [good]) is None


def test_what_the_reading_alone_leaves_open_is_the_least_that_replicas_differ_by() -> None:
    world, metric = World(replicas=4, blocks=8), BY_NAME["rss_growth_mb_per_1k"]
    measured = table(world, 0.0, np.random.default_rng(42))
    still = replace(measured.columns, rss_mb=np.full(measured.columns.block.size, 100.0))
    found = components_of(metric, [_occasion(replace(measured, columns=still))])
    assert found is not None
    assert found.replica_sd > 0


def test_replicas_with_unknown_places_still_have_a_spread() -> None:
    (found,) = [
        components_of(
            METRIC, [replace(each, table=replace(each.table, replicas=())) for each in _occasions(WORLD, rng)]
        )
        for rng in (np.random.default_rng(41),)
    ]
    assert found is not None
    assert isnan(found.start_slope)
    assert isnan(found.parent_sd)
    assert found.replica_sd > 0


def _numbers(values: Sequence[float], parents: int, level: float, noise: float) -> Numbers:
    count = len(values)
    return Numbers(
        value=np.array(values),
        level=level,
        parent=np.arange(count) % parents,
        position=np.linspace(0, 1, count),
        within=Within(noise, 10.0),
    )


@settings(max_examples=60)
@given(
    st.lists(st.lists(st.floats(-1, 1), min_size=2, max_size=8), min_size=1, max_size=4),
    st.integers(1, 3),
    st.floats(0, 1),
)
def test_whatever_the_numbers_variances_are_never_negative(runs: list[list[float]], parents: int, noise: float) -> None:
    numbers = [_numbers(values, parents, float(i), noise) for i, values in enumerate(runs)]
    spread = spread_of(numbers)
    for variance in (spread.request, spread.replica, spread.parent, spread.total):
        assert isnan(variance) or variance >= 0
    estimate_sd, lower, upper = occasion_sd(numbers, spread)
    assert isnan(estimate_sd) or lower <= estimate_sd <= upper
    slope, low, high = start_slope(numbers, spread)
    assert isnan(slope) or low <= slope <= high


def test_two_replicas_of_one_run_give_no_spread() -> None:
    spread = spread_of([_numbers([0.1, 0.2], parents=2, level=nan, noise=0.1)])
    assert spread.df <= 0
    assert isnan(spread.replica)
