from __future__ import annotations

from perfgate.gate.decide import decide
from perfgate.gate.headline import headline
from perfgate.gate.verdict import ObjectiveVerdict, Verdict
from perfgate.scenario.schema import Gate, MetricGate
from perfgate.stats.proportion import Counts
from tests.gate.effects import apart, case, counted

SLOW = ObjectiveVerdict("latency_p99_ms", Verdict.FAIL, 20.0, True, 25.04, 24.0, 26.0, "", "")  # noqa: FBT003
RATE = ObjectiveVerdict("throughput_rps", Verdict.PASS, 100.0, False, 250.0, 240.0, 260.0, "", "")  # noqa: FBT003


def test_the_worst_failure_comes_first_and_the_others_follow() -> None:
    metrics = decide(
        [case("cpu_ms_per_request", 0.198, 0.004), case("execute_ms", 0.201, 0.0033), case("rss_peak_mb", 0.0, 0.001)],
        0.01,
    )
    assert headline(Verdict.FAIL, metrics, [SLOW, RATE], []) == (
        "execute_ms +20.1% [+19.1, +21.1] > 2.5% (also cpu_ms_per_request +19.8%, latency_p99_ms 25.0 ms > 20 ms)"
    )


def test_a_failure_far_beyond_its_tolerance_outranks_a_larger_percentage() -> None:
    metrics = decide([case("rss_peak_mb", 0.25, 0.004), case("execute_ms", 0.20, 0.004)], 0.01)
    assert headline(Verdict.FAIL, metrics, [], []).startswith("execute_ms +20.0%")


def test_the_pass_nearest_to_its_tolerance_is_named() -> None:
    metrics = decide([case("cpu_ms_per_request", 0.0, 0.001), case("execute_ms", 0.003, 0.0035)], 0.01)
    assert headline(Verdict.PASS, metrics, [RATE], []) == "execute_ms +0.3% [-0.6, +1.2] <= 2.5%"


def test_objectives_alone_are_named_too() -> None:
    assert headline(Verdict.PASS, [], [RATE], []) == "throughput_rps 250 1/s >= 100 1/s"
    assert headline(Verdict.FAIL, [], [SLOW], []) == "latency_p99_ms 25.0 ms > 20 ms"


def test_a_drop_in_throughput_is_compared_downwards() -> None:
    gate = Gate(metrics={"throughput_rps": MetricGate(tolerance=0.25)})
    failed = decide([case("throughput_rps", -0.4, 0.01, gate=gate)], 0.01)
    passed = decide([case("throughput_rps", 0.0, 0.01, gate=gate)], 0.01)
    assert headline(Verdict.FAIL, failed, [], []) == "throughput_rps -40.0% [-41.5, -38.5] < -20%"
    assert headline(Verdict.PASS, passed, [], []).endswith(">= -20%")


def test_otherwise_the_first_reason_is_the_headline() -> None:
    assert headline(Verdict.INCONCLUSIVE, [], [], ["this", "that"]) == "this"


def test_a_difference_is_named_in_its_unit_and_ranked_by_its_tolerance() -> None:
    leak, slow = apart("rss_growth_mb_per_1k", 0.98, 0.05), case("execute_ms", 0.2, 0.004)
    failed = decide([leak, slow], 0.01)
    assert headline(Verdict.FAIL, failed, [], []) == (
        "execute_ms +20.0% [+18.8, +21.2] > 2.5% (also rss_growth_mb_per_1k +0.98 MiB/1k requests)"
    )
    assert headline(Verdict.FAIL, failed[:1], [], []) == (
        "rss_growth_mb_per_1k +0.98 [+0.855, +1.11] > 0.5 MiB/1k requests"
    )
    passed = decide([counted(Counts(0, 600, 0, 600)), apart("rss_growth_mb_per_1k", -0.1, 0.05)], 0.01)
    assert headline(Verdict.PASS, passed, [], []) == "error_rate +0 [-0.879, +0.879] <= 1 pp"
