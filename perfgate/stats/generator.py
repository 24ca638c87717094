"""Performance of the load generator: how late it sent, and how busy it was."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perfgate.loadgen.cpu_share import cpu_share
from perfgate.stats.summarise import percentile_to_show
from perfgate.stats.summary import Generator
from perfgate.trials import Lane, Trial


def generator_facts(trials: Sequence[Trial], workers: int) -> Generator | None:
    """Describe the generator over the load lane; None without requests there."""
    mine = [trial for trial in trials if trial.lane is Lane.LOAD]
    lag_ms = np.concatenate([np.empty(0), *(trial.requests.send_lag_ms for trial in mine)])
    if not lag_ms.size:
        return None
    p50_ms, p99_ms = float(np.median(lag_ms)), percentile_to_show(lag_ms, 0.99)
    return Generator(int(lag_ms.size), p50_ms, p99_ms, float(lag_ms.max()), cpu_share(mine, workers), workers)
