from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from perfgate.errors import InvalidRunError
from perfgate.scenario.schema import Server
from perfgate.serving.embedded import EmbeddedForkServer, server_environment
from perfgate.serving.interface import ReplicaSpec
from tests.serving.killing import kill

if TYPE_CHECKING:
    from tests.conftest import RankingModels


def test_huge_pages_join_the_users_tunables() -> None:
    env = server_environment({"GLIBC_TUNABLES": "glibc.malloc.check=0", "HOME": "h"}, huge_pages=True)
    assert env["GLIBC_TUNABLES"] == "glibc.malloc.check=0:glibc.malloc.hugetlb=1"
    assert env["HOME"] == "h"
    assert "hugetlb" not in server_environment({}, huge_pages=False)["GLIBC_TUNABLES"]


def _spec(path: Path) -> ReplicaSpec:
    return ReplicaSpec("candidate server", path, ("serve",), "serving_default", Server())


@pytest.mark.live
def test_replicas_live_and_die_in_order(ranking_models: RankingModels, tmp_path: Path) -> None:
    parent = EmbeddedForkServer(os.environ, tmp_path / "log", huge_pages=True)
    try:
        first, second = (parent.start(_spec(ranking_models.v1)) for _ in range(2))
        assert first.pid != second.pid
        assert first.address != second.address
        assert 0 < first.load_time_s < 60
        first.ensure_alive()

        with pytest.raises(InvalidRunError, match="does not load: SavedModel file does not exist"):
            parent.start(_spec(tmp_path))

        kill(second.pid)
        with pytest.raises(InvalidRunError, match="died: killed by SIGKILL"):
            second.ensure_alive()
        first.ensure_alive()
    finally:
        parent.stop()
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in (first.pid,) if psutil.pid_exists(pid)], timeout=5)
    assert not alive


@pytest.mark.live
def test_no_orphans_when_perfgate_is_killed(ranking_models: RankingModels, tmp_path: Path) -> None:
    program = f"""
import os, time
from pathlib import Path
from perfgate.scenario.schema import Server
from perfgate.serving.embedded import EmbeddedForkServer
from perfgate.serving.interface import ReplicaSpec
parent = EmbeddedForkServer(os.environ, Path({str(tmp_path / "log")!r}), huge_pages=True)
spec = ReplicaSpec("server", Path({str(ranking_models.v1)!r}), ("serve",), "serving_default", Server())
print(parent.start(spec).pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as perfgate:
        assert perfgate.stdout is not None
        server = psutil.Process(int(perfgate.stdout.readline()))
        family = [server, *psutil.Process(perfgate.pid).children(recursive=True)]
        perfgate.kill()
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive
