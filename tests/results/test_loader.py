from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from perfgate.errors import UsageError
from perfgate.gate.judge import judge
from perfgate.gate.verdict import Verdict
from perfgate.results import document, loader
from perfgate.results.assemble import assemble
from perfgate.results.loader import read_run, table_of
from perfgate.results.recorder import Recorder
from perfgate.results.result import Outcome, TrialColumns
from perfgate.results.samples import FILE_NAME, read_samples
from perfgate.scenario.schema import Gate
from perfgate.stats.table import Columns, TrialTable
from perfgate.trials import Arm, Block, Conditions, Depth, Lane, Requests, State, Usage
from tests.report import example
from tests.report.trials import block, trial

_SINGLE_PRECISION = ("queue_ms", "encode_ms", "batch_size")
_SIX_DIGITS = ("context_switches", "page_faults")


def _assert_same(left: Columns, right: Columns, *without: str) -> None:
    for field in fields(Columns):
        if field.name not in without:
            one, other = getattr(left, field.name), getattr(right, field.name)
            assert one.dtype == other.dtype, field.name
            close = {**dict.fromkeys(_SINGLE_PRECISION, 1e-6), **dict.fromkeys(_SIX_DIGITS, 1e-5)}
            np.testing.assert_allclose(one, other, rtol=close.get(field.name, 0), err_msg=field.name)


def _blocks() -> list[Block]:
    """Make single executions, then turns under load with everything that a trial may have or lack."""
    rng = np.random.default_rng(1)
    executions = [block(rng, index, replicas=3) for index in range(4)]
    turns = []
    for index in range(2):
        trials = [
            replace(
                trial(
                    rng, block=index, arm=arm, replica=replica, requests=5 + replica + index, with_stages=replica != 1
                ),
                lane=Lane.LOAD,
                depth=Depth.REQUEST,
                state=State.UNDER_LOAD,
                usage=Usage(3.0, 123_456.0, 7.0, 1.0) if replica else None,
                cpu_ms=float("nan") if index else 5.0,
                unrecorded=replica,
            )
            for replica in range(3)
            for arm in Arm
        ]
        trials[2] = replace(trials[2], requests=_failing(trials[2].requests))
        trials[3] = replace(trials[3], requests=_none(trials[3].requests))
        turns.append(Block(Lane.LOAD, Depth.REQUEST, index, 9.0, 1.0, tuple(trials), Conditions(0.0, 0.0)))
    single = [replace(each, depth=Depth.REQUEST) for each in block(rng, 0, replicas=3).trials]
    return [*executions, Block(Lane.COST, Depth.REQUEST, 0, 8.0, 1.0, tuple(single), Conditions(0.0, 0.0)), *turns]


def _failing(done: Requests) -> Requests:
    status, service_ms = done.status.copy(), done.service_ms.copy()
    status[:2], service_ms[1] = 4, np.nan
    return replace(done, status=status, service_ms=service_ms)


def _none(done: Requests) -> Requests:
    nothing = {each.name: getattr(done, each.name)[:0] for each in fields(done) if each.name not in {"kind", "stages"}}
    return Requests(**nothing)


def _recorded(directory: Path) -> TrialTable:
    started = replace(example.passing(), status=Outcome.RUNNING, judgement=None, trials=TrialColumns(), replicas=())
    with Recorder(started, directory) as recorder:
        recorder.replicas_are(example.passing().replicas)
        for each in _blocks():
            recorder.append(each)
        recorded = recorder.recorded()
        judgement = judge(recorded.table, Gate(), {})
        document.write(assemble(recorded, Outcome.COMPLETE, judgement, wall_s=1.0), directory)
    return recorded.table


def test_a_run_is_read_back_as_the_table_that_it_was_judged_by(tmp_path: Path) -> None:
    judged = _recorded(tmp_path)
    result, read = read_run(tmp_path)
    _assert_same(judged.columns, read.columns)
    assert read.replicas == judged.replicas == result.replicas
    assert read.sizes_mb == judged.sizes_mb == {Arm.BASELINE: 14.2, Arm.CANDIDATE: 16.8}
    assert result.judgement is not None
    again = judge(read, Gate(), {})
    assert again.verdict is result.judgement.verdict is Verdict.INVALID  # 4 of the 40 requests under load failed
    seen, before = ({each.metric: each.effect.log_change for each in j.metrics} for j in (again, result.judgement))
    assert len(seen) > 10
    assert seen == pytest.approx(before, rel=1e-5, abs=1e-7)


def test_both_files_of_a_run_can_be_named(tmp_path: Path) -> None:
    _recorded(tmp_path)
    _assert_same(read_run(tmp_path / document.FILE_NAME)[1].columns, read_run(tmp_path)[1].columns)


