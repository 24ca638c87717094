from __future__ import annotations

from dataclasses import replace

import numpy as np

from perfgate.stats.classes import class_summaries
from perfgate.trials import Arm, Depth, Lane, Requests, Trial
from tests.stats.build import requests, trial


def _mixed(count: int) -> Requests:
    times_ms = [1.0, 1.0, 9.0] * count
    return replace(requests(times_ms, queue_ms=0.5), kind=np.array([0, 0, 1] * count, np.int8))


def _load(done: Requests, arm: Arm = Arm.CANDIDATE) -> Trial:
    return trial(0, arm, 0, done, Lane.LOAD, Depth.REQUEST)


def test_each_class_is_described_on_its_own() -> None:
    small, large = class_summaries([_load(_mixed(200))], ("small", "large"))
    assert (small.name, small.requests, small.service_mean_ms) == ("small", 400, 1.0)
    assert (large.name, large.requests, large.latency_p50_ms) == ("large", 200, 9.5)
    assert small.latency_p99_ms == 1.5
    assert large.latency_p99_ms is None  # 200 requests are too few


def test_failures_are_counted_by_class_and_arm() -> None:
    done = _mixed(10)
    failing = replace(done, status=np.where(done.kind == 1, 14, 0).astype(np.int8))
    found = class_summaries([_load(failing), _load(done, Arm.BASELINE)], ("small", "large"))
    assert [(each.arm, each.failed) for each in found] == [
        (Arm.BASELINE, 0), (Arm.BASELINE, 0), (Arm.CANDIDATE, 0), (Arm.CANDIDATE, 10),
    ]  # fmt: skip


def test_one_class_needs_no_table_and_a_silent_class_no_row() -> None:
    assert class_summaries([_load(_mixed(3))], ("all",)) == ()
    plain = requests([1.0, 2.0])
    assert [each.name for each in class_summaries([_load(plain)], ("small", "large"))] == ["small"]
