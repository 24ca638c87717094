"""Points of the simulations: separate seeds, correct true changes, verdicts of single runs."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.simulation import spending, tails
from benchmarks.simulation.__main__ import seeds_of
from benchmarks.simulation.independent import POINTS
from benchmarks.simulation.runs import simulate
from benchmarks.simulation.worlds import SCENES
from perfgate.gate.verdict import Verdict
from perfgate.metrics import BY_NAME


def test_every_point_has_seeds_of_its_own() -> None:
    ours = [seeds_of(name, effect) for name, scene in SCENES.items() for effect in scene.effects]
    theirs = [point.seed for point in POINTS]
    assert len(set(ours)) == len(ours)
    assert len(set(theirs)) == len(theirs)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("2 of 16 payloads x 2.5", 0.1875),
        ("1 of 16 payloads x 5", 0.25),
        ("2 of 16 payloads x 1.2", 0.025),
        ("untrimmed: 10 % at random x 3", 0.2),
        ("payloads cost 1 to 50", 0.0),
    ],
)
def test_the_true_change_is_of_the_mean_over_requests(name: str, change: float) -> None:
    assert SCENES[name].requests.truth(0.0) == pytest.approx(change)


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("2 of 16 payloads x 2.5", Verdict.FAIL),
        ("1 of 16 payloads x 5, spikes in 10 %", Verdict.FAIL),
        ("untrimmed: 10 % at random x 3, 256 blocks", Verdict.FAIL),
        ("untrimmed: spikes in 2 %", Verdict.PASS),
        ("payloads cost 1 to 50", Verdict.PASS),
    ],
)
def test_what_hits_few_requests_fails_and_equal_models_pass(name: str, verdict: Verdict) -> None:
    scene = SCENES[name]
    catch = BY_NAME[scene.requests.metric].catch
    runs = [simulate(scene.world, 0.0, catch, (51, run), requests=scene.requests) for run in range(4)]
    assert [run.sequential for run in runs] == [verdict] * len(runs)


@pytest.mark.slow
def test_a_run_that_ends_for_futility_is_followed_to_its_end() -> None:
    scene = SCENES["payloads cost 1 to 50"]
    runs = [simulate(scene.world, 0.025, 0.05, (53, run), requests=scene.requests) for run in range(6)]
    futile = [run for run in runs if run.fraction < 1 and run.sequential is Verdict.INCONCLUSIVE]
    assert futile
    assert all(run.sequential is run.in_time for run in runs if run not in futile)


def test_a_tail_in_one_arm_is_found_and_none_in_equal_arms() -> None:
    worse, equal = (tails.effect(tails.Tail(12, 200), more, np.random.default_rng(54)) for more in (1 / 60, 0.0))
    assert worse.lower > 0.15
    assert equal.lower < 0 < equal.upper


def test_a_spending_function_that_ends_runs_earlier_decides_as_many_far_away() -> None:
    def cells(name: str) -> list[str]:
        return spending.row(name, 7.0, 8, 20, 2000).split(" | ")

    before, now = cells("O'Brien-Fleming type"), cells("t³ (today's)")
    assert before[2] == now[2] == "100.0%"
    assert float(before[3]) == 0.5
    assert float(now[3]) == 0.375
