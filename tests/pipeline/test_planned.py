"""The scenario as a sketch is measured, and what is made of the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from perfgate.cautions import CautionKind
from perfgate.errors import ExitCode, UsageError
from perfgate.gate.verdict import Verdict
from perfgate.model.interface import Model, Signature, TensorSpec
from perfgate.payload.inputs import filled_inputs
from perfgate.pipeline import planned
from perfgate.pipeline.plan_command import exit_code
from perfgate.pipeline.planned import Times, answer_of, fitted, objective_answer, objectives_of, opened
from perfgate.planning.answer import ObjectiveStatus, PlanAnswer
from perfgate.results import document
from perfgate.results.loader import read_run
from perfgate.results.result import Outcome, Result
from perfgate.scenario.schema import Load, Payload, Scenario
from perfgate.scenario.severity import Severity
from perfgate.sketch.built import SketchFacts
from perfgate.trials import Arm, Caution
from tests.pipeline.fake_runs import Bench, job_of, model_of
from tests.planning.answers import SKETCH, passes

USER = {"user": 10_000}
TIMES = Times.of(100.0)


class Run(NamedTuple):
    """A whole run of a sketch, and where it is."""

    out: Path
    result: Result
    facts: SketchFacts
    scenario: Scenario


OBJECTIVES = {"latency_p99_ms": {"max": 20}}


def _fitted(ids: dict[str, int] = USER, batch: int | None = 8, **scenario: Any) -> Scenario:
    found = Scenario.model_validate({"name": "ranking", **scenario})
    return fitted(found, replace(SKETCH, cardinalities=ids, batch=batch), TIMES)


def _highs(payload: Payload, *names: str) -> list[float | None]:
    """Return the end of the range of each input, as requests are drawn."""
    inputs = tuple(TensorSpec(name, "int64", (None,)) for name in names)
    found = filled_inputs(Signature("serving_default", "", inputs, ()), payload)
    return [each.spec.high for each in found]


def test_the_time_is_divided_among_what_is_measured() -> None:
    budget = _fitted().budget
    assert (budget.measure_s, budget.execute_share, budget.request_share) == (40.0, 0.2, 0.0)
    assert (budget.capacity_s, budget.explain_s) == pytest.approx((55.0, 5.0))
    assert budget.measure_s + budget.capacity_s + budget.explain_s == pytest.approx(100.0)


def test_the_capacity_is_measured_unless_it_is_off_or_has_no_time() -> None:
    assert _fitted().gate.metrics["capacity_rps"].severity is not Severity.OFF
    off = {"metrics": {"capacity_rps": {"severity": "off"}}}
    assert _fitted(gate=off).gate.metrics["capacity_rps"].severity is Severity.OFF
    assert "capacity_rps" not in fitted(Scenario(), SKETCH, replace(TIMES, capacity_s=0.0)).gate.metrics


def test_ids_are_those_that_the_table_has() -> None:
    assert _highs(_fitted().payload, "user", "features") == [10_000.0, None]
    kept = _fitted(payload={"inputs": {"user": {"distribution": "zipf", "low": 1}}}).payload.inputs["user"]
    assert (kept.distribution, kept.low, kept.high) == ("zipf", 1.0, 10_000.0)


def test_fewer_ids_than_the_table_has_stay() -> None:
    assert _highs(_fitted(payload={"inputs": {"user": {"high": 50}}}).payload, "user") == [50.0]


@pytest.mark.parametrize("key", ["user", "us*"])
def test_ids_beyond_the_table_are_refused(key: str) -> None:
    with pytest.raises(UsageError, match="asks for ids up to 10,001 in user, whose table has 10,000") as raised:
        _fitted(payload={"inputs": {key: {"high": 10_001}}})
    assert raised.value.remedy.startswith(f"set high = 10000 under [payload.inputs.{key}]")
    assert _highs(_fitted(payload={"inputs": {key: {"high": 10_000}}}).payload, "user") == [10_000.0]


@pytest.mark.parametrize("high", [{}, {"high": 50}])
def test_ids_below_0_are_refused(high: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="asks for ids below 0 in user"):
        _fitted(payload={"inputs": {"user": {"low": -5, **high}}})


def test_tables_that_share_a_pattern_keep_their_own_rows() -> None:
    """The last table's rows were drawn for all of them, beyond the ends of smaller ones."""
    ids = {"item_ids": 500, "shop_ids": 20, "user_ids": 10_000}
    shared = _fitted(ids, payload={"inputs": {"*_ids": {"distribution": "zipf"}}}).payload
    assert _highs(shared, "item_ids", "shop_ids", "user_ids") == [500.0, 20.0, 10_000.0]
    assert {spec.distribution for spec in shared.inputs.values()} == {"zipf"}


