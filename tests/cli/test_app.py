from __future__ import annotations

import importlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from perfgate.cli import app
from perfgate.errors import ExitCode, InvalidRunError, NoBaselineError, PerfgateError, UsageError


def _fails_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(app.app, "main", fail)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UsageError("no such file", "name another"), 2, "ERROR no such file. Name another"),
        (NoBaselineError("no baseline", "record one"), 4, "INCONCLUSIVE no baseline. Record one"),
        (InvalidRunError("it died."), 5, "INVALID it died"),
        (PerfgateError("odd"), 1, "ERROR odd"),
        (UsageError("does not fit", "low = 3 must be below high = 1"), 2, "ERROR does not fit. low = 3 must be"),
        (NotADirectoryError(20, "Not a directory", "x/y"), 2, "ERROR cannot read or write x/y: Not a directory"),
        (OSError(36, "File name too long", "x"), 2, "ERROR cannot read or write x: File name too long"),
        (OSError(40, "Too many levels of symbolic links", "x"), 2, "ERROR cannot read or write x: Too many levels"),
        (OSError(28, "No space left on device", "out"), 1, "ERROR cannot read or write out: No space left"),
        (KeyboardInterrupt(), 130, "INTERRUPTED"),
        (click.UsageError("no such option: --x."), 2, "ERROR no such option: --x. See `perfgate --help`"),
        (RuntimeError("two\nlines"), 1, "ERROR perfgate itself failed: RuntimeError: two lines."),
    ],
)
def test_each_kind_of_error_is_one_line_and_one_code(
    error: BaseException, code: int, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _fails_with(error, monkeypatch)
    assert app.main(["run", "model"]) == code
    said = capsys.readouterr()
    assert not said.out
    assert said.err.startswith(line)
    assert said.err.count("\n") == 1


def test_what_no_result_could_hold_is_refused_before_anything_begins(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["run", "models/\udcff"]) == ExitCode.USAGE
    assert capsys.readouterr().err.startswith(r"ERROR 'models/\udcff' is not UTF-8")


def test_verbose_adds_the_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _fails_with(UsageError("no such file"), monkeypatch)
    app.main(["run", "model", "-v"])
    assert "Traceback" in capsys.readouterr().err


def test_a_terminated_run_ends_as_an_interrupted_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.app, "main", lambda *_, **__: signal.raise_signal(signal.SIGTERM))
    assert app.main(["run", "model"]) == ExitCode.INTERRUPTED


@pytest.fixture(autouse=True)
def _restore_sigterm() -> object:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("name", app.COMMANDS)
def test_the_table_of_commands_has_the_help_of_the_commands(name: str) -> None:
    command: click.Command = importlib.import_module(f"perfgate.cli.{name}").command
    assert command.name == name
    assert command.get_short_help_str(200).rstrip(".") == app.COMMANDS[name].rstrip(".")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["rum"], "No such command 'rum'"),
        (["run"], "Missing argument 'MODEL'"),
        (["run", "m", "--budget", "zero"], "write 60s, 500ms, 2min or 24h"),
        (["run", "m", "--budget", "0s"], "write 60s, 500ms, 2min or 24h"),
        (["run", "m", "--cpus", "1-x"], "write 0,2 or 0-3"),
        (["run", "m", "--replicas", "1"], "1 is not in the range"),
        (["run", "m", "--against", "x", "--no-baseline"], "cannot be used together"),
        (["run", "m"], "m does not exist"),
        (["compare", "m", "n"], "does not exist"),
        (["baseline", "promote", "nope"], "does not exist"),
        (["calibrate", "nope"], "does not exist"),
        (["serve", "nope"], "does not exist"),
        (["inspect", "nope"], "does not exist"),
    ],
)
def test_bad_command_lines_are_one_line_and_exit_2(
    args: list[str], words: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert app.main(args) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir()), "nothing is written"


def _commands() -> Iterator[tuple[str, click.Command]]:
    for name in app.COMMANDS:
        command: click.Command = importlib.import_module(f"perfgate.cli.{name}").command
        if not isinstance(command, click.Group):
            yield name, command
        else:
            yield from ((f"{name} {sub}", each) for sub, each in command.commands.items())


@pytest.mark.parametrize(("name", "command"), list(_commands()))
def test_every_command_shows_tracebacks_when_asked(name: str, command: click.Command) -> None:
    options = {option for parameter in command.params for option in parameter.opts}
    assert {"-v", "--verbose"} <= options, name


def test_closed_standard_files_are_taken_by_nothing_else(tmp_path: Path) -> None:
    program = """if True:
        import os, sys
        from perfgate.cli import app
        def main(words):
            print("lost"), print("lost", file=sys.stderr), sys.stdin.read()
            with open(words[0], "w") as file:
                print(*(os.readlink(f"/proc/self/fd/{number}") for number in range(3)), file=file)
                print(*(os.get_inheritable(number) for number in range(3)), file.fileno() > 2, file=file)
            return 0
        app.main = main
        app.entry()
    """
    found = tmp_path / "found"
    closing = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", program, str(found)]
    assert subprocess.run(closing, check=False).returncode == 0
    assert found.read_text().split() == ["/dev/null"] * 3 + ["True"] * 4
