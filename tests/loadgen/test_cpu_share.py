from __future__ import annotations

from dataclasses import replace

import pytest

from perfgate.loadgen.cpu_share import cpu_share
from perfgate.trials import Arm, Depth, Lane, Trial
from tests.stats.build import requests, trial


def _trial(cpu_ms: float, lane: Lane = Lane.LOAD) -> Trial:
    made = trial(0, Arm.CANDIDATE, 0, requests([1.0]), lane, Depth.REQUEST, wall_s=1.0)
    return replace(made, driver_cpu_ms=cpu_ms)


def test_the_generators_share_is_of_all_its_time_under_load() -> None:
    trials = [_trial(50.0), _trial(950.0), _trial(9e9, Lane.COST)]
    assert cpu_share(trials, 1) == pytest.approx(0.5)
    assert cpu_share(trials, 2) == pytest.approx(0.25)


def test_without_load_there_is_no_share() -> None:
    assert cpu_share([_trial(50.0, Lane.COST)], 1) == 0
    assert cpu_share([], 1) == 0
