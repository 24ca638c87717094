"""The load generator under suspicion: how late it sent, and how busy it was."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perfgate.stats.summarise import percentile_to_show
from perfgate.stats.summary import Generator
from perfgate.trials import Lane, Trial


def generator_facts(trials: Sequence[Trial], workers: int) -> Generator | None:
    """Describe the generator over the load lane; None without requests there."""
    mine = [trial for trial in trials if trial.lane is Lane.LOAD]
    lag_ms = np.concatenate([np.empty(0), *(trial.requests.send_lag_ms for trial in mine)])
    wall_s = sum(trial.wall_s for trial in mine)
    if not lag_ms.size or wall_s <= 0:
        return None
    cpu_share = sum(trial.driver_cpu_ms for trial in mine) / 1e3 / wall_s / workers
    p50_ms, p99_ms = float(np.median(lag_ms)), percentile_to_show(lag_ms, 0.99)
    return Generator(int(lag_ms.size), p50_ms, p99_ms, float(lag_ms.max()), cpu_share, workers)
