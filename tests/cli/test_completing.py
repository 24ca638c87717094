"""Completion in a real shell, set up by the lines of docs/how-to/editor-and-shell.md."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "editor-and-shell.md"
SHELLS = ("bash", "zsh", "fish")


def _line(shell: str) -> str:
    """Return the documented line of a shell's start-up file."""
    (line,) = re.findall(rf"^\| {shell} \| `(.+?)` in ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return str(line).replace(r"\|", "|")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Put a `perfgate` on the path, and a project into the directory."""
    program = tmp_path / "bin" / "perfgate"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m perfgate "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    for place in (
        "scenarios/ranking.toml",
        "scenarios/rare.toml",
        "kept/prod/current",
        "kept/artifacts/x/y",
        "models/v1/x",
    ):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    (tmp_path / "perfgate.toml").write_text('store = "kept"\n', encoding="utf-8")
    return {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}


_COMPLETE = """
words() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _perfgate_completion perfgate
    echo "${COMPREPLY[@]}"
}
words perfgate calib
words perfgate run --on-inc
words perfgate run --color ''
words perfgate run --scenario ra
words perfgate run --baseline ''
words perfgate history --metric execute
"""


@pytest.mark.slow
def test_bash_completes_commands_options_choices_and_names(environ: dict[str, str], tmp_path: Path) -> None:
    script = f"{_line('bash')}\n{_COMPLETE}"
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "calibrate", "--on-inconclusive", "auto always never", "ranking rare", "prod", "execute_ms",
    ]  # fmt: skip


def test_at_a_prompt_the_path_of_a_model_is_completed(environ: dict[str, str], tmp_path: Path) -> None:
    terminal, inside = os.openpty()
    prompt = {**environ, "TERM": "dumb", "PS1": "ready> "}
    command = ["bash", "--norc", "-i"]
    shell = subprocess.Popen(command, cwd=tmp_path, env=prompt, stdin=inside, stdout=inside, stderr=inside)
    try:
        _shown(terminal, "ready> ")
        os.write(terminal, f"{_line('bash')}\n".encode())
        _shown(terminal, "ready> ")
        os.write(terminal, b"perfgate run mod\t")
        assert "perfgate run models/" in _shown(terminal, "models/")
    finally:
        shell.kill()
        shell.wait()
        os.close(terminal)
        os.close(inside)


def _shown(terminal: int, until: str) -> str:
    """Read until a text appears, for at most 30 s."""
    shown, end_s = "", time.monotonic() + 30
    while until not in shown.rpartition("\n")[2] and time.monotonic() < end_s:
        if select.select([terminal], [], [], 0.1)[0]:
            shown += os.read(terminal, 4096).decode()
    return shown


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_takes_what_its_line_gives_it(shell: str, environ: dict[str, str], tmp_path: Path) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run([program, "-c", _line(shell)], cwd=tmp_path, env=environ, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shells_line_asks_for_what_there_is(shell: str, environ: dict[str, str], tmp_path: Path) -> None:
    assert f"_PERFGATE_COMPLETE={shell}_source perfgate" in _line(shell)
    asked = {**environ, "_PERFGATE_COMPLETE": f"{shell}_source"}
    done = subprocess.run(["perfgate"], cwd=tmp_path, env=asked, capture_output=True, text=True, check=True)
    assert "perfgate" in done.stdout
    assert f"{shell}_complete" in done.stdout
