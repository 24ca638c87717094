"""Other tools' rules on the same recorded runs of equal models: the replay must be able to show their errors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmarks.operating_curve.rules import mann_whitney, pooled_t
from perfgate.metrics import Source
from perfgate.stats.per_trial import rows_of
from perfgate.stats.quantile import arm_times
from perfgate.trials import Arm
from tests.replay.inject import dealt
from tests.stats.traces import NAMES, trace

DEALS = 90
"""Over all traces with load together, with equal numbers of each."""
LOADED = [name for name in NAMES if rows_of(trace(name).table.columns, Source.LOAD).any()]


@pytest.mark.slow
def test_pooled_requests_under_load_call_equal_models_different() -> None:
    different, slower = [], []
    for table in dealt(LOADED, DEALS, seed=61):
        baseline, candidate = (arm_times(table.columns, Source.LOAD, "response", arm) for arm in Arm)
        different.append(stats.mannwhitneyu(baseline, candidate).pvalue < 0.01)
        slower.append(mann_whitney(baseline, candidate) or pooled_t(baseline, candidate))
    # The nominal rates are 1 % and, one-sided, 2.5 %.
    assert np.mean(different) > 0.2
    assert np.mean(slower) > 0.2
