from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import click
import pytest

from examples.audio import fetch

ROOT = Path(__file__).resolve().parents[2]


def wheel(into: Path) -> Path:
    packed = into / "some-1.0-py3-none-any.whl"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(fetch.FOLDER + "saved_model.pb", "graph")
        archive.writestr(fetch.FOLDER + "variables/variables.index", "index")
        archive.writestr("basic_pitch/__init__.py", "code")
    return packed


def unreachable(into: Path) -> Path:
    message = f"nothing for {into}"
    raise click.ClickException(message)


def test_only_the_models_folder_is_unpacked(tmp_path: Path) -> None:
    target = tmp_path / "basic_pitch" / "nmp"
    assert fetch.fetch(target, wheel)
    files = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert files == {"basic_pitch/nmp/saved_model.pb", "basic_pitch/nmp/variables/variables.index"}


def test_an_existing_model_is_not_fetched_again(tmp_path: Path) -> None:
    target = tmp_path / "nmp"
    fetch.fetch(target, wheel)
    assert not fetch.fetch(target, unreachable)


def test_half_a_model_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "nmp" / "variables").mkdir(parents=True)
    (tmp_path / "nmp" / "variables" / "old").touch()
    assert fetch.fetch(tmp_path / "nmp", wheel)
    assert not (tmp_path / "nmp" / "variables" / "old").exists()


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException):
        fetch.fetch(tmp_path / "nmp", unreachable)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_offline_it_says_so_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "examples/audio/fetch.py", "--out", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: cannot download basic-pitch; is the package index within reach?")
    assert len(done.stderr.splitlines()) == 1
