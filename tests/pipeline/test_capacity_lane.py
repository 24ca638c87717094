"""Whole runs on fake servers that queue: when the capacity is searched for, how it is judged, and what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from math import expm1
from pathlib import Path

import pytest

from perfgate.capacity.answer import CapacityKind
from perfgate.errors import InvalidRunError
from perfgate.gate.verdict import MetricVerdict, ObjectiveVerdict, Verdict
from perfgate.loadgen.fake import FakeDriver
from perfgate.loadgen.interface import ClosedLoop, OpenLoop
from perfgate.metrics import METRICS
from perfgate.results import capacity_document, document
from perfgate.results.history import series_of
from perfgate.results.record import record_of
from perfgate.results.result import Outcome, Result
from perfgate.scenario.schema import Budget, Gate, MetricGate, Objective, Scenario
from perfgate.scenario.severity import Severity
from perfgate.serving.interface import Replica
from perfgate.trials import Arm, Call, Requests
from tests.pipeline import fake_runs
from tests.pipeline.fake_runs import Bench, Tick, TimedDriver

NAME, PHASE = "capacity_rps", "rates up to the capacity"
ALONE = {metric.name: MetricGate(severity=Severity.OFF) for metric in METRICS if metric.gated}
"""Nothing is gated by default."""
SLOWEST_MS = 20.0
OBJECTIVE = {"latency_p99_ms": Objective(max=SLOWEST_MS, severity=Severity.WARN)}
BUDGET = Budget(measure_s=2, replicas=6, execute_share=0.4, request_share=0.3, capacity_s=150)
CATCH = Gate(metrics={**ALONE, NAME: MetricGate(catch=0.1)})


def _scenario(gate: Gate = CATCH, objectives: dict[str, Objective] = OBJECTIVE, **budget: float) -> Scenario:
    return Scenario(gate=gate, objectives=objectives, budget=BUDGET.model_copy(update=budget))


@pytest.fixture(autouse=True, scope="module")
def _models_and_times(tmp_path_factory: pytest.TempPathFactory) -> None:
    Bench.models = tmp_path_factory.mktemp("models")
    fake_runs.EXECUTE_MS.update(fifth=2.5)  # a capacity a fifth lower, and a little more: the objective stays


def _of(result: Result) -> MetricVerdict | None:
    assert result.judgement is not None
    return next((each for each in result.judgement.metrics if each.metric == NAME), None)


def _objective(result: Result) -> ObjectiveVerdict:
    assert result.judgement is not None
    return next(each for each in result.judgement.objectives if each.metric == NAME)


@cache
def _compared(new: str) -> Result:
    out = Bench.models.parent / f"run-{new}"
    return Bench().run(out, "old", new, scenario=_scenario(objectives={**OBJECTIVE, NAME: Objective(min=300)}))


@pytest.mark.slow
@pytest.mark.parametrize(("new", "verdict"), [("same", Verdict.PASS), ("fifth", Verdict.FAIL)])
def test_a_fifth_less_fails_and_the_same_passes(new: str, verdict: Verdict) -> None:
    result = _compared(new)
    judged = _of(result)
    assert judged is not None
    assert judged.verdict is verdict, judged.reason
    assert judged.tolerance == 0.05
    assert judged.effect.source == "capacity"
    true = 1.0 if new == "same" else 311 / 406  # of a queue with a constant service time, by its exponential tail
    assert judged.effect.lower - 0.03 < true - 1 < judged.effect.upper + 0.03


@pytest.mark.slow
def test_the_gate_and_the_answer_say_the_same() -> None:
    for result in (_compared("same"), _compared("fifth")):
        judged, answer = _of(result), result.capacity
        assert judged is not None
        assert answer is not None
        assert answer.change is not None
        assert judged.effect.change == pytest.approx(answer.change.change, rel=1e-12)
        assert (judged.effect.baseline_value, judged.effect.candidate_value) == pytest.approx(
            [arm.rate_rps for arm in answer.arms], rel=1e-12
        )
        ends = [judged.effect.log_change + sign * _t995(judged.effect.df) * judged.effect.log_se for sign in (-1, 1)]
        assert [expm1(end) for end in ends] == pytest.approx([answer.change.lower, answer.change.upper], rel=1e-9)
        assert answer.change.verdict is judged.verdict
        assert not [note for note in answer.notes if NAME in note]


def _t995(df: float) -> float:
    from scipy import special  # noqa: PLC0415

    return float(special.stdtrit(df, 0.995))


@pytest.mark.slow
def test_an_objective_is_judged_by_one_arm() -> None:
    met, missed = _objective(_compared("same")), _objective(_compared("fifth"))
    assert (met.verdict, met.is_maximum) == (Verdict.PASS, False)
    assert met.lower > 300
    answer = _compared("fifth").capacity
    assert answer is not None
    assert missed.value == pytest.approx(answer.arms[1].rate_rps, rel=1e-12)
    assert missed.lower < missed.value < missed.upper


@pytest.mark.slow
def test_it_is_read_again_as_it_was_written() -> None:
    written = _compared("fifth").capacity
    assert written is not None
    stored = document.read(Bench.models.parent / "run-fifth")
    assert stored.capacity is not None
    assert capacity_document.to_json(stored.capacity) == capacity_document.to_json(written)
    assert [arm.upper_rps for arm in stored.capacity.arms] == [arm.upper_rps for arm in written.arms]
    assert '<section id="capacity">' in (Bench.models.parent / "run-fifth" / "report.html").read_text()
    values = {each.arm: each for each in stored.summaries if each.metric == NAME}
    assert values["candidate"].value == pytest.approx(written.arms[1].rate_rps, rel=1e-12)
    typical = values["candidate"].typical
    assert typical is not None
    assert typical.source == "capacity: latency_p99_ms at most 20 ms"


@pytest.mark.slow
@pytest.mark.parametrize(
    "scenario",
    [
        _scenario(Gate(metrics=ALONE)),
        _scenario(Gate(metrics={**ALONE, NAME: MetricGate(severity=Severity.OFF)})),
        _scenario(Gate(metrics=ALONE), {NAME: Objective(min=1, severity=Severity.OFF)}),
        _scenario(capacity_s=0),
    ],
    ids=["not named", "off", "objective off", "no time"],
)
def test_it_is_searched_for_only_if_it_is_named_and_has_time(tmp_path: Path, scenario: Scenario) -> None:
    result = Bench().run(tmp_path, "old", "same", scenario=scenario)
    assert PHASE not in result.phases_s
    assert (result.capacity, _of(result)) == (None, None)


@pytest.mark.slow
def test_named_without_time_the_run_is_inconclusive(tmp_path: Path) -> None:
    result = Bench().run(tmp_path, "old", "same", scenario=_scenario(capacity_s=0))
    assert result.judgement is not None
    assert result.judgement.verdict is Verdict.INCONCLUSIVE
    assert "capacity_rps has no data: give the search for it time (budget.capacity_s)" in result.judgement.reasons


@pytest.mark.slow
@pytest.mark.parametrize("at_s", [20.0, 60.0], ids=["at first rates", "near the capacity"])
def test_an_interrupt_keeps_the_rest_of_the_run(tmp_path: Path, at_s: float) -> None:
    gate = Gate(metrics={**ALONE, NAME: MetricGate(), "service_mean_ms": MetricGate(catch=0.5)})
    bench = Bench(clock=Tick(interrupt_at_s=at_s))
    result = bench.run(tmp_path, "old", "same", scenario=_scenario(gate))
    assert result.status is Outcome.INTERRUPTED
    assert result.judgement is not None
    assert [each.metric for each in result.judgement.metrics if each.gated] == ["service_mean_ms"]
    why = "capacity_rps is not known: baseline: its search was interrupted; candidate: its search was interrupted"
    assert why in result.judgement.reasons
    assert result.phases_s[PHASE] < at_s
    assert bench.everything_stopped()
    assert result.capacity is None or not result.capacity.complete


@dataclass(slots=True)
class BusyDriver(TimedDriver):
    """Takes a whole core, so that it may be the limit itself."""

    @property
    def cpu_ms(self) -> float:
        return self.now_s * 1000.0


@dataclass(slots=True)
class DyingDriver(TimedDriver):
    """Its server dies of the first overload."""

    def drive(self, calls: Sequence[Call], load: ClosedLoop | OpenLoop, first_call: int = 0) -> Requests:
        if isinstance(load, OpenLoop) and load.instants_s.size > 300:
            raise InvalidRunError("the server of candidate replica 0 died")
        return TimedDriver.drive(self, calls, load, first_call)


@dataclass
class OtherDrivers(Bench):
    """Runs with other drivers."""

    kind: type[TimedDriver] = TimedDriver

    def _driver(self, server: Replica, deadline_s: float) -> FakeDriver:
        made = Bench._driver(self, server, deadline_s)
        self.drivers[-1] = self.kind(made.service_ms, deadline_s=deadline_s, clock=self.clock)
        return self.drivers[-1]


@pytest.mark.slow
def test_a_server_that_dies_leaves_only_the_capacity_unknown(tmp_path: Path) -> None:
    gate = Gate(metrics={**ALONE, NAME: MetricGate(), "service_mean_ms": MetricGate(catch=0.5)})
    result = OtherDrivers(kind=DyingDriver).run(tmp_path, "old", "same", scenario=_scenario(gate))
    assert result.status is Outcome.COMPLETE
    assert result.judgement is not None
    assert result.judgement.verdict is Verdict.INCONCLUSIVE
    assert [each.verdict for each in result.judgement.metrics if each.gated] == [Verdict.PASS]
    assert any("the server of candidate replica 0 died" in reason for reason in result.judgement.reasons)


def _without_estimate(out: Path, bench: Bench, slowest_ms: float, kind: CapacityKind) -> Result:
    objectives = {"latency_p99_ms": Objective(max=slowest_ms, severity=Severity.WARN), NAME: Objective(min=1)}
    result = bench.run(out, "old", "same", scenario=_scenario(objectives=objectives, capacity_s=30))
    assert result.capacity is not None
    assert {arm.kind for arm in result.capacity.arms} == {kind}
    assert _of(result) is None
    judged = _objective(result)
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert judged.value != judged.value
    assert result.judgement is not None
    assert all(each.value is None for each in result.summaries if each.metric == NAME)
    return result


@pytest.mark.slow
def test_below_every_rate_there_is_a_sentence_and_no_number(tmp_path: Path) -> None:
    result = _without_estimate(tmp_path, Bench(), 1.0, CapacityKind.BELOW)
    assert result.judgement is not None
    assert result.judgement.verdict is Verdict.INCONCLUSIVE
    (reason,) = [each for each in result.judgement.reasons if each.startswith("capacity_rps is not known")]
    assert "candidate: no rate holds: latency_p99_ms at most 1 ms is missed already at" in reason


@pytest.mark.slow
def test_a_busy_generator_never_gives_a_number(tmp_path: Path) -> None:
    result = _without_estimate(tmp_path, OtherDrivers(kind=BusyDriver), SLOWEST_MS, CapacityKind.GENERATOR)
    (text,) = {each.note for each in result.summaries if each.metric == NAME}
    assert text.startswith("the load generator is the limit at")


@pytest.mark.slow
def test_one_arm_is_measured_for_its_record(tmp_path: Path) -> None:
    result = Bench().run(tmp_path, "old", scenario=_scenario(capacity_s=50))
    (found,) = [each for each in result.summaries if each.metric == NAME]
    assert found.arm == Arm.CANDIDATE
    assert found.value == pytest.approx(400, rel=0.1)
    assert found.typical is not None
    assert len(found.typical.replicas) >= 3
    assert result.capacity is not None
    assert result.capacity.change is None
    record = record_of(result, "prod", "", datetime(2030, 1, 2, tzinfo=UTC))
    (series,) = series_of([record], [NAME])
    assert series.values[0] == pytest.approx(found.value)
    assert (series.unit, series.points[0].record_id) == ("1/s", record.id)
