"""`perfgate plan` as a user runs it: a sketch is built, served and measured by real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from perfgate.errors import ExitCode
from perfgate.gate.verdict import Verdict
from perfgate.planning.answer import ObjectiveStatus, PlanAnswer
from perfgate.results import plan_check_document, plan_document
from tests.conftest import ROOT

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.alone]

SKETCH = ROOT / "examples" / "sketches" / "ranker.toml"
TOKEN = "PERFGATE_TEST_RUN"  # noqa: S105 - marks the processes that a test starts
ROWS, ROW_BYTES = "embeddings.user.rows", 16 * 4
_SCENARIO = """
[load]
arrivals = "poisson"
rate_rps = 40
[objectives.execute_ms]
max = 1000
[objectives.latency_p99_ms]
max = 1
severity = "warn"
[budget]
replicas = 3
"""


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
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Plan with the example once."""
    home = tmp_path_factory.mktemp("planned")
    (home / "p.toml").write_text(_SCENARIO)
    done = _perfgate(
        "plan", SKETCH, "-s", home / "p.toml", "--budget", "12s", "--out", home / "out", "--json", "--keep",
        "--store", home / "kept", "--set", "layers.width=128",
    )  # fmt: skip
    assert done.returncode == ExitCode.PASS, done.stderr
    return home, done


def _plan(planned: tuple[Path, object]) -> PlanAnswer:
    return plan_document.read(planned[0] / "out")


def test_a_sketch_is_built_measured_and_judged(planned: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    home, done = planned
    found = _plan(planned)
    assert json.loads(done.stdout) == json.loads((home / "out" / "plan.json").read_text())
    assert "<html" in (home / "out" / "plan.html").read_text()
    assert done.stderr.splitlines()[-1].endswith(f"report: {home / 'out' / 'plan.html'}")
    assert (found.verdict, found.complete) == (Verdict.PASS, True)
    by_name = {each.metric: each for each in found.objectives}
    assert by_name["execute_ms"].status is ObjectiveStatus.HOLDS
    assert by_name["latency_p99_ms"].warns
    assert found.sketch.dimensions["layers.width"] == 128
    assert found.sketch.cardinalities == {"user": 10_000}
    weights = 10_000 * 16 + (64 + 16) * 128 + 128 + 2 * (128 * 128 + 128) + 128 + 1
    assert found.sketch.parameters == weights
    assert {each.code for each in found.unseen} >= {"embedding skew", "denormals"}


def test_its_time_is_divided_among_its_operations(planned: tuple[Path, object]) -> None:
    profile = _plan(planned).profile
    assert profile is not None
    assert profile.replicas in {2, 3}
    assert sum(op.ms for op in profile.ops) + profile.rest_ms == pytest.approx(profile.execute_ms)
    assert any(op.op.endswith("MatMul") for op in profile.ops)
    promised = {each.metric: each for each in _plan(planned).promises}
    assert 0.2 < profile.execute_ms / promised["execute_ms"].value < 5


def test_the_same_model_taken_for_a_trained_one_is_checked_beside_it(planned: tuple[Path, object]) -> None:
    """Whether times are covered depends on the machine; that they are compared, and a size, does not."""
    home, plan = planned[0], _plan(planned)
    out = home / "check"
    done = _perfgate(
        "plan", home / "out", "--check", plan.sketch.path, "-s", home / "p.toml", "--store", home / "kept",
        "--budget", "12s", "--out", out,
    )  # fmt: skip
    assert done.returncode == ExitCode.PASS, done.stderr
    found = plan_check_document.read(out)
    assert (found.plan_id, found.beside, found.model_digest) == (plan.plan_id, True, plan.sketch.model_digest)
    by_name = {each.metric: each for each in found.promises}
    assert by_name["model_size_mb"].covered
    for metric in ("execute_ms", "rss_peak_mb", "cpu_ms_per_request"):
        assert by_name[metric].same_speed
        assert by_name[metric].error == pytest.approx(0, abs=0.3)
    assert found.record.checks == 1
    assert "<html" in (out / "plan-check.html").read_text()
    assert list((home / "kept" / "plans" / "p").glob("*.check.json"))


def test_the_rows_that_fit_into_memory_are_found(planned: tuple[Path, object], tmp_path: Path) -> None:
    """Memory is a constant and so much a row, which the ends of the range show: once, and again while it is read."""
    small_mb = next(each.value for each in _plan(planned).promises if each.metric == "rss_peak_mb")
    scenario, low, high = tmp_path / "m.toml", 100_000, 2_000_000
    scenario.write_text(f"[objectives.rss_peak_mb]\nmax = {small_mb + 60:.0f}\n[budget]\nreplicas = 4\n")
    done = _perfgate(
        "plan", SKETCH, "-s", scenario, "--scale", f"{ROWS}={low}..{high}", "--budget", "40s", "--out",
        tmp_path / "out", "--set", "layers.width=128",
    )  # fmt: skip
    assert done.returncode in {ExitCode.PASS, ExitCode.INCONCLUSIVE}, done.stderr
    found = plan_document.read(tmp_path / "out")
    assert found.scale is not None
    (limit,) = found.scale.limits
    first, *_, last = limit.points
    assert (first.value, last.value) == (low, high)
    assert first.ratio < 1 < last.ratio
    assert first.status is not ObjectiveStatus.BREAKS
    assert last.status is not ObjectiveStatus.HOLDS
    per_row = (last.ratio - first.ratio) / (high - low)
    row_bytes = per_row * found.scenario["objectives"]["rss_peak_mb"]["max"] * 2**20
    assert 0.8 * ROW_BYTES < row_bytes < 3 * ROW_BYTES
    expected = low + (1 - first.ratio) / per_row
    assert limit.lower <= 1.1 * expected
    assert limit.upper >= 0.9 * expected
    assert low < limit.estimate < high
    assert limit.objective == "rss_peak_mb"
    assert not list((tmp_path / "out" / "models").glob("*/saved_model.pb")), "variants are removed"
