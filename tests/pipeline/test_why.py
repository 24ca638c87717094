"""When a run explains itself, and from what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perfgate.explain.traces import Trace, compare_graphs
from perfgate.gate.verdict import Judgement, Verdict
from perfgate.model.interface import Model
from perfgate.model.saved_model import open_model
from perfgate.pipeline.job import Job
from perfgate.pipeline.measure import Ending
from perfgate.pipeline.trace import TracedRun, trace
from perfgate.pipeline.why import why
from perfgate.results.recorder import RecordedRun
from perfgate.results.result import Outcome
from perfgate.scenario.schema import Budget, Scenario
from perfgate.scenario.severity import Severity
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm, Block, Conditions, Depth, Lane
from tests.explain.graphs import perceptron, save, spec
from tests.explain.measured import Version
from tests.explain.traceable import Clock, bench_of, live_replicas, plan_of
from tests.pipeline.fake_runs import job_of, model_of
from tests.report import example
from tests.report.trials import trial

OLD = Version([spec("out", "Softmax", "x", T="float32")])
NEW = Version([spec("b", "Sin", "x", T="float32"), spec("out", "Softmax", "b", T="float32")])
ENDED = Ending(Outcome.COMPLETE, (), 60.0)


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> TracedRun:
    plan, clock = plan_of(replicas=3), Clock()
    replicas = live_replicas(plan, {Arm.BASELINE: OLD, Arm.CANDIDATE: NEW}, clock)
    found = trace(replicas, bench_of(plan, clock), lambda _: 1.0, tmp_path_factory.mktemp("scratch"))
    assert found is not None
    return found


@pytest.fixture
def models(tmp_path: Path) -> dict[Arm, Model]:
    layers = {Arm.BASELINE: (16, 8, 4), Arm.CANDIDATE: (16, 8, 8, 4)}
    return {
        arm: open_model(str(save(tmp_path / arm, perceptron(*sizes))), tmp_path / "cache")
        for arm, sizes in layers.items()
    }


@pytest.fixture
def job(models: dict[Arm, Model], tmp_path: Path) -> Job:
    return job_of(models, tmp_path / "out")


def _recorded(*blocks: Block) -> RecordedRun:
    result = example.failing()
    return RecordedRun(result, result.replicas, blocks, TrialTable.of([], []))


def _judged(verdict: Verdict, **changes: object) -> Judgement:
    """Return a judgement of one metric; by default the run's verdict is the metric's."""
    judgement = example.failing().judgement
    assert judgement is not None
    metric = replace(judgement.metrics[0], verdict=verdict, **changes)  # type: ignore[arg-type]
    counts = metric.counts or verdict is not Verdict.FAIL
    return replace(judgement, verdict=verdict if counts else Verdict.PASS, metrics=(metric,), objectives=())


FAILED = _judged(Verdict.FAIL)


def test_a_failed_run_is_explained_by_what_its_servers_showed(job: Job, traced: TracedRun) -> None:
    found = why(job, _recorded(), replace(ENDED, traced=traced), FAILED)
    assert found is not None
    assert found.not_traced == ""
    assert found.causes[0].code == "op added"
    assert found.causes[0].ops == ("b",)
    assert found.static is not None
    assert found.static.node_changes[0] > 0
    assert found.models == {arm: model.given for arm, model in job.models.items()}


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.INVALID])
def test_other_runs_are_not_explained(job: Job, traced: TracedRun, verdict: Verdict) -> None:
    assert why(job, _recorded(), replace(ENDED, traced=traced), _judged(verdict)) is None


@pytest.mark.parametrize(("severity", "is_explained"), [(Severity.WARN, True), (Severity.OFF, False)])
def test_a_failure_that_only_warns_is_explained(job: Job, severity: Severity, is_explained: bool) -> None:
    judged = _judged(Verdict.FAIL, severity=severity, gated=severity is not Severity.OFF)
    assert judged.verdict is Verdict.PASS
    assert (why(job, _recorded(), ENDED, judged) is not None) is is_explained


def test_a_missed_objective_that_only_warns_is_explained(job: Job) -> None:
    judgement = example.failing().judgement
    assert judgement is not None
    missed = replace(judgement.objectives[0], verdict=Verdict.FAIL, severity=Severity.WARN)
    passes = replace(_judged(Verdict.PASS), objectives=(missed,))
    assert why(job, _recorded(), ENDED, passes) is not None
    assert why(job, _recorded(), ENDED, replace(passes, objectives=(replace(missed, verdict=Verdict.PASS),))) is None


def test_nothing_is_explained_where_that_is_not_wanted(models: dict[Arm, Model], tmp_path: Path) -> None:
    never = job_of(models, tmp_path / "out", Scenario(budget=Budget(explain_s=0)))
    assert why(never, _recorded(), ENDED, FAILED) is None


def test_a_run_without_a_measured_baseline_is_not_explained(models: dict[Arm, Model], tmp_path: Path) -> None:
    alone = job_of({Arm.CANDIDATE: models[Arm.CANDIDATE]}, tmp_path / "out")
    assert why(alone, _recorded(), ENDED, FAILED) is None


def test_a_graph_that_cannot_be_read_is_a_note(tmp_path: Path, traced: TracedRun) -> None:
    broken = job_of({arm: model_of(arm, tmp_path) for arm in Arm}, tmp_path / "out")
    found = why(broken, _recorded(), replace(ENDED, traced=traced), FAILED)
    assert found is not None
    assert found.static is None
    assert "saved_model.pb" in found.notes[0]
    assert found.causes, "what was traced explains it all the same"


def test_what_was_not_traced_is_explained_by_the_graphs_and_says_why(job: Job) -> None:
    found = why(job, _recorded(), replace(ENDED, not_traced="no sessions here"), FAILED)
    assert found is not None
    assert (found.attribution, found.not_traced) == (None, "no sessions here")
    other = why(job, _recorded(), ENDED, FAILED)
    assert other is not None
    assert other.not_traced.startswith("the operations were not timed")


def test_a_trace_without_a_round_is_none(job: Job, traced: TracedRun) -> None:
    empty = replace(traced, trace=Trace(compare_graphs({Arm.BASELINE: OLD.executed(), Arm.CANDIDATE: NEW.executed()})))
    found = why(job, _recorded(), replace(ENDED, traced=empty), FAILED)
    assert found is not None
    assert found.attribution is None


def test_stages_under_load_stand_beside_it(job: Job) -> None:
    rng = np.random.default_rng(1)
    trials = tuple(
        replace(trial(rng, block=0, arm=arm, replica=0, requests=9, with_stages=True), lane=Lane.LOAD) for arm in Arm
    )
    block = Block(Lane.LOAD, Depth.REQUEST, 0, 0.0, 1.0, trials, Conditions(0.0, 0.0))
    found = why(job, _recorded(block), ENDED, FAILED)
    assert found is not None
    assert [stage.name for stage in found.stages] == ["send lag", "queue", "execute", "encode", "rest"]
    assert all(stage.times_ms[0] != stage.times_ms[1] for stage in found.stages)
    half = Block(Lane.LOAD, Depth.REQUEST, 0, 0.0, 1.0, trials[:1], Conditions(0.0, 0.0))
    alone = why(job, _recorded(half), ENDED, FAILED)
    assert alone is not None
    assert alone.stages == (), "one arm alone explains nothing"


@pytest.mark.parametrize(("verdict", "is_named"), [(Verdict.FAIL, True), (Verdict.PASS, False)])
def test_growth_of_memory_is_a_cause_only_if_the_gate_found_it(job: Job, verdict: Verdict, is_named: bool) -> None:
    growth = replace(_judged(verdict).metrics[0], metric="rss_growth_mb_per_1k")
    found = why(job, _recorded(), ENDED, replace(FAILED, metrics=(growth,)))
    assert found is not None
    assert ("memory growth" in [cause.code for cause in found.causes]) is is_named
