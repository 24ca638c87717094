from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from perfgate.results.columns import block_columns, trial_columns
from perfgate.results.result import BlockColumns, TrialColumns
from perfgate.trials import Arm, Memory, Trial
from tests.report.trials import block, trial


def _one(**changes: object) -> Trial:
    made = trial(np.random.default_rng(1), block=0, arm=Arm.BASELINE, replica=0, requests=5)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_each_trial_is_one_row_with_its_own_numbers() -> None:
    first = _one(memory=Memory(300.0, 310.0, 80.0, float("nan")))
    second = trial(np.random.default_rng(2), block=1, arm=Arm.CANDIDATE, replica=3, requests=2)
    columns = trial_columns([first, second])
    assert {len(getattr(columns, field.name)) for field in fields(columns)} == {2}
    assert columns.arm == ("baseline", "candidate")
    assert columns.requests == (5, 2)
    assert columns.service_mean_ms == pytest.approx([t.requests.service_ms.mean() for t in (first, second)])
    assert columns.response_p50_ms == pytest.approx([np.median(t.requests.response_ms) for t in (first, second)])
    assert columns.response_max_ms == pytest.approx([t.requests.response_ms.max() for t in (first, second)])
    assert columns.rss_mb == (300.0, None)
    assert columns.uss_mb == (None, None)


def test_a_trial_has_a_99th_percentile_where_a_request_lies_beyond_it() -> None:
    many, few = (
        trial(np.random.default_rng(1), block=0, arm=Arm.BASELINE, replica=0, requests=requests)
        for requests in (100, 99)
    )
    columns = trial_columns([many, few])
    assert columns.response_p99_ms == (np.sort(many.requests.response_ms)[98], None)


def test_failures_count_as_errors_and_keep_their_time() -> None:
    made = _one()
    failed = replace(made.requests, status=np.array([0, 4, 0, 14, 0], np.int8))
    columns = trial_columns([replace(made, requests=failed)])
    assert columns.errors == (2,)
    assert columns.response_max_ms == pytest.approx([made.requests.response_ms.max()])


def test_a_trial_without_requests_and_unknown_cpu_time_is_a_row_of_nones() -> None:
    empty = trial(np.random.default_rng(1), block=0, arm=Arm.BASELINE, replica=0, requests=0)
    columns = trial_columns([replace(empty, cpu_ms=float("nan")), _one()])
    assert columns.requests == (0, 5)
    assert columns.errors == (0, 0)
    assert columns.service_mean_ms[0] is None
    assert columns.cpu_ms[0] is None


def test_nothing_gives_empty_columns() -> None:
    assert trial_columns([]) == TrialColumns()
    assert block_columns([]) == BlockColumns()


def test_blocks_keep_their_conditions_and_none_for_unknown() -> None:
    columns = block_columns([block(np.random.default_rng(1), 7)])
    assert columns.block == (7,)
    assert columns.steal_share == (0.01,)
    assert columns.cpu_pressure_share == (None,)
    assert columns.schedule == (None,)
    assert block_columns([replace(block(np.random.default_rng(1), 7), schedule="sha256:0")]).schedule == ("sha256:0",)