def test_requests_have_the_sketchs_rows_unless_the_scenario_says_how_many() -> None:
    assert _fitted(batch=3).payload.batch_size == 3
    assert _fitted(batch=3, payload={"batch_size": 5}).payload.batch_size == 5
    assert _fitted(batch=None).payload.batch_size == Payload().batch_size


def test_recorded_requests_stay_as_they_are(tmp_path: Path) -> None:
    recorded = {"source": "npz", "file": str(tmp_path / "requests.npz"), "batch_size": 4}
    assert _fitted(batch=3, payload=recorded).payload == Payload.model_validate(recorded)


def test_a_class_takes_from_the_payload_what_it_leaves_out() -> None:
    """Its own batch and the payload's signature were lost where the class describes inputs."""
    found = _fitted(
        batch=3,
        payload={"signature": "rank", "distinct": 5, "inputs": {"user": {"low": 7}}},
        classes={
            "feed": {"weight": 3},
            "search": {"batch_size": 64, "inputs": {"user": {"distribution": "zipf"}}},
            "mail": {"inputs": {"user": {"high": 9}}},
        },
    )
    feed, search, mail = found.request_classes()
    assert [(name, weight) for name, weight, _ in (feed, search, mail)] == [("feed", 3.0), ("search", 1.0), ("mail", 1)]
    assert [payload.batch_size for _, _, payload in (feed, search, mail)] == [3, 64, 3]
    assert {(payload.signature, payload.distinct) for _, _, payload in (feed, search, mail)} == {("rank", 5)}
    assert [_highs(payload, "user") for _, _, payload in (feed, search, mail)] == [[10_000.0], [10_000.0], [9.0]]
    assert feed[2].inputs["user"].low == 7
    assert search[2].inputs["user"].distribution == "zipf"


def test_ids_of_a_class_beyond_the_table_are_refused() -> None:
    with pytest.raises(UsageError, match="ids up to 20,000 in user"):
        _fitted(classes={"feed": {}, "search": {"inputs": {"user": {"high": 20_000}}}})


def test_a_class_of_recorded_requests_stays_as_it_is(tmp_path: Path) -> None:
    recorded = {"source": "npz", "file": str(tmp_path / "requests.npz")}
    found = _fitted(classes={"drawn": {}, "recorded": recorded})
    assert found.request_classes()[1][2].source == "npz"
    assert found.classes["recorded"].inputs == {}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A whole run of a sketch on fakes: 2 ms an execution, at 100 requests a second."""
    Bench.models = tmp_path_factory.mktemp("models")
    out, model = Bench.models / "run", model_of("old", Bench.models)
    facts = replace(SKETCH, path=str(model.path), cardinalities={}, batch=2)
    load = {"arrivals": "poisson", "rate_rps": 100}
    scenario = Scenario.model_validate(
        {"name": "ranking", "load": load, "objectives": OBJECTIVES, "budget": {"replicas": 4}}
    )
    found = fitted(scenario, facts, Times.of(40.0))
    return Run(out, Bench().run(out, "old", scenario=found, stops_early=False), facts, found)


def _answer(run: Run, **changes: Any) -> PlanAnswer:
    job = job_of(_models(), run.out, run.scenario)
    return answer_of(run.facts, job.comparison, replace(run.result, **changes), read_run(run.out)[1])


def _models() -> dict[Arm, Model]:
    return {Arm.CANDIDATE: model_of("old", Bench.models)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("load", "status"),
    [
        ({"arrivals": "ramp", "from_rps": 0, "to_rps": 600}, ObjectiveStatus.HOLDS),
        ({"arrivals": "ramp", "from_rps": 0, "to_rps": 1600}, ObjectiveStatus.BREAKS),
        ({"arrivals": "steps", "steps_rps": [10, 600, 10]}, ObjectiveStatus.HOLDS),
        ({"arrivals": "closed"}, ObjectiveStatus.OPEN),
    ],
    ids=["its mean is below", "its mean is above", "its highest step is above", "no rate"],
)
def test_a_capacity_is_a_mean_rate_and_so_is_the_loads(run: Run, load: dict[str, Any], status: ObjectiveStatus) -> None:
    """The search for the capacity keeps a load's shape; one server carries 400 requests a second on average."""
    (found,) = objectives_of(run.result, Load.model_validate(load))
    assert found.status is status


