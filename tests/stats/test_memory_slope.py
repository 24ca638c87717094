from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from perfgate.metrics import BY_NAME, Source
from perfgate.stats.effect import Effect
from perfgate.stats.estimate import estimate
from perfgate.stats.memory_slope import readings
from perfgate.stats.per_trial import rows_of
from perfgate.stats.summarise import summarise
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm, Depth, Lane, Memory, Trial
from tests.stats.build import execute_trials, requests, trial
from tests.stats.generator import World
from tests.stats.memory import Readings, memory_table

GROWTH = BY_NAME["rss_growth_mb_per_1k"]


def _reading(rss_mb: float | None, count: int, replica: int = 0, lane: Lane = Lane.COST, unrecorded: int = 0) -> Trial:
    depth = Depth.REQUEST if lane is Lane.LOAD else Depth.EXECUTE
    memory = None if rss_mb is None else Memory(rss_mb, 999.0, 1.0, 1.0)
    done = trial(0, list(Arm)[replica % 2], replica, requests([1.0] * count), lane, depth, memory=memory)
    return replace(done, unrecorded=unrecorded)


def _slopes(rows: list[Trial]) -> list[float]:
    columns = TrialTable.of(rows).columns
    return [float(slope) for slope in readings(columns, rows_of(columns, Source.EXECUTE)).slopes]


def test_the_slope_is_theil_and_sens_over_every_request_that_was_answered() -> None:
    rss_mb = [10.0, 10.4, 10.1, 11.8, 10.9]
    rows = [_reading(mb, count) for mb, count in zip(rss_mb, [1, 50, 30, 20, 40], strict=True)]
    between = [
        _reading(None, 100),  # not read
        _reading(50.0, 7, lane=Lane.LOAD, unrecorded=6),  # of another lane
        _reading(11.0, 500, replica=1),  # of another replica
    ]
    expected = 1000 * stats.theilslopes(rss_mb, [1, 164, 194, 214, 254]).slope
    first, other = _slopes([*rows[:1], *between, *rows[1:]])
    assert first == pytest.approx(expected)
    assert np.isnan(other)


def test_what_a_lane_touches_when_it_begins_is_no_growth() -> None:
    rows = [_reading(mb, 100, replica, lane) for replica in range(4) for mb, lane in _STEP]
    effect = estimate(GROWTH, TrialTable.of(rows), 0.01)
    assert effect is not None
    assert (effect.baseline_value, effect.change, effect.source) == (0.0, 0.0, "cost/execute")


def test_memory_that_is_given_back_begins_a_new_stretch() -> None:
    sizes_mb = [340.0, 340.1, 340.2, 330.9, 331.0, 331.1]
    assert _slopes([_reading(mb, 100) for mb in sizes_mb]) == pytest.approx([1.0])
    assert _slopes([_reading(mb, 100) for mb in (340.0, 330.0)]) == pytest.approx([np.nan], nan_ok=True)


_STEP = [(10.0, Lane.COST), (10.0, Lane.COST), (10.0, Lane.COST), (19.0, Lane.LOAD), (19.5, Lane.LOAD)]


def test_the_lane_with_the_most_requests_between_readings_is_used() -> None:
    short = [(10.0, 1, Lane.COST), (10.5, 100, Lane.COST), (20.0, 1, Lane.LOAD), (20.4, 800, Lane.LOAD)]
    rows = [_reading(mb, count, replica, lane) for replica in range(4) for mb, count, lane in short]
    effect = estimate(GROWTH, TrialTable.of(rows), 0.01)
    assert effect is not None
    assert effect.source == "load/request"
    assert effect.baseline_value == pytest.approx(0.5)


def test_arms_differ_by_so_many_mebibytes_not_by_a_share() -> None:
    slopes = [-0.1, 0.6, 0.0, 0.9, 0.1, 0.9]
    rows = [_reading(10 + slope * i, 1000, replica) for i in range(3) for replica, slope in enumerate(slopes)]
    effect = estimate(GROWTH, TrialTable.of(rows), 0.01)
    assert effect is not None
    assert effect.change == pytest.approx(0.8)
    assert effect.lower < 0.8 < effect.upper
    assert effect.baseline_value == pytest.approx(0.0)
    typical = {each.arm: each.value for each in summarise(TrialTable.of(rows)) if each.metric == GROWTH.name}
    assert typical == pytest.approx({Arm.BASELINE: 0.0, Arm.CANDIDATE: 0.9})


@pytest.mark.parametrize("rows", [[], execute_trials(3, 2, lambda *_: 1.0), [_reading(10.0, 5, i) for i in range(4)]])
def test_without_two_readings_there_is_no_slope(rows: list[Trial]) -> None:
    assert estimate(GROWTH, TrialTable.of(rows), 0.01) is None


# How often it is right, over simulated servers that take memory in lumps.


def _effects(leak_mb: float, runs: int, readings: Readings, world: World) -> list[Effect]:
    rng = np.random.default_rng(31)
    made = (estimate(GROWTH, memory_table(world, readings, leak_mb, rng), 0.01, cross_check=False) for _ in range(runs))
    return [effect for effect in made if effect is not None]


@pytest.mark.slow
@pytest.mark.parametrize("readings", [Readings(), Readings(given_back_mb=9.5)], ids=["kept", "given back"])
@pytest.mark.parametrize("replicas", [4, 12])
@pytest.mark.parametrize("leak_mb", [0.0, 1.0])
def test_each_bound_misses_the_leak_no_more_often_than_it_says(
    leak_mb: float, replicas: int, readings: Readings
) -> None:
    runs = 200
    found = _effects(leak_mb, runs, readings, World(replicas=replicas))
    most = stats.binom.isf(1e-4, runs, 0.01)
    assert len(found) == runs
    assert sum(effect.lower > leak_mb for effect in found) <= most
    assert sum(effect.upper < leak_mb for effect in found) <= most


@pytest.mark.slow
def test_a_kibibyte_a_request_lies_above_half_of_it_and_no_leak_below() -> None:
    leaking, tight = (_effects(leak, 40, Readings(), World()) for leak in (1.0, 0.0))
    assert sum(effect.lower > 0.5 for effect in leaking) >= 39
    assert sum(effect.upper <= 0.5 for effect in tight) >= 39


def test_a_few_hundred_requests_do_not_show_a_kibibyte() -> None:
    """Memory comes in lumps: the slope of a short run is known to within a lump over its requests."""
    few = _effects(1.0, 30, Readings(requests=200), World())
    assert sum(effect.lower > 0.5 for effect in few) < 15
