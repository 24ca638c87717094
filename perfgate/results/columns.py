"""Trials and blocks as the columns that a result keeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from perfgate.results.result import BlockColumns, TrialColumns
from perfgate.stats.table import known_mean
from perfgate.trials import Block, Trial

_STAGES = ("queue_ms", "execute_ms", "encode_ms", "batch_size")
_LEAST_FOR_P99 = 100
"""Fewest requests of a trial that has a 99th percentile: at least one request lies beyond it."""


def trial_columns(trials: Iterable[Trial]) -> TrialColumns:
    """Reduce each trial to one row; failed requests count with the time they took, and unknown numbers are None."""
    rows = tuple(trials)
    if not rows:
        return TrialColumns()
    numbers = _request_numbers(rows)
    memory, usage = [trial.memory for trial in rows], [trial.usage for trial in rows]
    return TrialColumns(
        lane=tuple(trial.lane.value for trial in rows),
        depth=tuple(trial.depth.value for trial in rows),
        block=tuple(trial.block for trial in rows),
        arm=tuple(trial.arm.value for trial in rows),
        replica=tuple(trial.replica for trial in rows),
        start_s=tuple(trial.start_s for trial in rows),
        wall_s=tuple(trial.wall_s for trial in rows),
        requests=tuple(len(trial.requests.status) for trial in rows),
        errors=tuple(int(n) for n in numbers["errors"]),
        service_mean_ms=_known(numbers["mean"].tolist()),
        response_p50_ms=_known(numbers["p50"].tolist()),
        response_max_ms=_known(numbers["max"].tolist()),
        cpu_ms=_known([trial.cpu_ms for trial in rows]),
        rss_mb=_known([m.rss_mb if m else None for m in memory]),
        pss_mb=_known([m.pss_mb if m else None for m in memory]),
        uss_mb=_known([m.uss_mb if m else None for m in memory]),
        **{name: _known([_stage_mean(trial, name) for trial in rows]) for name in _STAGES},
        context_switches=_known([u.voluntary_switches + u.involuntary_switches if u else None for u in usage]),
        page_faults=_known([u.minor_faults + u.major_faults if u else None for u in usage]),
        throttled_ms=_known([u.throttled_ms if u else None for u in usage]),
        response_p99_ms=_known([_response_p99_ms(trial) for trial in rows]),
    )


def _response_p99_ms(trial: Trial) -> float | None:
    times_ms = trial.requests.response_ms
    return None if times_ms.size < _LEAST_FOR_P99 else float(np.quantile(times_ms, 0.99, method="inverted_cdf"))


def _stage_mean(trial: Trial, stage: str) -> float | None:
    return None if trial.requests.stages is None else known_mean(getattr(trial.requests.stages, stage))


def block_columns(blocks: Iterable[Block]) -> BlockColumns:
    """Keep each block's position, time and conditions."""
    rows = tuple(blocks)
    return BlockColumns(
        lane=tuple(block.lane.value for block in rows),
        depth=tuple(block.depth.value for block in rows),
        block=tuple(block.index for block in rows),
        start_s=tuple(block.start_s for block in rows),
        wall_s=tuple(block.wall_s for block in rows),
        steal_share=_known([block.conditions.steal_share for block in rows]),
        cpu_pressure_share=_known([block.conditions.cpu_pressure_share for block in rows]),
        schedule=tuple(block.schedule for block in rows),
    )


def _request_numbers(trials: Sequence[Trial]) -> pd.DataFrame:
    # One groupby over all requests: a median call per trial would take a second for 40,000 trials.
    counts = [len(trial.requests.status) for trial in trials]
    frame = pd.DataFrame(
        {
            "trial": np.repeat(np.arange(len(trials)), counts),
            "service": np.concatenate([trial.requests.service_ms for trial in trials]),
            "response": np.concatenate([trial.requests.response_ms for trial in trials]),
            "error": np.concatenate([trial.requests.status for trial in trials]) != 0,
        }
    )
    groups = frame.groupby("trial")
    numbers = pd.DataFrame(
        {
            "mean": groups["service"].mean(),
            "p50": groups["response"].median(),
            "max": groups["response"].max(),
            "errors": groups["error"].sum(),
        }
    ).reindex(range(len(trials)))
    return numbers.fillna({"errors": 0})


def _known(values: Sequence[float | None]) -> tuple[float | None, ...]:
    return tuple(None if value is None or value != value else float(value) for value in values)  # noqa: PLR0124 - NaN
