"""Sketches whose code takes the builder's process down, or never returns."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from perfgate.errors import UsageError
from perfgate.sketch.builder import Builder
from perfgate.sketch.source import sketch_of
from tests.sketch.conftest import Build, Written

pytestmark = [pytest.mark.live, pytest.mark.slow]

# Each child ignores what it can, and leaves the process group in its own way.
_NEVER_RETURNS = """
import os, signal, subprocess, sys, time
import keras

def _note(pid):
    with open({pids!r}, "a") as file:
        print(pid, file=file, flush=True)

def model(how: int = 0):
    if how == 1:
        _note(subprocess.Popen(["sleep", "600"], start_new_session=True).pid)
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == 2:
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        time.sleep(600)
    subprocess.run(["sh", "-c", "setsid sleep 600 & echo $! >> {pids}"], check=True)  # its parent ends
    _note(subprocess.Popen(["sleep", "600"], start_new_session=True).pid)
    _note(subprocess.Popen(["sleep", "600"]).pid)
    _note(os.getpid())
    time.sleep(600)
"""


def test_code_that_never_returns_leaves_no_process(written: Written, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    source = sketch_of(written("m.py", _NEVER_RETURNS.format(pids=str(pids))))
    with Builder(source, os.environ, tmp_path / "out", timeout_s=2.0) as builder:
        with pytest.raises(UsageError, match=r"m\.py: did not return within 2 s"):
            builder.build({})
        noted = [int(line) for line in pids.read_text().split()]
        assert len(noted) == 4
        assert [pid for pid in noted if psutil.pid_exists(pid)] == []
        assert [each for each in psutil.process_iter() if _group(each.pid) == noted[-1]] == []
        assert list((tmp_path / "out").iterdir()) == [tmp_path / "out" / "builder.log"]


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def test_a_process_that_dies_has_a_successor(build: Build, written: Written, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    file = written("m.py", _NEVER_RETURNS.format(pids=str(pids)))
    with pytest.raises(UsageError, match=r"m\.py: ended by SIGSEGV while building") as caught:
        build(file, {"how": 1})
    assert "builder.log" in caught.value.remedy
    assert not psutil.pid_exists(int(pids.read_text()))
    assert build(file, {"how": 2}).parameters == 2
