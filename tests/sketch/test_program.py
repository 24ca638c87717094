"""How the builder's process starts and ends; nothing here waits for TensorFlow."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import psutil
import pytest

from perfgate.errors import InvalidRunError, UsageError
from perfgate.sketch.builder import Builder
from perfgate.sketch.process import BuilderProcess
from perfgate.sketch.source import sketch_of
from tests.sketch.conftest import SKETCHES, Written

_BUSY = "import time\ntime.sleep(60)"
"""Instead of Keras: a builder that does not look at its channel."""
_STARTS_AND_WAITS = """
import os, sys, time
from pathlib import Path
from perfgate.sketch.process import BuilderProcess
process = BuilderProcess(os.environ, Path(sys.argv[1]), 60.0, lambda: 1 << 32)
process.start()
print(process._process.pid, flush=True)
time.sleep(60)
"""
_FORKS_AND_WAITS = """
import os, sys, time
from perfgate.sketch.build.program import _tie_to
_tie_to(os.getppid())
if os.fork() == 0:
    print(os.getpid(), flush=True)
time.sleep(60)
"""


def _gone(pid: int, within_s: float = 10.0) -> bool:
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def _with_keras(tmp_path: Path, code: str) -> dict[str, str]:
    """Return an environment in which this code is Keras."""
    (tmp_path / "keras.py").write_text(code)
    return {"PYTHONPATH": os.pathsep.join((str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])))}


def _process(tmp_path: Path, environ: dict[str, str] | None = None) -> BuilderProcess:
    log = tmp_path / "builder.log"
    return BuilderProcess({**os.environ, **(environ or {})}, log, 60.0, lambda: 1 << 32)


@pytest.mark.slow
@pytest.mark.parametrize("program", [_STARTS_AND_WAITS, _FORKS_AND_WAITS], ids=["perfgate", "the builder"])
def test_processes_die_with_the_one_that_made_them(tmp_path: Path, program: str) -> None:
    command = [sys.executable, "-c", program, str(tmp_path / "builder.log")]
    environ = {**os.environ, **_with_keras(tmp_path, _BUSY)}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        time.sleep(0.3)  # it gets as far as Keras
        assert psutil.pid_exists(child)
        parent.kill()
    assert _gone(child)


def test_leaving_ends_it_at_once(tmp_path: Path) -> None:
    with Builder(sketch_of(str(SKETCHES / "ranker.toml")), os.environ, tmp_path / "out") as builder:
        assert builder._process._process is not None
        pid = builder._process._process.pid
        assert os.getpgid(pid) == os.getsid(pid) == pid
    assert not psutil.pid_exists(pid)


def test_an_interrupt_while_it_builds_ends_it(tmp_path: Path) -> None:
    source, pid = sketch_of(str(SKETCHES / "ranker.toml")), 0

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def interrupted() -> None:
        nonlocal pid
        with Builder(source, os.environ, tmp_path) as builder:
            assert builder._process._process is not None
            pid = builder._process._process.pid
            signal.setitimer(signal.ITIMER_REAL, 0.1)  # TensorFlow's import takes seconds
            builder.build({})

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not psutil.pid_exists(pid)
    assert [path.name for path in tmp_path.iterdir()] == ["builder.log"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise ImportError('no such thing')", "ImportError: no such thing"),
        ("import os\nos._exit(3)", "ended with exit code 3"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGILL)", "ended by SIGILL"),  # a processor that is too old
    ],
)
def test_a_tensorflow_that_cannot_be_imported_is_no_mistake_of_the_sketch(
    tmp_path: Path, code: str, words: str
) -> None:
    process = _process(tmp_path, _with_keras(tmp_path, code))
    process.start()
    with pytest.raises(InvalidRunError, match=f"does not start: {words}"):
        process.wait_until_ready()


def test_a_process_that_is_killed_ends_the_wait(tmp_path: Path) -> None:
    process = _process(tmp_path)
    process.start()
    assert process._process is not None
    process._process.kill()
    with pytest.raises(UsageError, match=r"x\.toml: ended by SIGKILL while building") as caught:
        process.build({"file": "x.toml"})
    assert "not enough memory" in caught.value.remedy
    process.stop()  # again, with nothing left to stop


def test_what_is_too_large_for_the_memory_is_not_even_tried(tmp_path: Path) -> None:
    source = sketch_of(str(SKETCHES / "ranker.toml"))
    builder = Builder(source, os.environ, tmp_path, available_bytes=lambda: 1 << 30)
    with pytest.raises(UsageError, match=r"building it needs about 60\.3 GiB of memory, and 1\.00 GiB are free"):
        builder.build({"embeddings.user.rows": 250_000_000})


def test_a_file_that_changes_is_not_built(written: Written, tmp_path: Path) -> None:
    file = written("s.toml", "[inputs.x]\n")
    builder = Builder(sketch_of(file), os.environ, tmp_path)
    written("s.toml", "[inputs.y]\n")
    with pytest.raises(UsageError, match="was changed meanwhile"):
        builder.build({})
    Path(file).unlink()
    with pytest.raises(UsageError, match="No such file"):
        builder.build({})


def test_a_keras_file_has_no_dimensions(tmp_path: Path) -> None:
    file = tmp_path / "m.keras"
    with zipfile.ZipFile(file, "w"):
        pass
    builder = Builder(sketch_of(str(file)), os.environ, tmp_path)
    with pytest.raises(UsageError, match=r"m\.keras has no dimensions"):
        builder.build({"width": 3})


class _WithoutMemory:
    """A process that says that the memory does not suffice."""

    def wait_until_ready(self) -> None:
        """It is."""

    def build(self, order: dict[str, object]) -> dict[str, str]:
        Path(str(order["directory"])).mkdir()
        return {"no_memory": "OOM"}


def test_too_little_memory_after_all_says_how_much_it_takes(tmp_path: Path) -> None:
    builder = Builder(sketch_of(str(SKETCHES / "ranker.toml")), os.environ, tmp_path)
    builder._process = _WithoutMemory()  # type: ignore[assignment]
    with pytest.raises(UsageError, match=r"there is not enough memory to build it: it needs about 0\.688 GiB"):
        builder.build({})
    assert list(tmp_path.iterdir()) == []
