"""Fixtures shared by several test directories: the example models, and one live test at a time."""

from __future__ import annotations

import fcntl
import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache"
MODELS = CACHE / "models"

sys.path.insert(0, str(ROOT))  # `examples` and `benchmarks` are tested, but not installed

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: more threads only disturb each other
for _name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "COLUMNS", "LINES"):
    os.environ.pop(_name, None)  # nor does the width of their output depend on its terminal

settings.register_profile("shared machine", deadline=None)  # durations of examples are meaningless there
settings.load_profile("shared machine")


class RankingModels(NamedTuple):
    """The versions of the ranking model; `v1_again` is `v1` exported a second time."""

    v1: Path
    v1_again: Path
    v2: Path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run live tests last, so that fast failures show first."""
    items.sort(key=lambda item: item.get_closest_marker("live") is not None)


def pytest_collection_finish() -> None:
    """Leave what is imported now out of later collections: perfgate collects before each phase that it measures."""
    gc.collect()
    gc.freeze()


@contextmanager
def _locked(name: str, *, shared: bool = False) -> Iterator[None]:
    """Hold a lock against other test processes on this checkout."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


@pytest.fixture(autouse=True)
def _turn(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let live tests run beside each other, and none of them beside one that measures, in any process."""
    if request.node.get_closest_marker("live") is None:
        yield
        return
    with _locked("live", shared=request.node.get_closest_marker("alone") is None):
        yield


def _example(script: str) -> subprocess.CompletedProcess[str]:
    with _locked("models"):
        command = [sys.executable, str(ROOT / "examples" / script), "--out", str(MODELS)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="session")
def ranking_models() -> RankingModels:
    """Build the ranking models if they are missing or out of date: about 40 s, once."""
    done = _example("ranking/build.py")
    assert done.returncode == 0, done.stderr
    base = MODELS / "ranking"
    return RankingModels(base / "v1", base / "v1-again", base / "v2")


@pytest.fixture(scope="session")
def audio_model() -> Path:
    """Fetch the published audio model if it is missing; offline, skip tests that need it."""
    done = _example("audio/fetch.py")
    if done.returncode:
        pytest.skip(done.stderr.strip())
    return MODELS / "basic_pitch" / "nmp"


class Certificate(NamedTuple):
    """Certificate for `server.test`, signed by our own authority."""

    authority: Path
    chain: Path
    key: Path


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Valid for two days; made for each test run."""
    home = tmp_path_factory.mktemp("tls")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=home, check=True, capture_output=True)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *curve, "-days", "2", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", *curve, "-subj", "/CN=server.test", "-keyout", "server.key", "-out", "server.csr")
    (home / "names").write_text("subjectAltName=DNS:server.test\n")
    signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
    openssl("x509", "-req", "-in", "server.csr", *signing, "-out", "server.pem")
    return Certificate(home / "ca.pem", home / "server.pem", home / "server.key")
