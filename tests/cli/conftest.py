"""Command lines on fakes: parsing, store, pipeline and report are real; models, servers and the machine are fake."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from perfgate.baseline.store import Store
from perfgate.cli import ahead, app, measuring
from perfgate.errors import ExitCode
from perfgate.pipeline import answer, options, stored
from perfgate.pipeline.comparison import Comparison, comparison_of
from perfgate.results.progress import SilentProgress
from perfgate.serving.fork_ahead import Ahead
from tests.pipeline import fake_runs

HERE = {"cpu_model": "fake", "cores": 2.0}
SCENARIO = """
[budget]
measure_s = 2
replicas = 4
execute_share = 0.7
request_share = 0.2
"""


@dataclass
class Commands:
    """Runs command lines in a directory with models `old`, `same`, `slow` and `huge`, and a scenario file."""

    home: Path
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *args: str, expect: ExitCode = ExitCode.PASS) -> str:
        """Return the output on stderr."""
        code = app.main(args)
        said = self.capsys.readouterr()
        assert code == expect, said.err
        self.out = said.out
        return said.err

    def ends(self, *args: str) -> tuple[int, str]:
        """Return the exit code, and the output on stderr."""
        code = app.main(args)
        said = self.capsys.readouterr()
        self.out = said.out
        return code, said.err

    def run(self, model: str, *more: str, expect: ExitCode = ExitCode.PASS) -> str:
        shared = ("--baseline", "prod", "--store", "kept", "-s", "s.toml", "--seed", "1", "--out", "out")
        return self("run", model, *shared, *more, expect=expect)

    def record(self, model: str, *more: str) -> str:
        shared = ("--name", "prod", "--store", "kept", "-s", "s.toml", "--seed", "2", "--out", "recorded")
        return self("baseline", "record", model, *shared, *more)

    @property
    def store(self) -> Store:
        return Store("kept")


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    def opened(scenario: Any, given: Any, _: object, __: object, scenario_given: str | None) -> Comparison:
        models = {arm: fake_runs.model_of(name, tmp_path) for arm, name in given.items()}
        return comparison_of(scenario, models, scenario_given=scenario_given)

    def from_store(path: str, _: Path) -> Any:
        name = (Path(path) / "saved_model.pb").read_text()
        return fake_runs.model_of(name, tmp_path)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "1000")
    monkeypatch.setitem(fake_runs.EXECUTE_MS, "huge", 30.0)
    monkeypatch.setattr(ahead, "fork_server_ahead", lambda *_: Ahead())
    monkeypatch.setattr(options, "open_arms", opened)
    monkeypatch.setattr(answer, "world_of", lambda *_: fake_runs.Bench().world())
    monkeypatch.setattr(answer, "environment", lambda *_: HERE)
    monkeypatch.setattr(measuring, "make_progress", lambda *_, **__: SilentProgress())
    monkeypatch.setattr(stored, "open_model", from_store)
    monkeypatch.setattr(stored, "environment", lambda *_: HERE)
    (tmp_path / "s.toml").write_text(SCENARIO)
    return Commands(tmp_path, capsys)
