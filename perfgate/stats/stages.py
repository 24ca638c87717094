"""Breakdown of a request's time under load, from the servers' stage times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from perfgate.stats.summarise import percentile_to_show
from perfgate.stats.summary import BatchSizes, StageSummary
from perfgate.stats.table import ARMS, Floats
from perfgate.trials import Arm, Lane, Requests, Trial

STAGES = ("send lag", "queue", "execute", "encode", "rest")


def stage_summaries(trials: Sequence[Trial]) -> tuple[StageSummary, ...]:
    """Split the response time of the answered requests into stages; the means of all stages add up to its mean."""
    return tuple(summary for arm in ARMS for summary in _of_arm(arm, _with_stages(arm, trials)))


def batch_sizes(trials: Sequence[Trial]) -> tuple[BatchSizes, ...]:
    """Count the requests by the size of the batch in which they were executed."""
    found = []
    for arm in ARMS:
        if staged := _with_stages(arm, trials):
            every = np.concatenate([_stages(each)[-1] for each in staged])
            rows, requests = np.unique(np.rint(every[~np.isnan(every)]).astype(np.int64), return_counts=True)
            found.append(BatchSizes(arm, tuple(rows.tolist()), tuple(requests.tolist())))
    return tuple(found)


def _with_stages(arm: Arm, trials: Sequence[Trial]) -> list[Requests]:
    return [t.requests for t in trials if t.lane is Lane.LOAD and t.arm is arm and t.requests.stages is not None]


def _stages(requests: Requests) -> tuple[Floats, Floats, Floats, Floats]:
    stages = requests.stages
    if stages is None:
        raise ValueError("these requests have no stage times")
    return stages.queue_ms, stages.execute_ms, stages.encode_ms, stages.batch_size


def _of_arm(arm: Arm, staged: Sequence[Requests]) -> Iterator[StageSummary]:
    if not staged:
        return
    inside = np.concatenate([np.stack(_stages(each)[:3]) for each in staged], axis=1)
    known = ~np.isnan(inside).any(axis=0) & (np.concatenate([each.status for each in staged]) == 0)
    if not known.any():
        return
    lag, service = (np.concatenate([getattr(each, name) for each in staged]) for name in ("send_lag_ms", "service_ms"))
    rest = service - inside.sum(axis=0)
    for stage, values in zip(STAGES, (lag, *inside, rest), strict=True):
        mine = values[known]
        yield StageSummary(
            arm, stage, int(mine.size), float(mine.mean()), float(np.median(mine)), percentile_to_show(mine, 0.99)
        )
