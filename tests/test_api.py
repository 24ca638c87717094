"""The public interface of `import perfgate`, on runs with fakes."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import perfgate
from perfgate.errors import UsageError
from perfgate.gate.verdict import Verdict
from perfgate.metrics import METRICS
from tests.pipeline import fake_runs


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directories of runs: `slower`, `alone_old` and `alone_slow`."""
    folder = tmp_path_factory.mktemp("runs")
    fake_runs.Bench.models = folder
    fake_runs.Bench().run(folder / "slower", "old", "slow")
    for name in ("old", "slow"):
        fake_runs.Bench().run(folder / f"alone_{name}", name, stops_early=False)
    return folder


def test_what_is_public_is_this_and_documented() -> None:
    assert set(perfgate.__all__) == {"Run", "__version__", "compare", "load"}
    public = {name for name in dir(perfgate.Run) if not name.startswith("_")}
    assert public == {"verdict", "scenario", "metrics", "trials", "samples", "table", "judge"}
    for each in (perfgate.load, perfgate.compare, perfgate.Run, *(getattr(perfgate.Run, name) for name in public)):
        assert inspect.getdoc(each)
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        perfgate.lode  # noqa: B018


def test_importing_it_imports_nothing_else() -> None:
    program = "import perfgate, sys; print([name for name in sys.modules if name.startswith('perfgate.')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['perfgate.version']"


@pytest.mark.slow
def test_a_run_is_loaded_by_its_directory_or_its_file(home: Path) -> None:
    run = perfgate.load(home / "slower")
    assert run.verdict is Verdict.FAIL
    assert perfgate.load(str(home / "slower" / "result.json")).result == run.result
    assert run.scenario.budget.replicas == 4
    with pytest.raises(UsageError, match="cannot read the result"):
        perfgate.load(home / "nothing")


def test_metrics_are_a_frame_with_a_row_a_metric(home: Path) -> None:
    frame = perfgate.load(home / "slower").metrics
    row = frame.loc["execute_ms"]
    assert row["candidate"] / row["baseline"] - 1 == pytest.approx(0.2, abs=0.02)
    assert row["lower"] < row["change"] < row["upper"]
    assert (row["unit"], row["scale"], row["gated"], row["verdict"]) == ("ms", "ratio", True, "fail")
    assert list(frame.index) == [metric.name for metric in METRICS if metric.name in frame.index]
    assert frame["change"].dtype == float
    alone = perfgate.load(home / "alone_old").metrics
    assert alone.loc["execute_ms", "candidate"] == pytest.approx(2.0, rel=0.02)
    assert alone["baseline"].isna()["execute_ms"]
    assert alone.loc["execute_ms", "verdict"] is None


def test_trials_and_samples_are_frames(home: Path) -> None:
    run = perfgate.load(home / "slower")
    assert set(run.trials["arm"]) == {"baseline", "candidate"}
    assert len(run.trials) == len(run.result.trials.block)
    assert len(run.samples) >= len(run.trials)


def test_a_run_is_judged_again_as_it_was_or_by_another_gate(home: Path) -> None:
    run = perfgate.load(home / "slower")
    again = run.judge()
    assert run.result.judgement is not None
    assert (again.verdict, again.headline) == (run.verdict, run.result.judgement.headline)
    lenient = run.judge({"metrics": {metric.name: {"catch": "60%"} for metric in METRICS if metric.scale == "ratio"}})
    assert lenient.verdict is not Verdict.FAIL
    with pytest.raises(UsageError, match="unknown metric"):
        run.judge({"metrics": {"execute": {"catch": "2%"}}})


def test_two_runs_are_compared_as_two_occasions(home: Path) -> None:
    old, slow, both = (perfgate.load(home / name) for name in ("alone_old", "alone_slow", "slower"))
    found = {each.metric: each for each in perfgate.compare(old, slow).metrics}["execute_ms"]
    beside = {each.metric: each for each in both.judge().metrics}["execute_ms"]
    assert found.effect.change == pytest.approx(0.2, abs=0.02)
    assert found.effect.upper - found.effect.lower > 2 * (beside.effect.upper - beside.effect.lower)
    assert perfgate.compare(old, old).verdict is not Verdict.FAIL
