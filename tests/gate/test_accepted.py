"""An accepted regression is only a wider tolerance with a bound."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.gate.decide import decide
from perfgate.gate.judge import judge
from perfgate.gate.stopping import InterimAnalysis
from perfgate.gate.tolerance import tolerance_of
from perfgate.gate.verdict import MetricVerdict, Verdict
from perfgate.metrics import BY_NAME, Source
from perfgate.pipeline.cautions import verdict_cautions
from perfgate.results.scenario import scenario_of
from perfgate.scenario.effective import EffectiveGate, effective, project_of
from perfgate.scenario.project import Acceptance, Project
from perfgate.scenario.schema import Gate, MetricGate, Scenario
from perfgate.scenario.severity import Severity
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm
from tests.gate.effects import apart, case
from tests.stats.build import execute_trials
from tests.stats.generator import World, table


def accepting(metric: str, up_to: float, **gates: MetricGate) -> Gate:
    given = Acceptance(up_to=up_to, reason="the new tower", author="jo", expires=date(2027, 3, 1))
    return EffectiveGate(metrics=gates, project=Project(accepted={metric: given}))


ACCEPTED = accepting("execute_ms", 0.25)


def _decided(change: float, se: float = 0.004, gate: Gate = ACCEPTED) -> MetricVerdict:
    return decide([case("execute_ms", change, se, gate=gate)], 0.01)[0]


@pytest.mark.parametrize(
    ("change", "verdict", "own", "needed", "words"),
    [
        (0.20, Verdict.PASS, Verdict.FAIL, True, "within the 25% accepted until 2027-03-01 (beyond its own tolerance"),
        (0.025, Verdict.PASS, Verdict.INCONCLUSIVE, True, "(not clearly within its own tolerance of 2.5%)"),
        (0.0, Verdict.PASS, Verdict.PASS, False, "(within its own tolerance of 2.5%)"),
        (0.25, Verdict.INCONCLUSIVE, Verdict.FAIL, False, "is on both sides of the 25% accepted until 2027-03-01"),
        (0.40, Verdict.FAIL, Verdict.FAIL, False, "+40.0% is above the 25% accepted until 2027-03-01"),
    ],
)
def test_it_is_bounded_and_says_what_its_own_tolerance_says(
    change: float, verdict: Verdict, own: Verdict, *, needed: bool, words: str
) -> None:
    found = _decided(change)
    assert found.accepted is not None
    assert (found.verdict, found.accepted.own_verdict, found.needs_acceptance) == (verdict, own, needed)
    assert (found.tolerance, found.accepted.own_tolerance) == (0.25, 0.025)
    assert (found.accepted.reason, found.accepted.author, found.accepted.expires) == (
        "the new tower",
        "jo",
        "2027-03-01",
    )
    assert words in found.reason


@given(change=st.floats(-0.3, 0.6), se=st.floats(1e-4, 0.1), up_to=st.floats(0.03, 0.5))
def test_it_decides_as_a_tolerance_of_that_size_would(change: float, se: float, up_to: float) -> None:
    raised = _decided(change, se, accepting("execute_ms", up_to))
    wide = _decided(change, se, Gate(metrics={"execute_ms": MetricGate(tolerance=up_to)}))
    assert replace(raised, accepted=None, reason="") == replace(wide, reason="")
    own = _decided(change, se, Gate())
    assert raised.accepted is not None
    assert raised.accepted.own_verdict is own.verdict


def test_where_more_is_better_and_where_differences_count() -> None:
    gates = {"throughput_rps": MetricGate(catch=0.1)}
    (slower,) = decide([case("throughput_rps", -0.15, 0.004, gate=accepting("throughput_rps", 0.25, **gates))], 0.01)
    assert slower.needs_acceptance
    leak = MetricGate(catch=1.0)
    gate = accepting("rss_growth_mb_per_1k", 3.0, rss_growth_mb_per_1k=leak)
    (leaks,) = decide([apart("rss_growth_mb_per_1k", 2.0, 0.05, gate=gate)], 0.01)
    assert leaks.needs_acceptance
    assert "3 MiB/1k requests accepted" in leaks.reason


def test_the_smallest_change_that_counts_may_be_wider_than_what_is_accepted() -> None:
    gate = accepting("rss_peak_mb", 0.06)
    assert tolerance_of(BY_NAME["rss_peak_mb"], gate, 100.0).share == pytest.approx(0.08)
    (found,) = decide([case("rss_peak_mb", 0.07, 0.001, gate=gate)], 0.01)
    assert (found.verdict, found.needs_acceptance) == (Verdict.PASS, False)
    assert "is within the tolerance of 8% (within its own tolerance of 8%)" in found.reason


def _run(effect: float, seed: int = 1) -> TrialTable:
    return table(World(), effect, np.random.default_rng(seed))


def test_the_final_line_names_what_is_accepted() -> None:
    found = judge(_run(0.2), ACCEPTED, {})
    assert found.verdict is Verdict.PASS
    first, remark = found.headline.split("; ")
    assert first.endswith("] <= 25%")
    assert remark.startswith("accepted: execute_ms +")
    assert remark.endswith("% (until 2027-03-01, own tolerance 2.5%)")
    assert verdict_cautions(found) == ()
    assert "accepted" not in judge(_run(0.0), ACCEPTED, {}).headline


def test_an_unneeded_entry_is_reported_with_a_remedy() -> None:
    (caution,) = verdict_cautions(judge(_run(0.0), ACCEPTED, {}))
    assert caution.message.startswith("acceptance not needed: execute_ms ")
    assert caution.message.endswith("is within its own tolerance of 2.5%")
    assert "[[accept]]" in caution.remedy


def test_beyond_what_is_accepted_the_run_fails() -> None:
    found = judge(_run(0.6), ACCEPTED, {})
    assert found.verdict is Verdict.FAIL
    assert found.headline.endswith("] > 25%")


def test_what_warns_can_be_accepted_too() -> None:
    gate = accepting("execute_ms", 0.25, execute_ms=MetricGate(severity=Severity.WARN))
    accepted, beyond = judge(_run(0.2), gate, {}), judge(_run(0.6), gate, {})
    assert (accepted.verdict, accepted.warnings) == (Verdict.PASS, ())
    assert beyond.verdict is Verdict.PASS
    assert len(beyond.warnings) == 1


def test_a_stored_scenario_judges_again_as_the_run_did() -> None:
    scenario = effective(Scenario(), project_of(ACCEPTED))
    again = scenario_of(scenario.model_dump(mode="json"))
    assert again == scenario
    assert judge(_run(0.2), again.gate, {}) == judge(_run(0.2), ACCEPTED, {})


@pytest.mark.parametrize(("change", "settled"), [(0.0, True), (0.15, True), (0.025, False), (0.25, False)])
def test_a_lane_goes_on_until_it_is_known_whether_that_is_needed(change: float, *, settled: bool) -> None:
    rng = np.random.default_rng(1)

    def one(_block: int, arm: Arm, _replica: int) -> float:
        return float(np.exp(rng.normal(0, 0.01))) * (1 + change * (arm is Arm.CANDIDATE))

    off = {name: MetricGate(severity=Severity.OFF) for name in ("cpu_ms_per_request", "rss_peak_mb")}
    looking = InterimAnalysis(accepting("execute_ms", 0.25, **off), {}, (Source.EXECUTE,))
    verdicts = looking.look(Source.EXECUTE, 0.5, 1.0, TrialTable.of(execute_trials(30, 8, one)))
    assert looking.settled(Source.EXECUTE, verdicts) is settled
