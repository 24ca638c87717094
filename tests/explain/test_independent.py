"""Replicas' numbers, their differences, and which of many are named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.simulation.ops import independent
from benchmarks.simulation.ops.models import Pair
from benchmarks.simulation.ops.worlds import World, simulated
from perfgate.explain.replicas import differences, holm, per_replica
from perfgate.explain.traces import Traced
from perfgate.stats.contrast import welch
from perfgate.stats.table import Floats, Ints

WORLD = World(struck=0.05, process_sd=0.017)
PAIR = Pair("slow", added=0.02, slow=(1.0, 2.5), ops=12)


def run(rounds: int) -> Traced:
    return simulated(replace(WORLD, rounds=rounds), PAIR, np.random.default_rng(61))


def arms_of_a_run() -> tuple[Floats, Floats]:
    """Return both arms' numbers, of the operations that take time."""
    traced = run(60)
    return per_replica(traced.unit_ms[:, traced.unit_ms.max(axis=0) > 0], traced)


def squared(traced: Traced, side: bool) -> tuple[Floats, Ints]:
    """Return an arm's times as rounds x replicas x operations, and the request of each round."""
    mine = traced.arm == side
    replicas = np.unique(traced.replica[mine])
    by_replica = [traced.unit_ms[traced.replica == each] for each in replicas]
    return np.stack(by_replica, axis=1), traced.request[traced.replica == replicas[0]]


@pytest.mark.parametrize("rounds", [2, 7, 16, 60])
def test_an_implementation_of_its_own_gives_the_same_numbers(rounds: int) -> None:
    traced = run(rounds)
    for side, found in zip((False, True), per_replica(traced.unit_ms, traced), strict=True):
        assert found == pytest.approx(independent.numbers(*squared(traced, side)), rel=1e-9, abs=1e-12)


def test_an_implementation_of_its_own_gives_the_same_intervals() -> None:
    arms = arms_of_a_run()
    found, (apart, half, p_values) = differences(*arms), independent.t_test(*arms)
    assert found.estimate == pytest.approx(apart)
    assert found.p_values() == pytest.approx(p_values)
    assert [found.interval(n).high - found.estimate[n] for n in range(apart.size)] == pytest.approx(half)


def test_each_column_is_compared_as_the_gate_compares_one() -> None:
    baseline, candidate = arms_of_a_run()
    found = differences(baseline, candidate)
    for number in range(baseline.shape[1]):
        one = welch(baseline[:, number], candidate[:, number])
        assert (found.estimate[number], found.se[number], found.df[number]) == pytest.approx(
            (one.difference, one.se, one.df)
        )


def test_a_request_that_came_once_weighs_as_much_as_one_that_came_three_times() -> None:
    request = np.repeat([0, 1, 1, 1], 4)
    traced = replace(run(2), arm=np.tile([False, False, True, True], 4), replica=np.tile([0, 1, 2, 3], 4))
    traced = replace(traced, request=request)
    values = np.where(request == 0, 9.0, 1.0)[:, None]
    assert [arm.ravel().tolist() for arm in per_replica(values, traced)] == [[5.0, 5.0], [5.0, 5.0]]


def test_holm_stops_at_the_first_that_is_not_small_enough() -> None:
    assert holm(np.array([0.004, 0.001, 0.9, 0.006]), 0.01).tolist() == [False, True, False, False]
    assert holm(np.array([0.003, 0.001, 0.9, 0.005]), 0.01).tolist() == [True, True, False, True]


def test_three_interruptions_of_a_request_that_six_replicas_had_once_do_not_move_their_arm() -> None:
    rounds, replicas = 10, 12
    arm = np.tile(np.arange(replicas) % 2 == 1, rounds)
    replica, request = np.tile(np.arange(replicas), rounds), np.repeat(np.arange(rounds), replicas)
    traced = replace(run(2), arm=arm, replica=replica, request=request)
    values = np.asarray(2.0 + 0.001 * np.arange(replicas)[replica][:, None], np.float64)
    calm = per_replica(values, traced)
    values[[1, 3, 5]] += 4.0
    assert [arms.ravel().tolist() for arms in per_replica(values, traced)] == [
        pytest.approx(arms.ravel().tolist(), abs=0.001) for arms in calm
    ]
