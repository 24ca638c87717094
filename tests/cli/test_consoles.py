from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import redirect_stderr
from pathlib import Path

import pytest

from perfgate.cli.consoles import error_console, output_console, redraws, wants_color
from perfgate.model.messages import SavedModel
from perfgate.report.terminal.live import make_progress
from perfgate.results.progress import Phase

XTERM = {"TERM": "xterm-256color"}


class Terminal:
    """A pseudo-terminal instead of a stream, with the output written to it."""

    def __init__(self) -> None:
        self._master, slave = os.openpty()
        self.stream = os.fdopen(slave, "w", encoding="utf-8", buffering=1)
        self._read = bytearray()
        self._reader = threading.Thread(target=self._collect)
        self._reader.start()

    def _collect(self) -> None:
        while True:
            try:
                self._read += os.read(self._master, 65_536)
            except OSError:  # the other side is closed
                return

    def close(self) -> str:
        if not self.stream.closed:
            self.stream.close()
            self._reader.join()
            os.close(self._master)
        return self._read.decode()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    opened = Terminal()
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("color", "environ", "on_terminal", "in_pipe"),
    [
        ("auto", XTERM, True, False),
        ("auto", {**XTERM, "NO_COLOR": "1"}, False, False),
        ("auto", {**XTERM, "NO_COLOR": ""}, True, False),
        ("auto", {**XTERM, "FORCE_COLOR": "1"}, True, True),
        ("auto", {**XTERM, "FORCE_COLOR": "0"}, True, False),
        ("auto", {**XTERM, "FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
        ("auto", {"TERM": "dumb"}, False, False),
        ("always", {**XTERM, "NO_COLOR": "1"}, True, True),
        ("never", {**XTERM, "FORCE_COLOR": "1"}, False, False),
    ],
)
def test_the_flag_decides_about_colour_then_the_variables_then_the_terminal(
    color: str, environ: dict[str, str], on_terminal: bool, in_pipe: bool, terminal: Terminal
) -> None:
    assert wants_color(color, environ, is_terminal=True) == on_terminal
    assert wants_color(color, environ, is_terminal=False) == in_pipe
    with redirect_stderr(terminal.stream):
        error_console(color, environ).print("words", style="bold red")
    assert ("\x1b[" in terminal.close()) == on_terminal
    with redirect_stderr(io.StringIO()) as log:
        error_console(color, environ).print("words", style="bold red")
    assert ("\x1b[" in log.getvalue()) == in_pipe


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (XTERM, True),
        ({**XTERM, "NO_COLOR": "1"}, True),
        ({**XTERM, "CI": "true"}, False),
        ({**XTERM, "CI": "1"}, False),
        ({**XTERM, "CI": ""}, True),
        ({**XTERM, "CI": "false"}, True),
        ({"TERM": "dumb"}, False),
    ],
)
def test_only_a_terminal_that_somebody_looks_at_is_redrawn(
    environ: dict[str, str], expected: bool, terminal: Terminal
) -> None:
    with redirect_stderr(terminal.stream):
        console = error_console("auto", environ)
    assert redraws(console, environ) == expected
    with make_progress(console, live=redraws(console, environ), quiet=False) as progress:
        progress.phase(Phase("single requests", 9.0))
    said = terminal.close()
    assert ("\x1b[?25l" in said) == ("\x1b[?25h" in said) == expected
    assert (said == "perfgate: single requests, at most 9 s\r\n") != expected


@pytest.mark.parametrize("color", ["always", "auto"])
def test_a_pipe_is_never_redrawn_however_colours_are_forced(color: str) -> None:
    environ = {**XTERM, "FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"}
    with redirect_stderr(io.StringIO()):
        assert not redraws(error_console(color, environ), environ)


@pytest.mark.parametrize(("environ", "on_stderr", "on_stdout"), [({}, 120, 1000), ({"COLUMNS": "70"}, 70, 70)])
def test_a_log_is_as_wide_as_it_is_said_to_be_or_wide_enough(
    environ: dict[str, str], on_stderr: int, on_stdout: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert error_console("auto", environ).width == on_stderr
    assert output_console("auto", environ).width == on_stdout
    assert not capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("environ", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}])
def test_what_an_encoding_has_not_ends_no_command(environ: dict[str, str], tmp_path: Path) -> None:
    saved_model = SavedModel()
    saved_model.meta_graphs.add().meta_info_def.tags.append("serve")
    (tmp_path / "modèle").mkdir()
    (tmp_path / "modèle" / "saved_model.pb").write_bytes(saved_model.SerializeToString())
    command = [sys.executable, "-m", "perfgate", "inspect", "modèle"]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, **environ}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"signatures  none" in done.stdout
