from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.live


@contextmanager
def served(model: Path) -> Iterator[str]:
    """Serve with the users' command; yields HOST:PORT."""
    command = [sys.executable, "-m", "perfgate", "serve", str(model), "--port", "0"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        ready = re.search(r" on (\S+:\d+)", server.stdout.readline())
        assert ready, "perfgate serve did not say where it listens"
        yield ready[1]
    finally:
        server.terminate()
        server.communicate(timeout=20)


def ask(address: str, model: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "examples/client.py", address, "--model", str(model), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=90)


def test_a_served_model_answers_as_it_does_in_process(ranking_models: tuple[Path, Path, Path]) -> None:
    v1, _, v2 = ranking_models
    with served(v1) as address:
        same = ask(address, v1, "--payload", "3")
        another = ask(address, v2)
        unknown = ask(address, v1, "--name", "nobody")
    assert (same.returncode, same.stderr) == (0, "")
    assert same.stdout.startswith("click_probability (3, 1): max abs difference ")
    assert (another.returncode, another.stdout.splitlines()[-1]) == (1, "DIFFERENT")
    assert unknown.returncode == 1
    assert "NOT_FOUND" in unknown.stderr


def test_the_published_audio_model_too(audio_model: Path) -> None:
    with served(audio_model) as address:
        done = ask(address, audio_model, "--payload", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "equal"
