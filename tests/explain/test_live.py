"""`perfgate explain` as a user runs it: real models, servers and processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from perfgate.errors import ExitCode
from perfgate.results import document, explanation_document
from perfgate.trials import Arm
from tests.conftest import ROOT
from tests.explain.faults.pairs import PAIRS

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.alone]

PAIR = PAIRS["extra_layer"]
TOKEN = "PERFGATE_TEST_RUN"  # noqa: S105 - marks the processes that a test starts
SMALL = ("-s", str(PAIR.scenario_file), "--replicas", "3", "--budget", "3s")


def _perfgate(*args: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command, and require that it leaves no process behind."""
    command, token = [sys.executable, "-m", "perfgate", *map(str, args)], uuid4().hex
    environment = {**os.environ, TOKEN: token}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, cwd=ROOT, env=environment)
    _, alive = psutil.wait_procs([each for each in psutil.process_iter() if _has(each, token)], timeout=5)
    assert not alive
    return done


def _has(process: psutil.Process, token: str) -> bool:
    try:
        return process.environ().get(TOKEN) == token
    except psutil.Error:
        return False


@pytest.fixture(scope="module")
def models(built: Callable[..., Path]) -> tuple[Path, Path]:
    home = built(PAIR.name) / PAIR.name
    return home / "old", home / "new"


def test_an_extra_layer_is_named_first_with_files_and_a_trace(models: tuple[Path, Path], tmp_path: Path) -> None:
    trace = tmp_path / "trace.json"
    done = _perfgate("explain", *models, *SMALL, "--json", "--trace", trace, "--out", tmp_path / "out")
    assert done.returncode == ExitCode.PASS, done.stderr
    found = explanation_document.read(tmp_path / "out")
    assert json.loads(done.stdout) == json.loads((tmp_path / "out" / "explain.json").read_text())
    assert found.causes[0].code == "op added", done.stderr
    assert done.stderr.splitlines()[-1].startswith("EXPLAINED Operations were added")
    assert found.attribution is not None
    assert (found.attribution.replicas, found.not_traced) == (3, "")
    change_ms = found.attribution.change_ms
    assert sum(part.change_ms.estimate for part in found.attribution.parts) == pytest.approx(change_ms.estimate)
    added = next(part for part in found.attribution.parts if part.name == "added")
    assert added.change_ms.low > 0, "whatever else the machine does"
    assert "<html" in (tmp_path / "out" / "explain.html").read_text()
    events = json.loads(trace.read_text())["traceEvents"]
    operations = [event for event in events if event["ph"] == "X"]
    assert {event["pid"] for event in operations} == {1, 2}
    assert {event["name"] for event in operations if event["cat"] == "added"} >= {"MatMul", "BiasAdd"}


def test_a_stored_run_is_explained_with_its_models_and_scenario(models: tuple[Path, Path], tmp_path: Path) -> None:
    run, out = tmp_path / "run", tmp_path / "out"
    compared = _perfgate("compare", *models, *SMALL, "--out", run)
    assert compared.returncode in {ExitCode.PASS, ExitCode.FAIL, ExitCode.INCONCLUSIVE}, compared.stderr
    result = document.read(run)
    judged = {each.metric: each for each in result.judgement.metrics} if result.judgement else {}
    assert "changed_ops_ms" in judged, "the graphs differ"
    assert judged["changed_ops_ms"].effect.change > 0.02
    done = _perfgate("explain", run, "--budget", "3s", "--out", out, "--quiet")
    assert done.returncode == ExitCode.PASS, done.stderr
    assert (done.stdout, len(done.stderr.splitlines())) == ("", 1)
    found = explanation_document.read(out)
    assert found.causes[0].code == "op added"
    assert found.models == {arm: str(model) for arm, model in zip(Arm, models, strict=True)}
    assert {stage.name for stage in found.stages} >= {"queue", "execute"}
