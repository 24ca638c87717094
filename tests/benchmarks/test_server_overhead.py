from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import RankingModels

ROOT = Path(__file__).parents[2]


@pytest.mark.live
@pytest.mark.alone
def test_it_tells_what_a_request_adds(ranking_models: RankingModels) -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks.server_overhead",
        str(ranking_models.v1),
        "--rounds",
        "2",
        "--each",
        "5",
    ]
    done = subprocess.run([*command, "--json"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["grpc"]
    for name in ("execute_ms", "request_ms", "queue_ms", "executed_ms", "encode_ms", "empty_ms", "execute_cpu_ms"):
        assert 0 < found[name]["least"] <= found[name]["median"] <= found[name]["most"], name
    assert {"added_ms", "added_cpu_ms"} <= found.keys()
