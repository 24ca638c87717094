"""Warn-only failures are judged like errors, and change nothing for errors."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.gate.case import Case
from perfgate.gate.decide import decide
from perfgate.gate.judge import judge
from perfgate.gate.stopping import InterimAnalysis
from perfgate.gate.tolerance import gated_metrics, severity_of
from perfgate.gate.verdict import Verdict
from perfgate.metrics import BY_NAME, METRICS, Source
from perfgate.scenario.effective import EffectiveGate
from perfgate.scenario.project import Acceptance, Project
from perfgate.scenario.schema import Gate, MetricGate, Objective
from perfgate.scenario.severity import Severity
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm, Depth, Lane
from tests.gate.effects import case
from tests.stats.build import execute_trials, requests, trial
from tests.stats.generator import World, table

WARN = Gate(metrics={"execute_ms": MetricGate(severity=Severity.WARN)})
OFF = {metric.name: MetricGate(severity=Severity.OFF) for metric in METRICS}
NO_OBJECTIVES: dict[str, Objective] = {}


def _run(effect: float) -> TrialTable:
    return table(World(), effect, np.random.default_rng(1))


def test_a_failure_that_warns_does_not_fail_the_run_and_cannot_be_overlooked() -> None:
    found = judge(_run(0.2), WARN, {"error_rate": Objective(max=0.5)})
    assert found.verdict is Verdict.PASS
    assert found.metrics[0].verdict is Verdict.FAIL
    assert found.metrics[0].severity is Severity.WARN
    assert found.headline.startswith("error_rate 0% <= 50%; warning: execute_ms +")
    assert found.headline.endswith("] > 2.5%")
    assert found.warnings == (f"execute_ms {found.metrics[0].reason}",)
    assert not [reason for reason in found.reasons if "execute_ms" in reason]


def test_what_is_open_and_only_warns_leaves_the_run_decided() -> None:
    found = judge(_run(0.025), WARN, {"error_rate": Objective(max=0.5)})
    assert found.metrics[0].verdict is Verdict.INCONCLUSIVE
    assert (found.verdict, found.warnings) == (Verdict.PASS, ())


@pytest.mark.parametrize("effect", [0.0, 0.2])
def test_where_everything_only_warns_the_run_passes(effect: float) -> None:
    found = judge(_run(effect), WARN, NO_OBJECTIVES)
    assert found.verdict is Verdict.PASS
    assert found.headline.startswith("everything that was judged is warn-only")
    assert bool(found.warnings) is (effect > 0)


def test_where_nothing_is_judged_the_run_does_not_pass() -> None:
    off = {"error_rate": Objective(max=0.5, severity=Severity.OFF)}
    found = judge(_run(0.2), Gate(metrics=OFF), off)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.headline.startswith("nothing to judge")
    assert found.objectives == ()
    assert {each.severity for each in found.metrics} == {Severity.OFF}
    assert found.metrics[0].effect.change > 0.1, "still described"


def test_a_warn_only_metric_without_data_is_only_reported() -> None:
    gate = Gate(metrics={"latency_p50_ms": MetricGate(severity=Severity.WARN)})
    found = judge(_run(0.0), gate, NO_OBJECTIVES)
    assert found.verdict is Verdict.PASS
    assert [why.split()[0] for why in found.warnings] == ["latency_p50_ms"]
    error = Gate(metrics={"latency_p50_ms": MetricGate(severity=Severity.ERROR)})
    assert judge(_run(0.0), error, NO_OBJECTIVES).verdict is Verdict.INCONCLUSIVE


def test_an_objective_that_warns_is_no_part_of_the_verdict() -> None:
    broken = {"execute_ms": Objective(max=1e-6, severity=Severity.WARN)}
    found = judge(_run(0.0), Gate(), broken)
    assert found.objectives[0].verdict is Verdict.FAIL
    assert found.verdict is Verdict.PASS
    assert "; warning: execute_ms " in found.headline
    assert len(found.warnings) == 1
    failed = judge(_run(0.0), Gate(), {"execute_ms": Objective(max=1e-6)})
    assert failed.verdict is Verdict.FAIL
    assert failed.warnings == ()


def test_warnings_share_a_level_of_their_own() -> None:
    barely = 0.0355  # fails alone at 1 %, but not as one of two
    names = ("cpu_ms_per_request", "service_mean_ms", "rss_peak_mb")
    beside = [case(name, 0.0, 0.004, severity=Severity.WARN) for name in names]
    alone, among, with_warnings = (
        decide([case("execute_ms", barely, 0.004), *others], 0.01)[0]
        for others in ([], [case(name, 0.0, 0.004) for name in names], beside)
    )
    assert (alone.verdict, among.verdict) == (Verdict.FAIL, Verdict.INCONCLUSIVE)
    assert with_warnings == alone
    warned = decide([case("execute_ms", barely, 0.004, severity=Severity.WARN), *map(_as_error, names)], 0.01)[0]
    assert (warned.verdict, warned.level, warned.detectable) == (alone.verdict, alone.level, alone.detectable)


def _as_error(name: str) -> Case:
    return case(name, 0.0, 0.004)


_CHANGES = st.floats(-0.1, 0.3)


@given(errors=st.lists(_CHANGES, min_size=1, max_size=3), warns=st.lists(_CHANGES, min_size=1, max_size=3))
def test_no_warning_changes_what_an_error_says(errors: list[float], warns: list[float]) -> None:
    names = iter(metric.name for metric in METRICS if metric.name not in {"error_rate", "rss_growth_mb_per_1k"})
    counting = [case(next(names), change, 0.01) for change in errors]
    warning = [case(next(names), change, 0.01, severity=Severity.WARN) for change in warns]
    assert decide([*counting, *warning], 0.01)[: len(counting)] == decide(counting, 0.01)


def test_the_scenarios_word_comes_before_the_projects_and_that_before_the_default() -> None:
    project = Project(
        severity={"execute_ms": Severity.WARN, "throughput_rps": Severity.WARN, "rss_peak_mb": Severity.OFF}
    )
    gate = EffectiveGate(
        metrics={"execute_ms": MetricGate(severity=Severity.ERROR), "latency_p50_ms": MetricGate(catch=0.1)},
        project=project,
    )
    words = {name: severity_of(BY_NAME[name], gate).value for name in BY_NAME}
    assert {name: word for name, word in words.items() if word != "off"} == {
        "execute_ms": "error",
        "changed_ops_ms": "warn",
        "cpu_ms_per_request": "error",
        "cpu_mean_ms_per_request": "error",
        "service_mean_ms": "error",
        "latency_p50_ms": "error",
        "latency_p99_ms": "error",
        "throughput_rps": "warn",
    }
    named = EffectiveGate(metrics={"throughput_rps": MetricGate(catch=0.1)}, project=project)
    assert severity_of(BY_NAME["throughput_rps"], named) is Severity.WARN
    assert BY_NAME["rss_peak_mb"] not in gated_metrics(gate)


def test_the_older_word_is_still_read_and_not_written() -> None:
    assert MetricGate.model_validate({"gate": False}).severity is Severity.OFF
    assert severity_of(BY_NAME["execute_ms"], Gate(metrics={"execute_ms": MetricGate(gate=True)})) is Severity.ERROR
    assert "gate" not in MetricGate(gate=False).model_dump()
    with pytest.raises(ValueError, match="set only severity"):
        MetricGate.model_validate({"gate": False, "severity": "warn"})


def test_a_lane_waits_for_its_warnings_and_not_for_what_is_off() -> None:
    rng = np.random.default_rng(1)

    def one(_block: int, arm: Arm, _replica: int) -> float:
        return float(np.exp(rng.normal(0, 0.01))) * (1 + 0.025 * (arm is Arm.CANDIDATE))

    trials = TrialTable.of(execute_trials(30, 8, one))
    for severity, settled in ((Severity.WARN, False), (Severity.OFF, True), (Severity.ERROR, False)):
        looking = InterimAnalysis(Gate(metrics={"execute_ms": MetricGate(severity=severity)}), {}, (Source.EXECUTE,))
        assert looking.settled(Source.EXECUTE, looking.look(Source.EXECUTE, 0.5, 1.0, trials)) is settled


def test_failed_requests_void_a_run_unless_they_fail_it() -> None:
    calm = execute_trials(50, 4, lambda *_: 1.0)
    statuses = [14] * 300 + [0] * 700
    lost = requests([1.0] * 1000, statuses)
    given = [trial(0, Arm.CANDIDATE, replica, lost, Lane.LOAD, Depth.REQUEST) for replica in range(4)]
    sent = [trial(0, Arm.BASELINE, replica, requests([1.0] * 1000), Lane.LOAD, Depth.REQUEST) for replica in range(4)]
    trials = TrialTable.of([*calm, *given, *sent])
    for severity, verdict in ((Severity.ERROR, Verdict.FAIL), (Severity.WARN, Verdict.INVALID)):
        assert judge(trials, Gate(), {"error_rate": Objective(max=0.02, severity=severity)}).verdict is verdict
    accepted = Acceptance(up_to=0.5, reason="a new back end", author="jo", expires=date(2027, 3, 1))
    for project, verdict in ((Project(), Verdict.FAIL), (Project(accepted={"error_rate": accepted}), Verdict.INVALID)):
        gate = EffectiveGate(metrics={"error_rate": MetricGate(catch=0.02)}, project=project)
        assert judge(trials, gate, NO_OBJECTIVES).verdict is verdict
