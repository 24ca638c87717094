"""One fork server for many runs of a command, with another program instead of TensorFlow."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from perfgate.errors import InvalidRunError
from perfgate.scenario.schema import Scenario, Server, Target
from perfgate.serving import fork_ahead as module
from perfgate.serving.embedded import EmbeddedForkServer, EmbeddedReplica
from perfgate.serving.fork_ahead import Ahead, Lent, Shared
from perfgate.serving.interface import ReplicaSpec
from tests.serving.killing import kill

EMBEDDED = Scenario(target=Target(kind="embedded"))
ENDPOINT = Scenario(target=Target.model_validate({"kind": "endpoint"}))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EmbeddedForkServer]]:
    """Fork servers that import little, in order of creation."""
    servers: list[EmbeddedForkServer] = []

    def quick(scenario: Scenario, environ: dict[str, str], log: Path | None, _: object) -> EmbeddedForkServer | None:
        if scenario.target.kind != "embedded":
            return None
        path, program = {**environ, "PYTHONPATH": os.pathsep.join(sys.path)}, "tests.serving.where_it_lies"
        servers.append(EmbeddedForkServer(path, log, huge_pages=False, program=program, rest=False))
        return servers[-1]

    monkeypatch.setattr(module, "fork_server", quick)
    yield servers
    for each in servers:
        each.stop()


def _shared(ahead: Ahead | None = None) -> Shared:
    return Shared(ahead or Ahead(), os.environ, ())


def _spec(path: Path) -> ReplicaSpec:
    return ReplicaSpec("candidate server", path, ("serve",), "serving_default", Server())


def _start(launcher: object, path: Path) -> EmbeddedReplica:
    assert isinstance(launcher, Lent)
    return launcher.start(_spec(path))


def _soon(is_so: Callable[[], bool]) -> bool:
    end_s = time.monotonic() + 5
    while not is_so() and time.monotonic() < end_s:
        time.sleep(0.01)
    return is_so()


def _parent(server: EmbeddedForkServer) -> psutil.Process:
    return psutil.Process(server._process.pid)


def test_all_runs_get_one_fork_server_and_leave_it_without_children(
    made: list[EmbeddedForkServer], tmp_path: Path
) -> None:
    shared, pids = _shared(), set[int]()
    try:
        for number in range(3):
            lent = shared.take(EMBEDDED, tmp_path / f"{number}.log")
            replicas = [_start(lent, tmp_path) for _ in range(2)]
            assert [each.pid for each in _parent(made[0]).children()] == [each.pid for each in replicas]
            pids |= {each.pid for each in replicas}
            assert isinstance(lent, Lent)
            lent.stop()
            assert _parent(made[0]).children() == [], "not even a zombie"
            lent.stop()
        assert (len(made), len(pids)) == (1, 6)
        assert _parent(made[0]).is_running()
    finally:
        shared.stop()
    assert made[0]._process.poll() is not None


def test_the_one_that_was_started_ahead_is_used_first(made: list[EmbeddedForkServer], tmp_path: Path) -> None:
    ahead = Ahead()
    ahead.make(EMBEDDED, os.environ, ())
    shared = _shared(ahead)
    first, second = (shared.take(EMBEDDED, tmp_path / "log") for _ in range(2))
    assert first == second == Lent(made[0])
    assert len(made) == 1
    ahead.stop()
    assert made[0]._process.poll() is None, "whoever took it stops it"
    shared.stop()
    assert made[0]._process.poll() is not None
    shared.stop()


def test_stopping_ends_servers_of_a_run_that_did_not(made: list[EmbeddedForkServer], tmp_path: Path) -> None:
    shared = _shared()
    replica = psutil.Process(_start(shared.take(EMBEDDED, tmp_path / "log"), tmp_path).pid)
    assert replica.ppid() == made[0]._process.pid
    shared.stop()
    assert _soon(lambda: not replica.is_running())


def test_targets_that_fork_nothing_get_none(made: list[EmbeddedForkServer], tmp_path: Path) -> None:
    shared = _shared()
    assert shared.take(ENDPOINT, tmp_path / "log") is None
    shared.stop()
    assert made == []


def test_a_server_that_died_before_does_no_harm(made: list[EmbeddedForkServer], tmp_path: Path) -> None:
    shared = _shared()
    try:
        lent = shared.take(EMBEDDED, tmp_path / "log")
        dead, alive = (_start(lent, tmp_path) for _ in range(2))
        kill(dead.pid)
        with pytest.raises(InvalidRunError, match="died: killed by SIGKILL"):
            dead.ensure_alive()
        alive.ensure_alive()
        assert isinstance(lent, Lent)
        lent.stop()
        assert _parent(made[0]).children() == []
        again = _start(shared.take(EMBEDDED, tmp_path / "log"), tmp_path)
        again.ensure_alive()
        assert not psutil.pid_exists(alive.pid)
    finally:
        shared.stop()


def test_a_fork_server_that_died_ends_quietly(made: list[EmbeddedForkServer], tmp_path: Path) -> None:
    shared = _shared()
    lent = shared.take(EMBEDDED, tmp_path / "log")
    _start(lent, tmp_path)
    kill(made[0]._process.pid)
    made[0]._process.wait(5)
    assert isinstance(lent, Lent)
    lent.stop()
    with pytest.raises(InvalidRunError, match="the fork server died"):
        _start(lent, tmp_path)
    shared.stop()
