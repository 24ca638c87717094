from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from perfgate.errors import UsageError
from perfgate.results.samples import SampleWriter, read_samples, rebuild_trials
from perfgate.trials import Arm, Block, Conditions, Depth, Lane, Trial
from tests.report.trials import block, trial


def _written(path: Path, *blocks: Block) -> Path:
    with SampleWriter(path) as writer:
        for each in blocks:
            writer.append(each)
    return path


def _assert_same(left: Trial, right: Trial) -> None:
    for field in fields(Trial):
        if field.name != "requests":
            assert getattr(left, field.name) == getattr(right, field.name), field.name
    for field in fields(left.requests):
        before, after = getattr(left.requests, field.name), getattr(right.requests, field.name)
        if field.name == "stages" and before is not None:
            for stage in fields(before):
                np.testing.assert_array_equal(getattr(before, stage.name), getattr(after, stage.name))
        elif before is None:
            assert after is None
        else:
            np.testing.assert_allclose(before, after, atol=1e-12)


def test_trials_are_rebuilt_from_their_samples(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    blocks = [block(rng, index, replicas=3, requests=1 + index) for index in range(4)]
    rebuilt = rebuild_trials(read_samples(_written(tmp_path / "samples.arrow", *blocks)))
    trials = [each for one in blocks for each in one.trials]
    assert len(rebuilt) == len(trials)
    for before, after in zip(trials, rebuilt, strict=True):
        _assert_same(before, after)


def test_request_classes_and_stage_times_are_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    reported = trial(rng, block=0, arm=Arm.BASELINE, replica=0, requests=5, with_stages=True)
    silent = trial(rng, block=0, arm=Arm.CANDIDATE, replica=1, requests=3)
    made = Block(Lane.COST, Depth.EXECUTE, 0, 0.0, 1.0, (reported, silent), Conditions(0.0, 0.0))
    table = read_samples(_written(tmp_path / "samples.arrow", made))
    assert table["queue_ms"].null_count == 4
    first, second = rebuild_trials(table)
    _assert_same(reported, first)
    _assert_same(silent, second)


def test_a_trial_without_requests_is_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    trials = tuple(trial(rng, block=0, arm=Arm.BASELINE, replica=r, requests=n) for r, n in enumerate((0, 2)))
    made = Block(Lane.LOAD, Depth.REQUEST, 0, 0.0, 1.0, trials, Conditions(0.0, 0.0))
    table = read_samples(_written(tmp_path / "samples.arrow", made))
    assert table.num_rows == 3
    assert [len(each.requests.status) for each in rebuild_trials(table)] == [0, 2]


def test_scheduled_counts_from_the_start_of_the_run(tmp_path: Path) -> None:
    made = block(np.random.default_rng(1), 5, replicas=1, requests=3)
    table = read_samples(_written(tmp_path / "samples.arrow", made))
    first = made.trials[0]
    assert table["scheduled_s"].to_pylist()[:3] == pytest.approx((first.start_s + first.requests.scheduled_s).tolist())


def test_every_block_is_on_disk_before_the_next_and_before_the_end(tmp_path: Path) -> None:
    writer = SampleWriter(tmp_path / "samples.arrow")
    rows = []
    for index in range(3):
        writer.append(block(np.random.default_rng(index), index, replicas=2))
        rows.append(read_samples(tmp_path / "samples.arrow").num_rows)
    writer.close()
    writer.close()
    assert rows == [4, 8, 12]


@pytest.mark.parametrize("cut", [1, 9, 200, 700, 1400])
def test_a_truncated_tail_loses_the_last_block_at_most(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "samples.arrow"
    ends = []
    with SampleWriter(path) as writer:
        for index in range(3):
            writer.append(block(np.random.default_rng(index), index, replicas=2))
            ends.append(path.stat().st_size)
    assert cut < ends[2] - ends[1]
    path.write_bytes(path.read_bytes()[: ends[2] - cut])
    table = read_samples(path)
    assert table.num_rows == 8
    assert len(rebuild_trials(table)) == 8


def test_a_run_without_blocks_has_an_empty_table(tmp_path: Path) -> None:
    table = read_samples(_written(tmp_path / "samples.arrow"))
    assert table.num_rows == 0
    assert rebuild_trials(table) == ()


@pytest.mark.parametrize("content", [None, b"", b"no arrow at all, but long enough to look like something"])
def test_what_is_no_stream_is_a_usage_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "samples.arrow"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_samples(path)
    assert caught.value.remedy


def test_traced_executions_are_kept_as_what_they_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    trials = tuple(
        replace(trial(rng, block=0, arm=arm, replica=side), depth=Depth.OPS, payload=5) for side, arm in enumerate(Arm)
    )
    path = _written(tmp_path / "samples.arrow", Block(Lane.COST, Depth.OPS, 0, 0.0, 1.0, trials, Conditions(0.0, 0.0)))
    rebuilt = rebuild_trials(read_samples(path))
    for before, after in zip(trials, rebuilt, strict=True):
        assert after.depth is Depth.OPS
        _assert_same(before, after)
