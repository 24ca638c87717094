"""Whole cores, reserved across processes by locks that their holder's death releases."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from perfgate.fleet import measuring
from perfgate.fleet.cores import lock_folder, physical_cores, reserve
from perfgate.fleet.engine import Order
from perfgate.fleet.local import LocalEngine

HOLD = """
import sys, time
from pathlib import Path
from perfgate.fleet.cores import reserve
cores = tuple((cpu,) for cpu in range(int(sys.argv[2])))
folder = Path(sys.argv[1])  # without a topology, so that each CPU is a core
print(*reserve(cores, int(sys.argv[3]), folder, topology=folder), flush=True)
sys.stdin.read()
"""


@contextmanager
def holding(folder: Path, cores: int, count: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLD, str(folder), str(cores), str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _topology(folder: Path, siblings: dict[int, str]) -> Path:
    for cpu, text in siblings.items():
        (folder / f"cpu{cpu}" / "topology").mkdir(parents=True)
        (folder / f"cpu{cpu}" / "topology" / "thread_siblings_list").write_text(text + "\n")
    return folder


def test_hardware_threads_of_one_core_belong_together(tmp_path: Path) -> None:
    topology = _topology(tmp_path, {0: "0,4", 4: "0,4", 1: "1,5", 5: "1,5", 2: "2-3", 3: "2-3"})
    assert physical_cores({0, 1, 2, 3, 4, 5}, topology) == ((0, 4), (1, 5), (2, 3))
    assert physical_cores({1, 4, 5}, topology) == ((1, 5), (4,)), "only CPUs that the process may use"


def test_locks_can_be_taken_by_other_users_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        reserve(((0,),), 1, tmp_path, topology=tmp_path)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o644}


def test_without_topology_every_cpu_is_a_core(tmp_path: Path) -> None:
    assert physical_cores({3, 1}, tmp_path) == ((1,), (3,))


def test_more_cores_than_there_are_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="3 cores are wanted, but this process may use 2"):
        reserve(((0,), (1,)), 3, tmp_path)


@pytest.mark.slow
def test_two_processes_never_hold_the_same_core(tmp_path: Path) -> None:
    with holding(tmp_path, 4, 2) as one, holding(tmp_path, 4, 2) as other:
        assert sorted(f"{said(one)} {said(other)}".split()) == ["0", "1", "2", "3"]


def test_a_core_has_one_lock_whichever_of_its_threads_may_be_used(tmp_path: Path) -> None:
    topology = _topology(tmp_path / "cpus", {0: "0,64", 64: "0,64", 1: "1,65", 65: "1,65"})
    (tmp_path / "locks").mkdir()
    assert reserve(((64,), (65,)), 1, tmp_path / "locks", topology=topology) == (64,)

    def never(_: float) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        reserve(((0,),), 1, tmp_path / "locks", never, topology)
    assert reserve(((0,), (1,)), 1, tmp_path / "locks", never, topology) == (1,)


@pytest.mark.slow
def test_whoever_waits_gets_the_cores_of_one_that_is_killed(tmp_path: Path) -> None:
    with holding(tmp_path, 2, 2) as one:
        assert said(one) == "0 1"
        with holding(tmp_path, 2, 1) as other:
            time.sleep(0.3)
            os.kill(one.pid, signal.SIGKILL)
            assert said(other) == "0"


@pytest.mark.slow
def test_one_that_needs_all_cores_is_not_passed_by_those_that_need_few(tmp_path: Path) -> None:
    with holding(tmp_path, 2, 1) as small:
        assert said(small) == "0"
        with holding(tmp_path, 2, 2) as large:
            time.sleep(0.5)  # it holds the queue now, and the second core
            with holding(tmp_path, 2, 1) as late:
                time.sleep(0.5)
                small.kill()
                assert sorted(said(large).split()) == ["0", "1"]
                large.kill()
                assert said(late) in {"0", "1"}


LAUNCHER = ("-m", "perfgate.fleet.launcher")


@pytest.mark.slow
def test_the_launcher_pins_and_becomes_its_command(tmp_path: Path) -> None:
    code = "import os; print(sorted(os.sched_getaffinity(0)), os.getpid())"
    command = [sys.executable, *LAUNCHER, str(os.getpid()), "1", sys.executable, "-c", code]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    ) as process:
        text, _ = process.communicate()
    first, second = text.splitlines()
    facts = json.loads(first)
    assert second == f"{facts['cpus']} {process.pid}"
    assert abs(facts["began_s"] - time.time()) < 60


@pytest.mark.slow
def test_a_measurement_dies_with_its_fleet(tmp_path: Path) -> None:
    parent = (
        "import os, subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, *{LAUNCHER!r}, str(os.getpid()), '1', sys.executable, '-c',\n"
        "    'import time; time.sleep(600)'], stdout=subprocess.PIPE)\n"
        "child.stdout.readline(); print(child.pid, flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as process:  # fmt: skip
        pid = int(said(process))
        process.kill()
    deadline_s = time.monotonic() + 10
    while Path(f"/proc/{pid}/stat").exists() and time.monotonic() < deadline_s:
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.05)
    else:
        assert not Path(f"/proc/{pid}").exists()


@pytest.mark.slow
def test_the_launcher_of_a_dead_fleet_does_not_begin(tmp_path: Path) -> None:
    command = [sys.executable, *LAUNCHER, "1", "1", sys.executable, "-c", "print('measured')"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.slow
def test_an_engine_says_what_waits_for_cores_that_others_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(measuring, "_SOON_S", 0.0)
    engine = LocalEngine({0}, lambda: 1e6, "here")
    with holding(lock_folder(), 1, 1) as other:
        assert said(other) == "0"
        log = str(tmp_path / "1.log")
        engine.start(Order("a", ("--version",), str(tmp_path), {**os.environ}, log, 1, 60.0))
        assert engine.waiting() == ("a",)
        engine.start(Order("b", ("--version",), str(tmp_path), {**os.environ}, log, 1, 60.0))
        assert engine.withdraw() == ("a", "b")
        assert engine.waiting() == engine.withdraw() == ()
        assert engine.wait(0.0) == ()
        engine.start(Order("a", ("--version",), str(tmp_path), {**os.environ}, log, 1, 60.0))
        other.kill()
        while not (ended := engine.wait(1.0)):
            pass
    assert (ended[0].exit_code, ended[0].cpus) == (0, (0,))
    assert engine.waiting() == ()


def test_memory_that_a_measurement_has_taken_is_not_counted_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    available_mib = [16.0]
    engine = LocalEngine(range(8), lambda: available_mib[0], "here")
    command = ("--version",), str(tmp_path), {**os.environ}
    orders = [Order(name, *command, str(tmp_path / f"{name}.log"), 1, 60.0, memory_mib=5.0) for name in "abcd"]
    for order in orders[:3]:
        assert engine.has_room(order)
        engine.start(order)
        available_mib[0] -= 5.0
    assert not engine.has_room(orders[3])
    assert not engine.has_room(replace(orders[3], memory_mib=1.0 + 1e-6))
    assert engine.has_room(replace(orders[3], memory_mib=1.0))
    available_mib[0] = 0.5
    assert not engine.has_room(replace(orders[3], memory_mib=1.0)), "others took it"
    engine.stop()
