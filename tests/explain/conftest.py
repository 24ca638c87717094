from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.conftest import CACHE, MODELS, ROOT

HOME = MODELS / "faults"
_SOURCES = (*sorted((Path(__file__).parent / "faults").glob("*.py")), ROOT / "examples" / "ranking" / "build.py")


def _recipe() -> str:
    digest = hashlib.sha256(version("tensorflow").encode())
    for source in _SOURCES:
        digest.update(source.read_bytes())
    return digest.hexdigest()


@pytest.fixture(scope="session")
def built() -> Callable[..., Path]:
    """Return a function that builds pairs by their names where they are missing, and returns their directory."""

    def build(*names: str) -> Path:
        CACHE.mkdir(exist_ok=True)
        with (CACHE / "faults.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            stamp = HOME / "recipe"
            if not stamp.is_file() or stamp.read_text() != _recipe():
                shutil.rmtree(HOME, ignore_errors=True)
                HOME.mkdir(parents=True)
                stamp.write_text(_recipe())
            command = [sys.executable, "-m", "tests.explain.faults", str(HOME), *names]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
            assert done.returncode == 0, done.stderr
        return HOME

    return build
