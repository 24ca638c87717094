from __future__ import annotations

import re
from dataclasses import replace
from math import inf, isnan, nan
from pathlib import Path

import pytest
from rich.console import Console

from perfgate.baseline.calibration import AgainstItself, Calibration, Detectable
from perfgate.gate.verdict import Judgement, MetricVerdict, Verdict
from perfgate.report.terminal.calibration import print_calibration
from perfgate.results.advice import advice_of
from perfgate.results.calibration import BUDGETS_S, calibration_of
from perfgate.results.loader import read_run
from perfgate.results.result import Result
from perfgate.scenario.schema import Budget, Gate, Load, MetricGate, Scenario
from perfgate.stats.table import TrialTable
from perfgate.stats.variance_components import Components
from tests.pipeline.fake_runs import SCENARIO, Bench

EXECUTE = Components(
    metric="execute_ms",
    request_sd=0.06,
    replica_sd=0.006,
    parent_sd=0.01,
    occasion_sd=0.03,
    trials_per_s=8.0,
    start_slope=-0.01,
    occasions=3,
    occasion_sd_lower=0.01,
    occasion_sd_upper=1.8,
    start_slope_lower=-0.02,
    start_slope_upper=0.001,
    replicas=12,
    source="cost/execute",
    typical=1.5,
)
LATENCY = replace(EXECUTE, metric="latency_p50_ms", request_sd=nan, replica_sd=0.1, source="load/request")
GROWTH = replace(EXECUTE, metric="rss_growth_mb_per_1k", request_sd=nan, replica_sd=0.2, source="load/request")
GATE = Gate(metrics={"latency_p50_ms": MetricGate(), "rss_growth_mb_per_1k": MetricGate()})
RUNS = tuple(AgainstItself(f"run-{n}", "2026-02-03T04:00:00+00:00", "pass") for n in range(3))
CALIBRATION = Calibration(
    created_utc="2026-02-03T04:05:06+00:00",
    fingerprint="0123456789abcdef",
    scenario_name="ranking",
    scenario_digest="sha256:aa",
    model_digest="sha256:bb",
    components=(EXECUTE,),
    detectable=tuple(Detectable("execute_ms", budget_s, 0.05) for budget_s in BUDGETS_S),
    overhead_s=12.5,
    measure_s=45.0,
    parents=2,
    runs=RUNS,
)


def _printed(calibration: Calibration, scenario: Scenario | None = None, width: int = 100) -> str:
    console = Console(width=width, record=True, file=None, color_system=None, highlight=False)
    with console.capture() as captured:
        print_calibration(console, calibration, scenario or Scenario())
    return captured.get()


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Calibration:
    Bench.models = tmp_path_factory.mktemp("models")
    folders = [tmp_path_factory.mktemp("run") for _ in range(2)]
    for folder in folders:
        Bench().run(folder, "old", "old")
    return calibration_of([read_run(folder) for folder in folders], "2030-01-02T00:00:00+00:00")


@pytest.mark.slow
def test_runs_on_disk_sum_up_to_a_calibration(calibrated: Calibration) -> None:
    assert (calibrated.fingerprint, calibrated.parents, calibrated.measure_s) != ("", 0, nan)
    assert calibrated.scenario_name == SCENARIO.name
    assert [run.verdict for run in calibrated.runs] == ["pass", "pass"]
    assert calibrated.overhead_s > 0
    found = {each.metric: each for each in calibrated.components}
    assert {"execute_ms", "service_mean_ms", "rss_peak_mb", "load_time_s"} <= found.keys()
    assert found["execute_ms"].occasions == 2
    assert found["execute_ms"].replicas == SCENARIO.budget.replicas
    assert found["execute_ms"].trials_per_s > 0
    assert isnan(found["rss_peak_mb"].trials_per_s)


def test_each_gated_metric_has_its_smallest_regression_by_budget(calibrated: Calibration) -> None:
    execute = [each for each in calibrated.detectable if each.metric == "execute_ms"]
    assert tuple(each.budget_s for each in execute) == BUDGETS_S
    assert [each.share for each in execute] == sorted((each.share for each in execute), reverse=True)
    assert "latency_p50_ms" not in {each.metric for each in calibrated.detectable}


@pytest.mark.slow
def test_false_alarms_of_equal_models_are_kept(tmp_path: Path) -> None:
    result, table = _run(tmp_path)
    assert result.judgement is not None
    calibration = calibration_of([(_failing(result, result.judgement), table)], "2030-01-02T00:00:00+00:00")
    assert calibration.runs[0].false_alarms == ("execute_ms",)
    assert calibration.runs[0].verdict == "fail"


def _run(folder: Path) -> tuple[Result, TrialTable]:
    Bench.models = folder / "models"
    Bench().run(folder / "run", "old", "old")
    return read_run(folder / "run")


def _failing(result: Result, judgement: Judgement) -> Result:
    def failed(each: MetricVerdict) -> MetricVerdict:
        return replace(each, verdict=Verdict.FAIL) if each.metric in {"execute_ms", "load_time_s"} else each

    metrics = tuple(map(failed, judgement.metrics))
    return replace(result, judgement=replace(judgement, verdict=Verdict.FAIL, metrics=metrics))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_it_fits(width: int) -> None:
    long = replace(EXECUTE, metric="cpu_ms_per_request", request_sd=0.5333, occasion_sd_lower=0.0123)
    everything = replace(CALIBRATION, components=(EXECUTE, long, LATENCY, GROWTH))
    printed = _printed(everything, Scenario(gate=GATE), width)
    assert max(map(len, printed.splitlines())) <= width
    assert "…" not in printed
    assert "1.23% to >100%" in printed
    for metric in ("execute_ms", "cpu_ms_per_request", "latency_p50_ms"):
        assert printed.count(f"\n{metric} ") >= 3


