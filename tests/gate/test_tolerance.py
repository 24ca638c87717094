from __future__ import annotations

import pytest

from perfgate.gate.tolerance import gated_metrics, tolerance_of
from perfgate.metrics import BY_NAME
from perfgate.scenario.schema import Gate, MetricGate


def test_the_tolerance_is_half_of_the_regression_to_catch() -> None:
    metric = BY_NAME["execute_ms"]
    assert tolerance_of(metric, Gate(), 2.0).share == 0.025
    assert tolerance_of(metric, Gate(metrics={"execute_ms": MetricGate(catch=0.02)}), 2.0).share == 0.01
    assert tolerance_of(metric, Gate(metrics={"execute_ms": MetricGate(tolerance=0.07)}), 2.0).share == 0.07


def test_a_small_process_may_grow_by_some_mebibytes() -> None:
    metric = BY_NAME["rss_peak_mb"]
    widened = tolerance_of(metric, Gate(), 80.0)
    assert widened.share == pytest.approx(0.1)
    assert widened.note == "tolerance widened from 5% to 8 MiB"
    assert tolerance_of(metric, Gate(), 800.0).note == ""


def test_the_gate_is_the_defaults_with_what_the_scenario_adds_and_removes() -> None:
    assert [m.name for m in gated_metrics(Gate())] == [
        "execute_ms", "changed_ops_ms", "cpu_ms_per_request", "cpu_mean_ms_per_request", "service_mean_ms",
        "latency_p99_ms", "rss_peak_mb",
    ]  # fmt: skip
    changed = Gate(metrics={"execute_ms": MetricGate(gate=False), "latency_p99_ms": MetricGate(catch=0.5)})
    assert [m.name for m in gated_metrics(changed)] == [
        "changed_ops_ms", "cpu_ms_per_request", "cpu_mean_ms_per_request", "service_mean_ms", "latency_p99_ms",
        "rss_peak_mb",
    ]  # fmt: skip
