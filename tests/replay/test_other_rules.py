"""What others do with the same recorded runs of equal models: the replay must be able to show it going wrong."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmarks.operating_curve.rules import mann_whitney, pooled_t
from perfgate.metrics import Source
from perfgate.stats.quantile import arm_times
from perfgate.trials import Arm
from tests.replay.inject import relabelled
from tests.stats.traces import NAMES, trace

DEALS = 40


@pytest.mark.parametrize("name", NAMES)
def test_pooled_requests_under_load_call_equal_models_different(name: str) -> None:
    rng, different, slower = np.random.default_rng(61), 0, 0
    for _ in range(DEALS):
        columns = relabelled(trace(name).table, rng).columns
        baseline, candidate = (arm_times(columns, Source.LOAD, "response", arm) for arm in Arm)
        different += stats.mannwhitneyu(baseline, candidate).pvalue < 0.01
        slower += mann_whitney(baseline, candidate) or pooled_t(baseline, candidate)
    # Nominal are 1 % and, of one side, 2.5 %.
    assert different >= 0.1 * DEALS
    assert slower >= 0.1 * DEALS
