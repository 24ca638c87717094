from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.comparison.sides import Side, write_run
from benchmarks.traces.__main__ import main
from benchmarks.traces.trace import Trace, read, write
from perfgate.errors import UsageError
from perfgate.metrics import BY_NAME
from perfgate.results.loader import read_run
from perfgate.stats.estimate import estimate
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm, Depth, Lane
from tests.stats.build import NAN, execute_trials, fact, requests, trial
from tests.stats.traces import HOME, NAMES, trace

_SIDE = Side(requests=1_400, replicas=3, execute_blocks=20, request_blocks=10, load_blocks=4)
_MOST_KIB = 400


def _made() -> TrialTable:
    trials = execute_trials(5, 2, lambda block, arm, number: 1.0 + block + number + (arm is Arm.CANDIDATE))
    trials += [
        replace(
            trial(
                0,
                arm,
                2 * n + side,
                requests([float(ms) for ms in range(1, 41 + n)]),
                Lane.LOAD,
                Depth.REQUEST,
                cpu_ms=80.0,
            )
        )
        for n in range(2)
        for side, arm in enumerate(Arm)
    ]
    facts = [replace(fact(number, list(Arm)[number % 2]), warm_ms=1.5) for number in range(4)]
    return TrialTable.of(trials, facts, {Arm.CANDIDATE: 3.0})


def test_a_trace_keeps_a_run_to_half_a_thousandth(tmp_path: Path) -> None:
    made = _made()
    kept = read(write(Trace("small", {"scenario": "ranking"}, made), tmp_path, requests=1000))
    assert (kept.name, kept.about) == ("small", {"scenario": "ranking"})
    assert kept.table.sizes_mb == made.sizes_mb
    assert kept.table.replicas == tuple(replace(each, pid=None) for each in made.replicas)
    for name in ("source", "state", "block", "arm", "replica", "requests", "status"):
        left, right = getattr(kept.table.columns, name), getattr(made.columns, name)
        assert sorted(left.tolist()) == sorted(right.tolist()), name
    for name in ("execute_ms", "cpu_ms_per_request", "throughput_rps", "latency_p90_ms"):
        effects = [estimate(BY_NAME[name], table, 0.01) for table in (kept.table, made)]
        assert effects[0] is not None
        assert effects[1] is not None
        assert effects[0].log_change == pytest.approx(effects[1].log_change, abs=1e-3)
        assert effects[0].baseline_value == pytest.approx(effects[1].baseline_value, rel=5e-4)


def test_thinned_requests_keep_the_rates_and_the_ends(tmp_path: Path) -> None:
    made = _made()
    kept = read(write(Trace("thin", {}, made), tmp_path, requests=10)).table
    loaded = kept.columns.requests > 1
    assert kept.columns.requests[loaded].tolist() == [10] * 4
    assert kept.columns.response_ms[-10:][[0, -1]] == pytest.approx([1.0, 41.0], rel=5e-4)
    assert (kept.columns.cpu_ms / kept.columns.requests)[loaded][0] == pytest.approx(2.0, rel=5e-4)
    assert (kept.columns.requests / kept.columns.wall_s)[loaded][0] == pytest.approx(40.0, rel=5e-4)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (execute_trials(2, 2, lambda *_: 1.0)[:-1], "lacks a replica"),
        ([trial(0, Arm.BASELINE, 0, requests([1.0], [14]))], "requests failed"),
        ([trial(0, Arm.BASELINE, 0, requests([]))], "no requests"),
    ],
)
def test_what_cannot_be_replayed_is_refused(tmp_path: Path, rows: list[object], problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        write(Trace("bad", {}, TrialTable.of(rows)), tmp_path, requests=10)  # type: ignore[arg-type]
    assert caught.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_unknown_numbers_stay_unknown(tmp_path: Path) -> None:
    rows = [trial(0, Arm.BASELINE, 0, requests([1.0]), cpu_ms=NAN)]
    kept = read(write(Trace("blind", {}, TrialTable.of(rows, [fact(0, Arm.BASELINE)])), tmp_path, requests=10))
    assert np.isnan(kept.table.columns.cpu_ms).all()


def test_the_program_makes_a_trace_of_a_run(tmp_path: Path) -> None:
    write_run(tmp_path / "run", replace(_SIDE, failed_share=0.0))
    command = [str(tmp_path / "run"), "made-up", "--note", "nothing beside", "--out", str(tmp_path)]
    done = CliRunner().invoke(main, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert done.output.endswith("KiB\n")
    kept, run = read(tmp_path / "made-up.npz"), read_run(tmp_path / "run")[1]
    assert kept.about["note"] == "nothing beside"
    assert kept.table.columns.block.size == run.columns.block.size
    effects = [estimate(BY_NAME["execute_ms"], table, 0.01) for table in (kept.table, run)]
    assert [each is not None and round(each.change, 3) for each in effects] == [round(effects[0].change, 3)] * 2  # type: ignore[union-attr]


def test_an_invalid_run_is_reported(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, [str(tmp_path), "nothing"])
    assert done.exit_code == 1
    assert "cannot read the result" in done.output


def test_the_recorded_traces_are_small_and_name_no_machine() -> None:
    assert NAMES
    assert sum(file.stat().st_size for file in HOME.glob("*")) < _MOST_KIB * 1024
    for name in NAMES:
        about = trace(name).about
        assert about["requests"] >= trace(name).table.columns.service_ms.size
        assert {fact.pid for fact in trace(name).table.replicas} == {None}
