"""CPU use of the load generator, from the trials of a run."""

from __future__ import annotations

from collections.abc import Iterable

from perfgate.trials import Lane, Trial


def cpu_share(trials: Iterable[Trial], workers: int) -> float:
    """Return the share of a core that each of its processes used during the load lane; 0 without a load lane."""
    mine = [trial for trial in trials if trial.lane is Lane.LOAD]
    wall_s = sum(trial.wall_s for trial in mine)
    return sum(trial.driver_cpu_ms for trial in mine) / 1e3 / wall_s / workers if wall_s > 0 else 0.0