@pytest.mark.slow
def test_an_answer_says_what_the_run_said(run: Run) -> None:
    out, result, facts, _ = run
    found = _answer(run)
    assert result.judgement is not None
    judged = objective_answer(*result.judgement.objectives)
    assert judged.status is ObjectiveStatus.OPEN, "four servers say little about a percentile"
    holds = replace(judged, status=ObjectiveStatus.HOLDS, by_capacity=True, more="")
    assert found.objectives == (holds,), "one carries 400 requests a second"
    assert (found.verdict, found.complete, exit_code(found)) == (Verdict.PASS, True, ExitCode.PASS)
    assert (found.plan_id, found.seed, found.fingerprint) == (result.run_id, 5, result.fingerprint)
    assert (found.sketch, found.capacity, found.scenario_digest) == (facts, result.capacity, result.scenario_digest)
    assert {each.metric for each in found.promises} >= {"execute_ms", "latency_p99_ms", "rss_peak_mb", "capacity_rps"}
    by_name = {each.metric: each for each in found.promises}
    assert by_name["execute_ms"].lower < 2.0 < by_name["execute_ms"].upper
    assert found.needed is not None
    assert (found.needed.rate_rps, found.needed.servers) == (100.0, 1)
    assert document.read(out).run_id == found.plan_id


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": Outcome.INTERRUPTED}, ExitCode.INTERRUPTED),
        ({"status": Outcome.INTERRUPTED, "judgement": None}, ExitCode.INTERRUPTED),
        ({"status": Outcome.INVALID, "judgement": None}, ExitCode.INVALID),
        ({"judgement": None}, ExitCode.INVALID),
    ],
)
def test_exit_codes_of_runs_that_did_not_end_well(run: Run, changes: dict[str, Any], code: ExitCode) -> None:
    assert exit_code(_answer(run, **changes)) is code


def _judged(run: Run, verdict: Verdict, codes: Sequence[str], status: Outcome) -> Verdict:
    """Return the verdict on a run that is invalid, with an objective that has this verdict."""
    judgement = run.result.judgement
    assert judgement is not None
    objective = replace(judgement.objectives[0], verdict=verdict)
    invalid = replace(judgement, verdict=Verdict.INVALID, objectives=(objective,), reasons=("too many errors",))
    cautions = tuple(Caution(code, "it is slow", "use more servers") for code in codes)
    found = _answer(run, judgement=invalid, cautions=cautions, status=status, capacity=None)
    assert found.notes[0] == "too many errors"
    assert list(found.notes[1:]) == ["it is slow: use more servers"] * len(codes)
    return found.verdict


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "codes", "status", "expected"),
    [
        (Verdict.FAIL, [CautionKind.OVERLOAD.code], Outcome.COMPLETE, Verdict.FAIL),
        (Verdict.FAIL, [CautionKind.OVERLOAD_AT_PEAK.code], Outcome.COMPLETE, Verdict.FAIL),
        (Verdict.FAIL, [], Outcome.COMPLETE, Verdict.INVALID),
        (Verdict.PASS, [CautionKind.OVERLOAD.code], Outcome.COMPLETE, Verdict.INVALID),
        (Verdict.INCONCLUSIVE, [CautionKind.OVERLOAD.code], Outcome.COMPLETE, Verdict.INVALID),
        (Verdict.FAIL, [CautionKind.OVERLOAD.code], Outcome.INVALID, Verdict.INVALID),
    ],
)
def test_an_invalid_run_proves_only_that_an_overloaded_sketch_breaks(
    run: Run, objective: Verdict, codes: list[str], status: Outcome, expected: Verdict
) -> None:
    assert _judged(run, objective, codes, status) is expected


@pytest.mark.slow
def test_the_model_keeps_the_name_of_its_sketch(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    job = job_of(_models(), run.out, run.scenario)
    monkeypatch.setattr(planned, "open_arms", lambda *_: job.comparison)
    host: Any = type("Host", (), {"environ": {}})
    found = opened(run.facts, job.scenario, host, None)
    assert [model.given for model in found.models.values()] == [SKETCH.given]


@pytest.mark.parametrize(
    ("verdict", "complete", "code"),
    [
        (Verdict.PASS, True, ExitCode.PASS),
        (Verdict.FAIL, True, ExitCode.FAIL),
        (Verdict.INCONCLUSIVE, True, ExitCode.INCONCLUSIVE),
        (Verdict.INVALID, True, ExitCode.INVALID),
        (Verdict.PASS, False, ExitCode.INTERRUPTED),
        (Verdict.FAIL, False, ExitCode.INTERRUPTED),
        (Verdict.INVALID, False, ExitCode.INTERRUPTED),
    ],
)
def test_exit_codes(verdict: Verdict, complete: bool, code: ExitCode) -> None:
    assert exit_code(replace(passes(), verdict=verdict, complete=complete)) is code