def test_samples_in_memory_give_the_same_table(tmp_path: Path) -> None:
    judged = _recorded(tmp_path)
    samples = read_samples(tmp_path / "samples.arrow")
    for each in (samples, samples.combine_chunks(), tmp_path / "samples.arrow"):
        _assert_same(judged.columns, table_of(each).columns, *_SIX_DIGITS)
    some = table_of(samples.slice(6, 12)).columns  # whole trials from the middle
    assert some.cpu_ms.tolist() == judged.columns.cpu_ms[6:18].tolist()
    assert some.service_ms.tolist() == judged.columns.service_ms[6:18].tolist()


def test_batches_are_put_together_and_taken_apart_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judged = _recorded(tmp_path)
    for rows in (1, 7, 10**6):
        monkeypatch.setattr("perfgate.results.loader._ROWS", rows)
        _assert_same(judged.columns, read_run(tmp_path)[1].columns)


def test_what_a_run_that_goes_on_has_so_far_is_read(tmp_path: Path) -> None:
    with Recorder(replace(example.passing(), trials=TrialColumns(), replicas=()), tmp_path) as recorder:
        recorder.append(_blocks()[-1])
        read = read_run(tmp_path)[1]
    assert read.columns.block.size == 6
    assert np.isnan(read.columns.context_switches).all()
    assert read.replicas == ()


def test_a_truncated_tail_loses_the_last_block_and_its_counters(tmp_path: Path) -> None:
    judged = _recorded(tmp_path)
    samples = tmp_path / "samples.arrow"
    samples.write_bytes(samples.read_bytes()[:-200])
    read = read_run(tmp_path)[1].columns
    assert read.block.size == judged.columns.block.size - 6
    assert read.page_faults[-1] == judged.columns.page_faults[read.block.size - 1]


def test_results_from_before_the_counters_have_none(tmp_path: Path) -> None:
    judged = _recorded(tmp_path)
    result = document.read(tmp_path)
    document.write(replace(result, trials=replace(result.trials, page_faults=(), context_switches=())), tmp_path)
    read = read_run(tmp_path)[1].columns
    assert np.isnan(read.page_faults).all()
    _assert_same(judged.columns, read, *_SIX_DIGITS)


@pytest.mark.parametrize("column", ["block", "replica", "requests"])
def test_files_of_two_runs_are_refused(tmp_path: Path, column: str) -> None:
    _recorded(tmp_path)
    result = document.read(tmp_path)
    other = tuple(value + 1 for value in getattr(result.trials, column))
    document.write(replace(result, trials=replace(result.trials, **{column: other})), tmp_path)
    with pytest.raises(UsageError, match="are from different runs") as caught:
        read_run(tmp_path)
    assert caught.value.remedy


def test_fewer_trials_in_the_result_than_in_the_samples_are_refused(tmp_path: Path) -> None:
    _recorded(tmp_path)
    result = document.read(tmp_path)
    columns = {field.name: getattr(result.trials, field.name)[:5] for field in fields(TrialColumns)}
    document.write(replace(result, trials=TrialColumns(**columns)), tmp_path)
    with pytest.raises(UsageError, match="are from different runs"):
        read_run(tmp_path)


def test_a_word_that_only_a_newer_perfgate_knows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _recorded(tmp_path)
    monkeypatch.setitem(loader._WORDS, "lane", (Lane.COST,))
    with pytest.raises(UsageError, match="unknown values in these samples: load") as caught:
        read_run(tmp_path)
    assert "newer" in caught.value.remedy


@pytest.mark.parametrize("missing", ["samples.arrow", "result.json"])
def test_half_a_run_is_a_usage_error(tmp_path: Path, missing: str) -> None:
    _recorded(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(UsageError, match=f"cannot read the .* {tmp_path / missing}"):
        read_run(tmp_path)


def test_samples_of_an_earlier_perfgate_have_no_payloads_and_are_read(tmp_path: Path) -> None:
    before = _recorded(tmp_path)
    path = tmp_path / FILE_NAME
    table = read_samples(path)
    older = table.drop_columns(["payload"]).replace_schema_metadata({"perfgate.samples": "3"})
    with path.open("wb") as file, pa.ipc.new_stream(file, older.schema) as stream:
        stream.write_table(older)
    assert read_samples(path)["payload"].null_count == table.num_rows
    _, again = read_run(tmp_path)
    assert set(again.columns.payload.tolist()) == {-1}
    _assert_same(before.columns, again.columns, "payload")
    one, other = (judge(each, Gate(), {}) for each in (before, again))
    assert {each.metric for each in one.metrics} == {each.metric for each in other.metrics}
