from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perfgate.stats.generator import generator_facts
from perfgate.trials import Arm, Depth, Lane, Trial
from tests.stats.build import requests, trial


def _trial(lag_ms: np.ndarray, cpu_ms: float, lane: Lane = Lane.LOAD) -> Trial:
    done = replace(requests([1.0] * lag_ms.size), send_lag_ms=lag_ms)
    return replace(trial(0, Arm.CANDIDATE, 0, done, lane, Depth.REQUEST, wall_s=2.0), driver_cpu_ms=cpu_ms)


def test_the_facts_contain_send_lag_and_cpu_share() -> None:
    lag_ms = np.append(np.full(398, 0.1), [5.0, 20.0])
    found = generator_facts([_trial(lag_ms, 600.0), _trial(lag_ms, 200.0), _trial(lag_ms, 9e9, Lane.COST)], workers=2)
    assert found is not None
    assert (found.requests, found.send_lag_p50_ms, found.send_lag_max_ms) == (800, 0.1, 20.0)
    assert found.send_lag_p99_ms == 0.1
    assert found.cpu_share == pytest.approx(0.8 / 4.0 / 2)


def test_without_load_there_are_no_facts() -> None:
    assert generator_facts([], workers=1) is None
    assert generator_facts([_trial(np.empty(0), 1.0)], workers=1) is None
