"""Baselines by number on the command line: record, promote, run, refuse; everything below the commands is fake."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

import pytest

from perfgate.baseline.calibration import Calibration, keep_calibration
from perfgate.errors import ExitCode
from perfgate.pipeline import stored
from perfgate.results import document
from perfgate.stats.summary import METHOD
from perfgate.stats.variance_components import Components
from tests.cli.conftest import HERE, SCENARIO, Commands

LONG = ("--budget", "8s")
"""Enough to distinguish equal models from slower ones side by side."""


@pytest.mark.slow
def test_numbers_alone_fail_what_is_far_slower_and_leave_the_rest_open(commands: Commands) -> None:
    commands.record("old", "--numbers-only")
    (record,) = commands.store.list()
    assert record.model.artifact is None
    assert record.servers == 4
    assert not list(Path("kept").glob("artifacts/*"))

    said = commands.run("same", expect=ExitCode.INCONCLUSIVE)
    assert "more replicas or time do not help" in said
    result = document.read(Path("out"))
    assert (result.comparison, result.baseline_name, list(result.models)) == ("stored numbers", "prod", ["candidate"])
    assert result.stored is not None
    assert result.stored.records == (f"prod/{record.id}",)
    assert result.record is not None
    assert (result.record.record, result.record.created_utc) == (f"prod/{record.id}", record.created_utc)
    assert result.record.environment == record.environment
    assert result.judgement is not None
    spread = result.judgement.metrics[0].effect.occasion
    assert spread is not None
    assert (spread.sd, spread.df, spread.source) == (0.16, 3.0, "the prior")
    assert "Each interval includes the variation between days: " in said

    said = commands.run("huge", expect=ExitCode.FAIL)
    assert "execute_ms +1,400" in said.splitlines()[-1]


@pytest.mark.slow
def test_a_kept_model_is_measured_again_unless_its_numbers_are_asked_for(commands: Commands) -> None:
    commands.record("old")
    commands.run("same", *LONG)
    assert document.read(Path("out")).comparison == "side by side"
    said = commands.run("same", "--numbers-only", expect=ExitCode.INCONCLUSIVE)
    assert document.read(Path("out")).comparison == "stored numbers"
    assert "remove --numbers-only: the baseline's model is stored" in said


@pytest.mark.parametrize("also", [("--against", "old"), ("--no-baseline",)])
def test_two_ways_to_compare_at_once_are_refused(also: tuple[str, ...], commands: Commands) -> None:
    said = commands.run("same", "--numbers-only", *also, expect=ExitCode.USAGE)
    assert f"{also[0]} and --numbers-only cannot be used together" in said


@pytest.mark.slow
def test_a_missing_model_is_reported_and_its_numbers_are_used(commands: Commands) -> None:
    commands.record("old")
    shutil.rmtree("kept/artifacts")
    said = commands.run("huge", expect=ExitCode.FAIL)
    assert "caution the stored model was not measured again: the model of prod" in said
    assert "is missing: artifacts/" in said


@pytest.mark.slow
def test_a_model_that_was_changed_is_no_reason_to_take_its_numbers(commands: Commands) -> None:
    commands.record("old")
    (file,) = Path("kept/artifacts").glob("*/saved_model.pb")
    file.write_text("slow")
    said = commands.run("same", expect=ExitCode.INVALID)
    assert said.startswith("INVALID the stored model has changed")
    assert "record again with `perfgate baseline record MODEL --name prod --store kept --scenario s.toml`" in said


def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "environment", lambda *_: {**HERE, "cores": 8.0})


@pytest.mark.slow
def test_another_environment_is_refused_before_anything_is_measured(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.record("old", "--numbers-only")
    _elsewhere(monkeypatch)
    said = commands.run("same", expect=ExitCode.INCONCLUSIVE)
    assert said.startswith("INCONCLUSIVE the environment differs from that of prod/")
    assert "(cores 2 then, 8 now)" in said
    assert "`perfgate baseline record MODEL --name prod --store kept --scenario s.toml`" in said
    assert said.count("\n") == 1
    assert not Path("out").exists()


@pytest.mark.slow
def test_in_another_environment_objectives_are_judged_and_a_pass_is_not_given(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("s.toml").write_text(SCENARIO + "[objectives.service_mean_ms]\nmax = 5\n")
    commands.record("old", "--numbers-only")
    _elsewhere(monkeypatch)
    said = commands.run("same", expect=ExitCode.INCONCLUSIVE)
    assert "environment differs" in said.splitlines()[-1]
    result = document.read(Path("out"))
    assert result.judgement is not None
    assert result.judgement.metrics == ()
    assert result.judgement.objectives[0].verdict == "pass"
    commands.run("huge", expect=ExitCode.FAIL)


@pytest.mark.slow
def test_an_environment_that_differs_does_not_matter_to_a_model_that_is_measured_again(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.record("old")
    _elsewhere(monkeypatch)
    commands.run("same", *LONG)
    result = document.read(Path("out"))
    (record,) = commands.store.list()
    assert result.stored is None
    assert result.record is not None
    assert (result.record.record, result.record.environment) == (f"prod/{record.id}", record.environment)


@pytest.mark.slow
def test_calibrations_of_this_machine_are_used(commands: Commands) -> None:
    commands.record("old", "--numbers-only")
    (record,) = commands.store.list()
    ran = Components("execute_ms", 0.0, 0.0, occasion_sd=0.02, source="cost/execute", typical=2.0, method=METHOD)
    of = (record.fingerprint, record.scenario_name, record.scenario_digest, record.model.digest)
    for day in (1, 2, 3):
        keep_calibration("kept", Calibration(f"2026-01-0{day}T00:00:00+00:00", *of, (ran,)))
    said = commands.run("same", expect=ExitCode.INCONCLUSIVE)
    assert "(3 days and the prior)" in said


@pytest.mark.slow
def test_numbers_promoted_from_a_run_need_no_model_any_more(commands: Commands) -> None:
    commands.record("old")
    commands.run("same", *LONG)
    (commands.home / "models" / "same" / "saved_model.pb").write_text("gone since")
    promote = ("baseline", "promote", "out", "--name", "prod", "--store", "kept")
    assert "or promote it with --numbers-only" in commands(*promote, expect=ExitCode.INVALID)
    commands(*promote, "--numbers-only")
    newest = commands.store.current("prod")
    assert (newest.model.artifact, newest.servers) == (None, 8)
    said = commands.run("slow", expect=ExitCode.INCONCLUSIVE)
    assert "caution 8 servers were running when the baseline was recorded, 4 now" in said


@pytest.mark.slow
def test_without_a_baseline_the_remedy_is_a_whole_command_line(commands: Commands) -> None:
    flags = ("--cpus", "0", "--intra-op-threads", "2")
    said = commands.run("same", *flags, expect=ExitCode.INCONCLUSIVE)
    line = said.split("`")[1]
    assert line == (
        "perfgate baseline record MODEL --name prod --store kept --scenario s.toml --intra-op-threads 2 --cpus 0"
    )
    command = [word if word != "MODEL" else "old" for word in shlex.split(line)][1:]
    commands(*command, "--seed", "3", "--out", "recorded")
    commands.run("same", *flags, *LONG)


def test_the_scenario_and_store_of_the_environment_are_in_the_remedy(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERFGATE_STORE", "my store")
    monkeypatch.setenv("PERFGATE_SCENARIO", os.path.abspath("s.toml"))  # noqa: PTH100 - a string
    said = commands("run", "same", "--out", "out", expect=ExitCode.INCONCLUSIVE)
    line = said.split("`")[1]
    assert shlex.split(line)[3:] == [
        "MODEL", "--name", "default", "--store", "my store", "--scenario", str(commands.home / "s.toml"),
    ]  # fmt: skip
