"""Models published by others, fetched by package and pin, and small ones like those that TensorFlow 1 exported."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path

import click
import pytest

from examples.audio.fetch import download, fetch
from tests.conftest import MODELS

HERE = Path(__file__).parent


def _fetched(package: str, folder: str, file: str) -> Path:
    target = MODELS / package
    try:
        fetch(target, partial(download, pinned=HERE / f"{package}.lock"), folder, file)
    except click.ClickException as error:
        pytest.skip(error.format_message())
    return target


@pytest.fixture(scope="session")
def quickspacer() -> Path:
    """The base path of versions 1, 2 and 3."""
    return _fetched("quickspacer", "quickspacer/resources/default_saved_model/", "3/saved_model.pb")


@pytest.fixture(scope="session")
def sleepecg() -> Path:
    """One of three `.keras` files; exporting one takes 10 s."""
    archive = _fetched("sleepecg", "sleepecg/classifiers/", "ws-gru-mesa.zip") / "wrn-gru-mesa.zip"
    with zipfile.ZipFile(archive) as packed:
        return Path(packed.extract("classifier.keras", archive.with_suffix("")))


@pytest.fixture(scope="session")
def old_exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models `estimator`, `frozen` and `counter`, about 6 s."""
    directory = tmp_path_factory.mktemp("old")
    command = [sys.executable, str(HERE / "old_exports.py"), str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return directory
