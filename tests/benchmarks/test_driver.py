import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.driver.noop_server import noop_server

pytestmark = [pytest.mark.live, pytest.mark.alone]

ROOT = Path(__file__).parents[2]


def driver(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.driver", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def report(*arguments: str) -> dict[str, Any]:
    done = driver(*arguments, "--seconds", "0.2", "--rounds", "1", "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_both_clients_are_measured_against_one_server(tmp_path: Path) -> None:
    (tmp_path / "request").write_bytes(b"1234")
    with noop_server("grpc.aio") as server:
        found = report("--target", server.address, "--versus", "grpc.aio", "--rate", "100", "--in-flight", "2",
                       "--payload", str(tmp_path / "request"))  # fmt: skip
    closed, open_loop = found["loads"]

    assert found["payload_bytes"] == 4
    assert set(closed["clients"]) == {"perfgate", "grpc.aio"}
    for client in closed["clients"].values():
        assert client["requests"] > 10
        assert client["errors"] == 0
        assert 0 < client["p50_ms"]["median"] <= client["p99_ms"]["median"]
        assert client["server_cpu_share"] is not None
    assert closed["ratio_rps"]["grpc.aio"]["median"] > 0
    assert open_loop["rate_rps"] == 100
    assert open_loop["clients"]["perfgate"]["send_lag_p99_us"]["median"] > 0


def test_a_server_that_does_not_answer_is_reported_as_errors() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found = report("--target", f"127.0.0.1:{probe.getsockname()[1]}")
    client = found["loads"][0]["clients"]["perfgate"]

    assert client["errors"] == client["requests"] > 0
    assert any("answered UNAVAILABLE" in note for note in found["notes"])


@pytest.mark.parametrize("arguments", [[], ["--serve-noop", "--target", "127.0.0.1:1"]])
def test_one_target_is_needed(arguments: list[str]) -> None:
    done = driver(*arguments)

    assert done.returncode == 2
    assert "either --target or --serve-noop" in done.stderr
