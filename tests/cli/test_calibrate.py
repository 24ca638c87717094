"""`perfgate calibrate`, and how later runs use it; everything below the commands is fake."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from perfgate.baseline.calibration import Calibration, from_json, to_json
from perfgate.cautions import CautionKind
from perfgate.errors import ExitCode, UsageError
from perfgate.model.interface import ServedAs
from perfgate.pipeline import answer
from perfgate.pipeline.calibrate import ensure_startable
from perfgate.pipeline.comparison import Comparison
from perfgate.results import document
from perfgate.scenario.schema import Scenario
from perfgate.trials import Arm
from tests.cli.conftest import SCENARIO, Commands
from tests.pipeline import fake_runs

CALIBRATE = ("--store", "kept", "-s", "s.toml", "--seed", "1", "--out", "out")
COMPARE = ("compare", "old", "same", "--store", "kept", "--out", "compared", "--on-inconclusive", "pass", "-s")
ALL_OF_IT = dict.fromkeys(("cost/execute", "cost/request", "load/request"), 1.0)


def _kept() -> list[Calibration]:
    files = sorted(Path("kept/calibrations").glob("*/*.json"))
    return [from_json(file.read_text(encoding="utf-8"), str(file)) for file in files]


def _calibrate(commands: Commands, *more: str, expect: ExitCode = ExitCode.PASS) -> str:
    return commands("calibrate", "old", *CALIBRATE, *more, expect=expect)


@pytest.mark.slow
def test_runs_of_the_model_against_itself_are_summed_up_and_kept(commands: Commands) -> None:
    said = _calibrate(commands)
    (kept,) = _kept()
    assert len(kept.runs) == 3
    assert (kept.scenario_name, kept.measure_s) == ("s", 2.0)
    runs = [document.read(Path(f"out/run-{number}")) for number in (1, 2, 3)]
    assert [run.plan["seed"] for run in runs] == [1, 2, 3]
    assert [each.run_id for each in kept.runs] == [run.run_id for run in runs]
    assert all(run.models["baseline"].digest == run.models["candidate"].digest == kept.model_digest for run in runs)
    assert all({look.source: look.fraction for look in run.looks} == ALL_OF_IT for run in runs)
    assert "run 3 of 3" in said
    assert "Smallest regression detected" in said
    assert "No false alarm in 3 runs" in said
    assert "is not known (one occasion of each model so far)" in " ".join(said.split())
    assert said.splitlines()[-1].startswith("CALIBRATED s  kept/calibrations/")
    assert commands.out == ""


@pytest.mark.slow
def test_json_is_the_document_that_is_kept(commands: Commands) -> None:
    said = _calibrate(commands, "--runs", "1", "--json", "-q")
    (kept,) = _kept()
    assert from_json(commands.out, "stdout").runs == kept.runs
    assert commands.out == to_json(kept)
    assert len(said.splitlines()) == 2
    assert said.splitlines()[-1].startswith("CALIBRATED s")


@pytest.mark.slow
def test_several_scenarios_make_an_array(commands: Commands) -> None:
    Path("t.toml").write_text(SCENARIO, encoding="utf-8")
    _calibrate(commands, "--runs", "1", "--json", "-s", "t.toml")
    assert [each["scenario_name"] for each in json.loads(commands.out)] == ["s", "t"]
    assert {each.scenario_name for each in _kept()} == {"s", "t"}
    assert Path("out/run-1/t/result.json").is_file()


def test_a_run_that_is_invalid_ends_it_and_nothing_is_kept(commands: Commands) -> None:
    said = commands("calibrate", "broken", *CALIBRATE, expect=ExitCode.INVALID)
    assert said.splitlines()[-1].startswith("INVALID ")
    assert "CALIBRATED" not in said
    assert not Path("kept").exists()


def _interrupt(monkeypatch: pytest.MonkeyPatch, run: int) -> None:
    """Interrupt the run of that number, counted from 1, while it measures."""
    clocks = [fake_runs.Tick() for _ in range(run - 1)] + [fake_runs.Tick(interrupt_at_s=1.5)]
    benches = iter([fake_runs.Bench(clock=clock) for clock in clocks])
    monkeypatch.setattr(answer, "world_of", lambda *_: next(benches).world())


@pytest.mark.slow
def test_an_interrupt_keeps_what_whole_runs_tell(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    _interrupt(monkeypatch, run=3)
    said = _calibrate(commands, expect=ExitCode.INTERRUPTED)
    (kept,) = _kept()
    assert len(kept.runs) == 2
    assert "INTERRUPTED" in said
    assert document.read(Path("out/run-3")).status == "interrupted"


@pytest.mark.slow
def test_an_interrupt_of_the_first_run_keeps_nothing(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    _interrupt(monkeypatch, run=1)
    assert "CALIBRATED" not in _calibrate(commands, expect=ExitCode.INTERRUPTED)
    assert not Path("kept").exists()


@pytest.mark.slow
def test_what_an_interrupt_left_takes_no_larger_ones_place(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    _calibrate(commands, "--runs", "2")
    _interrupt(monkeypatch, run=2)
    said = _calibrate(commands, expect=ExitCode.INTERRUPTED)
    assert "has more runs" in said.splitlines()[-1]
    (kept,) = _kept()
    assert len(kept.runs) == 2


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["nowhere.toml"], "no such scenario file"),
        (["s.toml", "--runs", "0"], "0 is not in the range"),
        (["s.toml", "--store", "nope://x"], "nope"),
        (["s.toml", "--cpus", "9999"], "CPU 9999 is not available"),
    ],
)
def test_bad_input_is_found_before_anything_is_measured(args: list[str], words: str, commands: Commands) -> None:
    said = commands("calibrate", "old", "-s", *args, expect=ExitCode.USAGE)
    assert words in said
    assert not Path("reports").exists()


def test_a_running_server_is_not_calibrated(tmp_path: Path) -> None:
    running = replace(fake_runs.model_of("old", tmp_path), given="grpc://h:1/m", served_as=ServedAs("m"))
    with pytest.raises(UsageError, match="grpc://h:1/m is a running server"):
        ensure_startable([Comparison(Scenario(), {Arm.CANDIDATE: running}, "")])


@pytest.mark.slow
def test_later_runs_say_beforehand_what_they_can_catch(commands: Commands) -> None:
    _calibrate(commands, "--runs", "2")
    said = commands(*COMPARE, "s.toml")
    date = _kept()[0].created_utc[:10]
    first = next(line for line in said.splitlines() if "calibrated" in line)
    assert first.startswith(f"perfgate: calibrated here on {date}: ")
    predicted = document.read(Path("compared")).plan["calibration"]
    assert predicted["created_utc"] == _kept()[0].created_utc
    assert "execute_ms" in {each["metric"] for each in predicted["metrics"]}
    assert "calibrated" not in commands(*COMPARE, "s.toml", "-q")


@pytest.mark.slow
def test_every_command_that_compares_looks_for_it(commands: Commands) -> None:
    _calibrate(commands, "--runs", "1")
    assert "calibrated here on" in commands.record("old")
    assert "calibrated here on" in commands.run("same", "--budget", "8s")
    assert "calibrated here on" in commands.run("same", "--budget", "8s", "--against", "old")
    assert "calibrated" not in commands.run("same", "--numbers-only", expect=ExitCode.INCONCLUSIVE)


@pytest.mark.slow
def test_a_budget_too_small_for_what_is_asked_is_a_caution(commands: Commands) -> None:
    _calibrate(commands, "--runs", "1")
    Path("s.toml").write_text(f'{SCENARIO}[gate.metrics.execute_ms]\ncatch = "0.0001%"\n', encoding="utf-8")
    commands(*COMPARE, "s.toml")
    cautions = [each for each in document.read(Path("compared")).cautions if each.code == CautionKind.POWER.code]
    assert any("execute_ms" in each.message for each in cautions)


@pytest.mark.slow
def test_another_scenario_is_named_with_the_command_that_calibrates(commands: Commands) -> None:
    _calibrate(commands, "--runs", "1")
    Path("t.toml").write_text(SCENARIO, encoding="utf-8")
    said = commands(*COMPARE, "t.toml")
    assert (
        "calibrated here for scenario s, not for t: `perfgate calibrate MODEL --store kept --scenario t.toml`" in said
    )
    assert "calibration" not in document.read(Path("compared")).plan
    Path("s.toml").write_text(f"{SCENARIO}[payload]\nbatch_size = 3\n", encoding="utf-8")
    assert "calibrated here before scenario s was changed" in commands(*COMPARE, "s.toml")


@pytest.mark.slow
def test_a_broken_calibration_ends_no_run(commands: Commands) -> None:
    _calibrate(commands, "--runs", "1")
    (file,) = Path("kept/calibrations").glob("*/*.json")
    file.write_text("{", encoding="utf-8")
    assert "no calibration was read: kept/calibrations/" in commands(*COMPARE, "s.toml")


@pytest.mark.slow
def test_without_a_calibration_nothing_is_said(commands: Commands) -> None:
    assert "calibrat" not in commands(*COMPARE, "s.toml")
    assert not Path("kept").exists()
