from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from perfgate.cli import app
from perfgate.cli.config_file import KEYS, Config, defaults_of, load_config, options_of
from perfgate.cli.run import command as run
from perfgate.errors import ExitCode, UsageError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("PERFGATE_BUDGET", "PERFGATE_STORE", "PERFGATE_REPLICAS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def _shown(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert app.main(["config", "--json"]) == ExitCode.PASS
    found: dict[str, Any] = json.loads(capsys.readouterr().out)["settings"]
    return found


def test_every_key_is_an_option_of_run() -> None:
    assert [key for key, _ in options_of(run)] == list(KEYS)


def test_a_variable_comes_before_the_file_and_the_file_before_the_default(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "perfgate.toml").write_text('budget = "30s"\nreplicas = 8\n')
    monkeypatch.setenv("PERFGATE_BUDGET", "90s")
    shown = _shown(capsys)
    assert shown["budget"] == {"value": 90.0, "source": "PERFGATE_BUDGET"}
    assert shown["replicas"] == {"value": 8, "source": str(home / "perfgate.toml")}
    assert shown["store"] == {"value": "baselines", "source": "default"}
    assert shown["seed"] == {"value": None, "source": "default"}


def _parsed(*args: str) -> dict[str, Any]:
    """Return the options with which `run` would be called."""
    seen: dict[str, Any] = {}
    with click.Context(app.app) as context:
        context.invoked_subcommand = "run"
        context.default_map = {"run": defaults_of(run, load_config(Path.cwd()))}
        with run.make_context("run", ["model", *args], parent=context) as parsed:
            seen |= parsed.params
    return seen


def test_the_command_takes_flag_variable_and_file_in_that_order(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "perfgate.toml").write_text(
        'budget = "30s"\nreplicas = 8\nscenario = "ranking"\nbaseline = "prod"\nquiet = true\ncpus = "0-1"\n'
    )
    parsed = _parsed()
    assert (parsed["budget"], parsed["replicas"], parsed["name"], parsed["quiet"]) == (30.0, 8, "prod", True)
    assert parsed["scenarios"] == ("ranking",)
    assert parsed["cpus"] == (0, 1)
    monkeypatch.setenv("PERFGATE_BUDGET", "90s")
    assert _parsed()["budget"] == 90.0
    assert _parsed("--budget", "5s", "-s", "other")["budget"] == 5.0
    assert _parsed("-s", "other")["scenarios"] == ("other",)


def test_the_nearest_file_counts_and_its_places_are_beside_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "pyproject.toml").write_text(
        '[tool.perfgate]\nstore = "kept"\nscenario = ["ranking", "x/y.toml", "default"]\n'
    )
    (home / "scenarios").mkdir()
    (home / "scenarios" / "ranking.toml").write_text("")
    below = home / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    values = load_config(below).values
    assert values["store"] == str(home / "kept")
    assert values["scenario"] == [str(home / "scenarios/ranking.toml"), str(home / "x/y.toml"), "default"]
    (home / "a" / "perfgate.toml").write_text('store = "s3://bucket/x"\n')
    assert load_config(below).values == {"store": "s3://bucket/x"}
    (below / "pyproject.toml").write_text("[tool.other]\n")
    assert load_config(below).path == home / "a" / "perfgate.toml"


def test_baseline_is_the_name_that_is_recorded_too(home: Path) -> None:
    from perfgate.cli.baseline import command as baseline  # noqa: PLC0415 - only where it is used

    (home / "perfgate.toml").write_text('baseline = "prod"\nstore = "kept"\n')
    found = defaults_of(baseline, load_config(home))
    assert found["record"]["name"] == found["promote"]["name"] == "prod"
    assert found["list"] == {"store": "kept"}


def test_scenarios_to_measure_are_none_that_history_looks_for(home: Path) -> None:
    from perfgate.cli.history import command as history  # noqa: PLC0415 - only where it is used

    (home / "perfgate.toml").write_text('scenario = ["ranking"]\nstore = "kept"\n')
    assert defaults_of(history, load_config(home)) == {"store": "kept"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bugdet = 3\n", "Did you mean budget?"),
        ("budget = \n", "is not valid TOML"),
        ("replicas = 'many'\n", "replicas: 'many' is not a valid integer"),
        ("replicas = 1\n", "replicas: 1 is not in the range"),
        ("quiet = 'yes'\n", "quiet: invalid value 'yes'"),
        ("budget = true\n", "budget: invalid value True"),
        ("store = ['a']\n", "store: invalid value ['a']"),
        ("on_inconclusive = 'maybe'\n", "on_inconclusive: 'maybe' is not one of"),
    ],
)
def test_a_wrong_file_is_said_in_one_line(
    text: str, words: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "perfgate.toml").write_text(text)
    assert app.main(["run", "model"]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert words in said
    assert "perfgate.toml" in said
    assert said.count("\n") == 1


def test_config_says_what_is_wrong_as_run_would(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "perfgate.toml").write_text("replicas = 1\n")
    assert app.main(["config"]) == ExitCode.USAGE
    (home / "perfgate.toml").unlink()
    monkeypatch.setenv("PERFGATE_BUDGET", "soon")
    assert app.main(["config"]) == ExitCode.USAGE
    of_the_file, of_the_variable = capsys.readouterr().err.splitlines()
    assert "perfgate.toml: replicas: 1 is not in the range" in of_the_file
    assert "'soon' is not a duration" in of_the_variable


def test_somebody_elses_broken_pyproject_is_not_ours(home: Path) -> None:
    (home / "pyproject.toml").write_text("[tool\n")
    assert load_config(home) == Config()


def test_a_directory_of_that_name_cannot_be_read(home: Path) -> None:
    (home / "perfgate.toml").mkdir()
    with pytest.raises(UsageError, match="cannot read"):
        load_config(home)


def test_help_needs_no_right_file_and_config_shows_lines(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "perfgate.toml").write_text("bugdet = 3\n")
    assert app.main(["--help"]) == app.main(["run", "--help"]) == ExitCode.PASS
    (home / "perfgate.toml").write_text("seed = 3\n")
    capsys.readouterr()
    assert app.main(["config"]) == ExitCode.PASS
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(KEYS)
    assert any(line.split() == ["seed", "3", str(home / "perfgate.toml")] for line in lines)


def _as_a_shell_calls(home: Path, **variables: str) -> str:
    program = "import sys; from perfgate.cli.app import entry; sys.argv = ['perfgate']; entry()"
    command, environment = [sys.executable, "-c", program], {**os.environ, **variables}
    return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete(shell: str, home: Path) -> None:
    assert "_PERFGATE_COMPLETE" in _as_a_shell_calls(home, _PERFGATE_COMPLETE=f"{shell}_source")


@pytest.mark.parametrize(
    ("words", "expected"),
    [("perfgate com", "compare"), ("perfgate run --bud", "--budget"), ("perfgate baseline pro", "promote")],
)
def test_completion_knows_commands_and_options(words: str, expected: str, home: Path) -> None:
    asked = {"_PERFGATE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    assert f"plain,{expected}" in _as_a_shell_calls(home, **asked).split()
