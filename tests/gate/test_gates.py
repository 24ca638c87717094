"""Gates that share an error level: failures are stricter, passes are not."""

from __future__ import annotations

import numpy as np
import pytest

from perfgate.experiment.plan import make_plan
from perfgate.gate.decide import decide
from perfgate.gate.judge import judge
from perfgate.gate.stopping import InterimAnalysis
from perfgate.gate.verdict import Verdict
from perfgate.metrics import Source
from perfgate.scenario.schema import Gate, Objective, Scenario
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm
from tests.gate.effects import case
from tests.stats.build import load_trials


@pytest.mark.parametrize("gates", [1, 2, 50])
def test_a_failure_is_declared_at_the_level_divided_by_the_gates(gates: int) -> None:
    one, other = decide([case("execute_ms", 0.2, 0.004), case("pss_mb", 0.0, 0.004)], 0.01, gates=gates)
    assert (one.verdict, other.verdict) == (Verdict.FAIL, Verdict.PASS)
    assert one.level == pytest.approx(0.01 / 2 / gates)


def test_what_barely_fails_alone_is_undecided_among_fifty() -> None:
    barely = case("execute_ms", 0.04, 0.005)
    (alone,), (among,) = decide([barely], 0.01), decide([barely], 0.01, gates=50)
    assert (alone.verdict, among.verdict) == (Verdict.FAIL, Verdict.INCONCLUSIVE)
    assert "not significantly so with everything gated taken together" in among.reason


def test_a_pass_is_not_affected() -> None:
    passing = case("execute_ms", 0.0, 0.004)
    assert decide([passing], 0.01)[0].verdict is decide([passing], 0.01, gates=50)[0].verdict is Verdict.PASS


def _slow(above: int) -> TrialTable:
    times = np.full(2000, 10.0)
    times[np.linspace(0, 2000, above, endpoint=False, dtype=int)] = 30.0
    return TrialTable.of(load_trials(1, lambda arm, _: list(times) if arm is Arm.CANDIDATE else [1e6]))


def test_an_objective_shares_the_level_at_the_end_and_at_looks() -> None:
    objectives = {"latency_p99_ms": Objective(max=20.0)}
    # 48 of 2,000 requests are too many at 1 %, and not enough at 0.02 %.
    verdicts = {}
    for gates in (1, 50):
        gate, table = Gate(gates=gates), _slow(48)
        looking = InterimAnalysis(gate, objectives, [Source.LOAD], compares=False)
        looking.look(Source.LOAD, 1.0, 10.0, table)
        (looked_at,) = looking.taken[0].objectives
        (at_the_end,) = judge(table, gate, objectives).objectives
        assert looked_at.verdict is at_the_end.verdict
        verdicts[gates] = at_the_end.verdict
    assert verdicts == {1: Verdict.FAIL, 50: Verdict.INCONCLUSIVE}


def test_a_gate_that_shares_its_level_is_not_looked_at_early() -> None:
    def first(gates: int) -> float:
        scenario = Scenario.model_validate({"gate": {"gates": gates}, "budget": {"replicas": 12}})
        return make_plan(scenario, tuple(Arm), 1, 12).segments[0].looks[0]

    assert (first(1), first(2), first(50)) == (1 / 8, 3 / 8, 3 / 8)
