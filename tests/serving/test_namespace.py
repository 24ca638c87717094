"""TensorFlow without its public namespace, each time in a separate process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HOLLOW = "from perfgate.server.namespace import leave_out_namespace\n"


def _says(program: str, *path: Path) -> str:
    extended = "".join(f"import sys; sys.path.insert(0, {str(folder)!r})\n" for folder in path)
    command = [sys.executable, "-c", HOLLOW + extended + program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_server_has_what_it_needs_and_nothing_of_keras() -> None:
    said = _says(
        "print(leave_out_namespace(), leave_out_namespace())\n"
        "import sys, tensorflow, perfgate.server.replica, perfgate.server.rest.server\n"
        "print(hasattr(tensorflow, 'constant'), bool({'keras', 'tf_keras'} & sys.modules.keys()))"
    )
    assert said.split() == ["True", "False", "False", "False"]


def _package(home: Path, *, plugins: bool) -> Path:
    (home / "tensorflow").mkdir(parents=True)
    (home / "tensorflow" / "__init__.py").write_text("whole = True\n")
    (home / "tensorflow" / "part.py").write_text("here = True\n")
    if plugins:
        (home / "tensorflow-plugins").mkdir()
    return home


@pytest.mark.parametrize("plugins", [False, True])
def test_plugins_need_the_whole_of_it(tmp_path: Path, *, plugins: bool) -> None:
    home = _package(tmp_path / "site", plugins=plugins)
    program = "print(leave_out_namespace())\nimport tensorflow.part\nprint(hasattr(tensorflow, 'whole'))"
    assert _says(program, home).split() == (["False", "True"] if plugins else ["True", "False"])


def test_what_is_imported_already_stays(tmp_path: Path) -> None:
    home = _package(tmp_path / "site", plugins=False)
    assert _says("import tensorflow\nprint(leave_out_namespace(), tensorflow.whole)", home) == "False True"
