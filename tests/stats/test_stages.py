from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perfgate.stats.stages import STAGES, batch_sizes, stage_summaries
from perfgate.trials import Arm, Depth, Lane, Requests, Stages, Trial
from tests.stats.build import requests, trial

_TIMES_MS = np.linspace(1.0, 3.0, 400)


def _staged(times_ms: np.ndarray, batch_size: float = 8.0) -> Requests:
    size = times_ms.size
    stages = Stages(0.1 * times_ms, 0.6 * times_ms, 0.05 * times_ms, np.full(size, batch_size))
    lag_ms = np.full(size, 0.2)
    return replace(requests(times_ms.tolist()), stages=stages, send_lag_ms=lag_ms, response_ms=times_ms + lag_ms)


def _trial(done: Requests, arm: Arm = Arm.CANDIDATE, lane: Lane = Lane.LOAD) -> Trial:
    return trial(0, arm, 0, done, lane, Depth.REQUEST)


def test_the_stages_add_up_to_the_response_time() -> None:
    summaries = stage_summaries([_trial(_staged(_TIMES_MS)), _trial(_staged(2 * _TIMES_MS))])
    assert tuple(each.stage for each in summaries) == STAGES
    assert sum(each.mean_ms for each in summaries) == pytest.approx(3.0 + 0.2)
    execute = summaries[STAGES.index("execute")]
    assert execute.requests == 800
    assert execute.p50_ms == pytest.approx(0.6 * float(np.median([*_TIMES_MS, *(2 * _TIMES_MS)])))


def test_failed_requests_other_lanes_and_those_without_stages_are_left_out() -> None:
    reported = _staged(_TIMES_MS)
    assert reported.stages is not None
    status = np.zeros(400, np.int8)
    status[:10] = 14
    queue_ms = reported.stages.queue_ms.copy()
    queue_ms[-5:] = np.nan
    partly = replace(reported, status=status, stages=replace(reported.stages, queue_ms=queue_ms))
    summaries = stage_summaries([_trial(partly), _trial(requests([9.0])), _trial(reported, lane=Lane.COST)])
    assert {each.requests for each in summaries} == {385}


def test_a_percentile_needs_its_requests() -> None:
    assert stage_summaries([_trial(_staged(_TIMES_MS[:298]))])[0].p99_ms is None
    assert stage_summaries([_trial(_staged(_TIMES_MS[:299]))])[0].p99_ms == pytest.approx(0.2)


def test_each_arm_is_on_its_own_and_one_without_stage_times_is_not_there() -> None:
    trials = [_trial(_staged(_TIMES_MS), Arm.BASELINE), _trial(requests([1.0]))]
    assert {each.arm for each in stage_summaries(trials)} == {Arm.BASELINE}
    assert {each.arm for each in batch_sizes(trials)} == {Arm.BASELINE}
    assert stage_summaries([]) == ()
    assert batch_sizes([]) == ()


def test_batch_sizes_count_requests() -> None:
    trials = [
        _trial(_staged(_TIMES_MS[:30], 8)),
        _trial(_staged(_TIMES_MS[:12], 24)),
        _trial(_staged(_TIMES_MS[:5], 8)),
    ]
    (found,) = batch_sizes(trials)
    assert (found.rows, found.requests) == ((8, 24), (35, 12))


def test_only_failed_requests_have_no_stages() -> None:
    failed = replace(_staged(_TIMES_MS), status=np.full(400, 14, np.int8))
    assert stage_summaries([_trial(failed)]) == ()