def test_it_shows_spread_intervals_and_what_is_needed() -> None:
    printed = _printed(CALIBRATION)
    rows = [line.split() for line in printed.splitlines() if line.startswith("execute_ms ")]
    assert rows[0] == ["execute_ms", "6%", "0.6%", "1%", "3%"]
    assert rows[1] == ["execute_ms", "-1.0%", "[-2.0,", "+0.1]", "1%", "to", ">100%"]
    assert rows[2][:8] == ["execute_ms", *["5%"] * 7]
    assert rows[2][-1] == "s"
    needed = re.search(r"This scenario needs about (\d+) s to catch 5% of execute_ms \((\d+) s of measuring", printed)
    assert needed is not None
    assert int(needed[1]) - int(needed[2]) == pytest.approx(CALIBRATION.overhead_s, abs=5)
    assert "No false alarm in 3 runs" in printed


def test_it_says_what_it_cannot_know() -> None:
    one = replace(CALIBRATION, runs=RUNS[:1], parents=1)
    assert "Occasion: not known from one run; --runs 3" in _printed(one)
    assert "Fork server: not known from one" in _printed(one)
    assert "Occasion: 3 consecutive runs" in _printed(CALIBRATION)
    assert "Fork server" not in _printed(CALIBRATION)
    undivided = replace(CALIBRATION, components=(EXECUTE, LATENCY, replace(LATENCY, metric="rss_peak_mb")))
    assert "Request: not separable from replica for latency_p50_ms, so the effect" in _printed(
        undivided, Scenario(gate=GATE)
    )


def test_false_alarms_are_reported() -> None:
    alarm = replace(RUNS[0], verdict="fail", false_alarms=("execute_ms",))
    assert "False alarms in 1 of 3 runs of the model against itself: execute_ms in run-0." in _printed(
        replace(CALIBRATION, runs=(alarm, *RUNS[1:]))
    )
    undecided = replace(CALIBRATION, runs=(replace(RUNS[0], verdict="inconclusive"),))
    assert "No false alarm in 1 run of the model against itself; 1 inconclusive." in _printed(undecided)


def test_without_a_gated_metric_nothing_is_predicted() -> None:
    printed = _printed(replace(CALIBRATION, components=()))
    assert "execute_ms" not in printed
    assert "needs" not in printed
    assert "No false alarm" in printed


def _scenario(measure_s: float = 45.0, replicas: int = 12, catch: float = 0.05) -> Scenario:
    budget = Budget(measure_s=measure_s, replicas=replicas)
    return Scenario(budget=budget, gate=Gate(metrics={"execute_ms": MetricGate(catch=catch)}), load=Load())


def test_enough_time_is_reported_without_a_caution() -> None:
    advice = advice_of(CALIBRATION, _scenario())
    assert advice.sentence.startswith("calibrated here on 2026-02-03: this scenario needs about ")
    assert "to catch 5% of execute_ms" in advice.sentence
    assert advice.cautions == ()
    predicted = advice.plan["calibration"]
    assert (predicted["created_utc"], predicted["runs"], predicted["overhead_s"]) == (CALIBRATION.created_utc, 3, 12.5)
    assert predicted["metrics"][0]["metric"] == "execute_ms"
    assert predicted["metrics"][0]["detectable"] < 0.05


@pytest.mark.parametrize(
    ("measure_s", "catch", "words", "remedy"),
    [
        (5.0, 0.02, "5 s of measuring detects changes of execute_ms from 2.9", "use --budget "),
        (45.0, 0.015, "45 s of measuring detects changes of execute_ms from 1.", "use --replicas "),
        (45.0, 0.001, "but the gate asks for 0.1%", "use a larger catch"),
    ],
)
def test_too_little_time_is_a_caution_with_what_would_do(
    measure_s: float, catch: float, words: str, remedy: str
) -> None:
    (caution,) = advice_of(CALIBRATION, _scenario(measure_s, catch=catch)).cautions
    assert words in caution.message
    assert caution.remedy.startswith(remedy)
    if remedy == "use --budget ":
        seconds = float(caution.remedy.removeprefix("use --budget ").split("s")[0])
        assert advice_of(CALIBRATION, _scenario(seconds, catch=catch)).cautions == ()


def test_what_time_buys_may_be_unknown() -> None:
    unknown = replace(CALIBRATION, components=(EXECUTE, LATENCY))
    scenario = Scenario(gate=Gate(metrics={"latency_p50_ms": MetricGate(catch=0.1)}))
    advice = advice_of(unknown, scenario)
    (caution,) = advice.cautions
    assert "changes of latency_p50_ms from" in caution.message
    assert "calibrate with a longer --budget" in caution.remedy
    assert "of execute_ms" in advice.sentence, "the slowest of those that are known"


def test_the_advice_is_about_the_gate_of_now_not_that_of_the_calibration() -> None:
    strict, lenient = (advice_of(CALIBRATION, _scenario(catch=catch)) for catch in (0.02, 0.2))
    needs = [advice.plan["calibration"]["metrics"][0]["needs_s"] for advice in (strict, lenient)]
    assert needs[0] > needs[1]


def test_it_is_reported_if_no_time_is_enough() -> None:
    advice = advice_of(CALIBRATION, _scenario(catch=0.001))
    assert "no measuring time is enough to catch 0.1% of execute_ms" in advice.sentence
    assert advice.plan["calibration"]["metrics"][0]["needs_s"] == inf


def test_a_calibration_without_gated_metrics_advises_nothing() -> None:
    advice = advice_of(replace(CALIBRATION, components=()), Scenario())
    assert (advice.sentence, advice.plan, advice.cautions) == ("", {}, ())
