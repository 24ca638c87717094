"""The fork server that starts before perfgate's own imports, with another program instead of TensorFlow."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from perfgate.cli import app
from perfgate.errors import ExitCode, InvalidRunError
from perfgate.scenario.schema import Scenario, Server, Target
from perfgate.serving import fork_ahead as module
from perfgate.serving.embedded import EmbeddedForkServer
from perfgate.serving.fork_ahead import Ahead
from perfgate.serving.interface import ReplicaSpec

FORKED = Scenario(target=Target(kind="embedded"))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[EmbeddedForkServer]:
    """Fork servers that import little, in order of creation."""
    servers: list[EmbeddedForkServer] = []

    def quick(_scenario: Scenario, environ: dict[str, str], log: Path | None, _cpus: object) -> EmbeddedForkServer:
        path = {**environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        servers.append(EmbeddedForkServer(path, log, huge_pages=False, program="tests.cli.says_something", rest=False))
        return servers[-1]

    monkeypatch.setattr(module, "fork_server", quick)
    return servers


def _spec(path: Path) -> ReplicaSpec:
    return ReplicaSpec("candidate server", path, ("serve",), "serving_default", Server())


def _process(server: EmbeddedForkServer) -> psutil.Process:
    return psutil.Process(server._process.pid)


def test_it_is_given_once_and_to_a_scenario_that_it_fits(made: list[EmbeddedForkServer], tmp_path: Path) -> None:
    ahead = Ahead()
    ahead.make(FORKED, os.environ, ())
    small = FORKED.model_copy(update={"server": Server(huge_pages=False)})
    try:
        assert ahead.take(small, tmp_path / "log") is None
        assert ahead.take(FORKED, tmp_path / "log") is made[0]
        assert ahead.take(FORKED, tmp_path / "log") is None
        ahead.stop()
        assert _process(made[0]).is_running(), "whoever took it stops it"
    finally:
        made[0].stop()


def test_one_that_nobody_took_is_stopped(made: list[EmbeddedForkServer]) -> None:
    ahead = Ahead()
    ahead.make(FORKED, os.environ, ())
    process = _process(made[0])
    ahead.stop()
    assert not process.is_running()


def test_output_before_the_log_was_known_comes_first(made: list[EmbeddedForkServer], tmp_path: Path) -> None:
    ahead = Ahead()
    ahead.make(FORKED, os.environ, ())
    try:
        made[0].wait_ready()
        ahead.take(FORKED, tmp_path / "log")
        with pytest.raises(InvalidRunError, match="exit code 0"):
            made[0].start(_spec(tmp_path))
        assert (tmp_path / "log").read_text().splitlines() == ["imported", "forked"]
    finally:
        made[0].stop()


def test_a_fork_server_that_fails_on_import_reports_why(
    made: list[EmbeddedForkServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIL", "1")
    ahead = Ahead()
    ahead.make(FORKED, os.environ, ())
    ahead.take(FORKED, tmp_path / "log")
    try:
        with pytest.raises(InvalidRunError, match="could not start: ImportError: no such luck"):
            made[0].start(_spec(tmp_path))
        assert "Traceback" in (tmp_path / "log").read_text()
    finally:
        made[0].stop()


def _broken_model(directory: Path) -> None:
    directory.mkdir(exist_ok=True)
    (directory / "saved_model.pb").write_bytes(b"no graph")


@pytest.mark.parametrize("models", [("absent", "absent"), ("grpc://127.0.0.1:1/m", "grpc://127.0.0.1:1/n")])
def test_nothing_starts_where_no_model_is_to_be_served(made: list[EmbeddedForkServer], models: tuple[str, str]) -> None:
    assert app.main(["compare", *models]) != ExitCode.PASS
    assert not made


@pytest.mark.slow
@pytest.mark.parametrize("words", [["compare", "absent", "."], ["compare", ".", "."], ["run", "absent"]])
def test_a_wrong_path_is_reported_before_the_slow_imports(words: list[str], tmp_path: Path) -> None:
    program = f"import sys; from perfgate.cli import app; print(app.main({words}), 'numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["2", "False"], done.stderr


@pytest.mark.parametrize(
    "words", [["-s", "absent"], ["--cpus", "x"]], ids=["a scenario that is not there", "a bad option"]
)
def test_nothing_starts_where_the_command_line_is_wrong(
    made: list[EmbeddedForkServer], words: list[str], tmp_path: Path
) -> None:
    assert app.main(["compare", str(tmp_path), str(tmp_path), *words]) == ExitCode.USAGE
    assert not made


@pytest.mark.parametrize("command", ["compare", "run", "calibrate", "baseline record"])
def test_a_model_that_cannot_be_read_leaves_no_process(
    made: list[EmbeddedForkServer], command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _broken_model(tmp_path / "m")
    assert app.main([*command.split(), *["m"] * (2 if command == "compare" else 1)]) == ExitCode.INVALID
    (server,) = made
    assert server._process.poll() is not None
    assert [each.name for each in tmp_path.iterdir()] == ["m"], "nothing is written"


@pytest.mark.slow
def test_it_starts_before_the_slow_imports_and_dies_with_perfgate(tmp_path: Path) -> None:
    """Run compare in a process that stops at its first slow import, and check whether the fork server exists."""
    _broken_model(tmp_path)
    program = """
import sys, time
from importlib.abc import MetaPathFinder
from perfgate.cli import app

class Stop(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"numpy", "scipy", "pandas"}:
            print(name, flush=True)
            time.sleep(60)

sys.meta_path.insert(0, Stop())
app.main(["compare", ".", "."])
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=tmp_path) as perfgate:
        assert perfgate.stdout is not None
        assert perfgate.stdout.readline().strip() == "numpy"
        (child,) = psutil.Process(perfgate.pid).children()
        assert "perfgate.server.fork_server" in child.cmdline()
        perfgate.send_signal(signal.SIGTERM)
        perfgate.wait(10)
    end_s = time.monotonic() + 5
    while child.is_running() and time.monotonic() < end_s:
        time.sleep(0.01)
    assert not child.is_running()
