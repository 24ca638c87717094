"""The metric that warns by default: what added, removed and changed operations cost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from perfgate.gate.judge import judge
from perfgate.gate.policy import Policy, policy_tables
from perfgate.gate.tolerance import severity_of
from perfgate.gate.validity import is_expected
from perfgate.gate.verdict import Judgement, MetricVerdict, Verdict
from perfgate.metrics import BY_NAME, METRICS, Source
from perfgate.scenario.files import load_scenario
from perfgate.scenario.schema import Gate, MetricGate, Scenario
from perfgate.scenario.severity import Severity
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm, Depth, Trial
from tests.stats.build import execute_trials

NAME = "changed_ops_ms"
METRIC = BY_NAME[NAME]
ERROR = Gate(metrics={NAME: MetricGate(severity=Severity.ERROR)})


def _trials(depth: Depth, change: float, replicas: int = 6, noise: float = 0.002) -> Iterator[Trial]:
    rng = np.random.default_rng(3)

    def one(_block: int, arm: Arm, _replica: int) -> float:
        return 2.0 * float(np.exp(rng.normal(0, noise))) * (1 + change * (arm is Arm.CANDIDATE))

    return (replace(each, depth=depth) for each in execute_trials(60, replicas, one))


def _table(change: float | None) -> TrialTable:
    """Return a run whose executions take equally long, with or without the lane of operations."""
    ops = [] if change is None else _trials(Depth.OPS, change)
    return TrialTable.of([*_trials(Depth.EXECUTE, 0.0), *ops])


def _of(found: Judgement) -> MetricVerdict:
    return next(each for each in found.metrics if each.metric == NAME)


def test_it_is_the_only_metric_that_warns_by_default() -> None:
    assert [metric.name for metric in METRICS if metric.warns] == [NAME]
    assert METRIC.sources == (Source.OPS,)
    assert severity_of(METRIC, Gate()) is Severity.WARN


def test_one_and_a_half_percent_warn_and_the_run_passes() -> None:
    found = judge(_table(0.014), Gate(), {})
    assert found.verdict is Verdict.PASS
    assert _of(found).verdict is Verdict.FAIL
    assert re.search(r"; warning: changed_ops_ms \+1\.4% \[\+1\.\d, \+1\.\d\] > 0\.25%$", found.headline)
    assert found.warnings == ("changed_ops_ms +1.4% is above the tolerance of 0.25%",)


def test_no_change_is_quiet() -> None:
    found = judge(_table(0.0), Gate(), {})
    assert (found.verdict, _of(found).verdict, found.warnings) == (Verdict.PASS, Verdict.PASS, ())


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("catch = '2%'", Severity.WARN),
        ("tolerance = 0.01", Severity.WARN),
        ("severity = 'error'", Severity.ERROR),
        ("severity = 'off'", Severity.OFF),
    ],
)
def test_named_without_a_severity_it_stays_a_warning(tmp_path: Path, written: str, expected: Severity) -> None:
    file = tmp_path / "s.toml"
    file.write_text(f"[gate.metrics.{NAME}]\n{written}\n")
    assert severity_of(METRIC, load_scenario(str(file), ()).gate) is expected


@pytest.mark.parametrize(
    ("word", "named", "expected"),
    [
        ("error", {}, Severity.ERROR),
        ("error", {NAME: MetricGate(catch=0.02)}, Severity.ERROR),
        ("error", {NAME: MetricGate(severity=Severity.WARN)}, Severity.WARN),
        ("off", {}, Severity.OFF),
    ],
)
def test_the_project_can_make_it_an_error(word: str, named: dict[str, MetricGate], expected: Severity) -> None:
    file = Path("perfgate.toml")
    policy = Policy(policy_tables({"severity": {NAME: word}}, file), date(2030, 1, 1), file)
    assert severity_of(METRIC, policy.over(Scenario(gate=Gate(metrics=named))).gate) is expected


def test_as_an_error_it_fails_the_run() -> None:
    found = judge(_table(0.014), ERROR, {})
    assert found.verdict is Verdict.FAIL
    assert found.headline.startswith("changed_ops_ms +1.4% [")
    assert judge(_table(0.0), ERROR, {}).verdict is Verdict.PASS


def test_a_run_whose_lane_never_ran_does_not_miss_it() -> None:
    table = _table(None)
    found = judge(table, Gate(), {})
    assert (found.verdict, found.warnings) == (Verdict.PASS, ())
    assert NAME not in found.headline
    assert NAME not in {each.metric for each in found.metrics}
    assert not is_expected(METRIC, table, Gate())


def test_a_scenario_that_names_it_as_an_error_wants_it_measured() -> None:
    found = judge(_table(None), ERROR, {})
    assert found.verdict is Verdict.INCONCLUSIVE
    assert (
        found.headline
        == "changed_ops_ms has no data: give the traced executions (budget.explain_s) a share of the budget"
    )


def test_no_change_in_any_server_is_a_pass_for_such_a_scenario() -> None:
    """As where nothing differs between the graphs: every trial has the same time."""
    same = TrialTable.of([*_trials(Depth.EXECUTE, 0.0), *_trials(Depth.OPS, 0.0, noise=0.0)])
    assert _of(judge(same, ERROR, {})).verdict is Verdict.PASS


def test_its_trials_are_no_executions() -> None:
    """Depth `ops` is a source of its own: it neither helps nor harms the other metrics."""
    alone, beside = (judge(_table(change), Gate(), {}) for change in (None, 0.5))
    effects = [next(each.effect for each in found.metrics if each.metric == "execute_ms") for found in (alone, beside)]
    assert effects[0].change == effects[1].change
