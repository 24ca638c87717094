"""A whole run on fake servers that can be traced: what it measures, warns of, explains, and keeps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from perfgate.gate.verdict import MetricVerdict, Verdict
from perfgate.metrics import Source
from perfgate.results import document, explanation_document
from perfgate.results.loader import read_run
from perfgate.results.result import Result
from perfgate.scenario.schema import Gate, MetricGate, Scenario
from perfgate.scenario.severity import Severity
from perfgate.serving.fake import FakeLauncher, FakeReplica
from perfgate.serving.interface import ReplicaSpec
from perfgate.stats.table import SOURCES
from perfgate.trials import Depth
from tests.explain.graphs import spec
from tests.explain.measured import Version
from tests.explain.traceable import Clock, FakeTraced
from tests.pipeline.fake_runs import EXECUTE_MS, SCENARIO, Bench

pytestmark = pytest.mark.slow

OLD = Version([spec("out", "Softmax", "x", T="float32")], ms={"out": 2.0})
EXTRA = Version(
    [spec("b", "Sin", "x", T="float32"), spec("out", "Softmax", "b", T="float32")], ms={"out": 2.0, "b": 0.04}
)
VERSIONS = {"old": OLD, "same": EXTRA, "slow": EXTRA}
"""`same` takes as long as `old`, but for an operation that costs 2 %."""
SIX = SCENARIO.model_copy(update={"budget": SCENARIO.budget.model_copy(update={"replicas": 6, "measure_s": 10})})


@dataclass(slots=True)
class TracedLauncher(FakeLauncher):
    """Starts servers that can be traced."""

    def start(self, spec: ReplicaSpec) -> FakeReplica:
        made = FakeLauncher.start(self, spec)
        version = VERSIONS[spec.model_path.name]
        server = FakeTraced(made.pid, made.mean_ms, made.rng, version=version, clock=Clock(), varies=True)
        self.replicas[-1] = server
        return server


@dataclass
class TracedBench(Bench):
    """Runs on servers that can be traced."""

    def _parent(self, number: int) -> FakeLauncher:
        self.parents.append(TracedLauncher(number, EXECUTE_MS))
        return self.parents[-1]


@pytest.fixture(autouse=True, scope="module")
def _place_for_models(tmp_path_factory: pytest.TempPathFactory) -> None:
    Bench.models = tmp_path_factory.mktemp("models")


def _run(out: Path, new: str, scenario: Scenario = SIX) -> Result:
    return TracedBench().run(out, "old", new, scenario=scenario)


def _of(result: Result) -> MetricVerdict | None:
    assert result.judgement is not None
    return next((each for each in result.judgement.metrics if each.metric == "changed_ops_ms"), None)


def test_an_added_operation_is_a_warning_of_a_run_that_passes(tmp_path: Path) -> None:
    result = _run(tmp_path, "same")
    assert result.judgement is not None
    judged = _of(result)
    assert judged is not None
    assert (judged.verdict, judged.severity) == (Verdict.FAIL, Severity.WARN)
    assert judged.effect.change == pytest.approx(0.04 / 2.3, rel=0.01)
    assert result.judgement.verdict is Verdict.PASS, result.judgement.headline
    assert "warning: changed_ops_ms +1.7%" in result.judgement.headline
    assert result.explanation is not None
    assert result.explanation.causes[0].code == "op added"


def test_a_run_of_equal_graphs_has_no_such_trials(tmp_path: Path) -> None:
    result = _run(tmp_path, "old")
    assert _of(result) is None
    assert Depth.OPS not in result.trials.depth
    assert result.explanation is None


def test_named_as_an_error_it_passes_equal_graphs_and_fails_others(tmp_path: Path) -> None:
    gate = Gate(metrics={"changed_ops_ms": MetricGate(severity=Severity.ERROR)})
    scenario = SIX.model_copy(update={"gate": gate})
    for new, verdict in (("old", Verdict.PASS), ("same", Verdict.FAIL)):
        result = _run(tmp_path / new, new, scenario)
        assert result.judgement is not None
        judged = _of(result)
        assert judged is not None
        assert (judged.verdict, result.judgement.verdict) == (verdict, verdict)


def test_without_time_for_it_nothing_is_traced_or_explained(tmp_path: Path) -> None:
    never = SIX.model_copy(update={"budget": SIX.budget.model_copy(update={"explain_s": 0.0})})
    result = _run(tmp_path, "slow", never)
    assert result.judgement is not None
    assert result.judgement.verdict is Verdict.FAIL
    assert (_of(result), result.explanation) == (None, None)
    assert "traced executions" not in result.phases_s


def test_it_is_read_again_as_it_was_measured(tmp_path: Path) -> None:
    result = _run(tmp_path, "slow")
    stored = document.read(tmp_path)
    assert stored.trials.depth == result.trials.depth
    assert Depth.OPS in stored.trials.depth
    judged, again = _of(result), _of(stored)
    assert judged is not None
    assert again is not None
    assert again.verdict is judged.verdict
    assert again.effect.change == pytest.approx(judged.effect.change)
    assert stored.explanation is not None
    assert result.explanation is not None
    assert explanation_document.to_json(stored.explanation) == explanation_document.to_json(result.explanation)
    columns = read_run(tmp_path)[1].columns
    rows = columns.source == SOURCES.index(Source.OPS)
    assert rows.sum() == stored.trials.depth.count(Depth.OPS)
    times, arm = columns.service_ms[np.repeat(rows, columns.requests)], columns.arm[rows]
    assert [float(np.median(times[arm == side])) for side in (0, 1)] == pytest.approx([2.3, 2.34], rel=0.01)
