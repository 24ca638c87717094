"""Each kind of metric detects its change while the others pass: simulated runs, from trials to verdict."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from perfgate.gate.judge import judge
from perfgate.gate.verdict import Judgement, Verdict
from perfgate.metrics import METRICS, Source
from perfgate.scenario.schema import Gate, MetricGate
from perfgate.stats.table import Columns, TrialTable
from tests.stats.generator import World, columns, design, facts, logs
from tests.stats.memory import Readings, memory_table
from tests.stats.starts import Starts, started

CANDIDATE = design(World())[0]


def _only(*names: str, **asked: MetricGate) -> Gate:
    """Gate only these metrics."""
    off = tuple(metric.name for metric in METRICS if metric.gated)
    gates = {name: MetricGate(gate=False) for name in off} | {name: MetricGate() for name in names}
    return Gate(metrics=gates | asked)


def _with(table: TrialTable, **changed: NDArray[np.float64]) -> TrialTable:
    same = {each.name: getattr(table.columns, each.name) for each in fields(Columns)}
    return replace(table, columns=Columns(**same | changed))


def _load(change: float, rng: np.random.Generator, requests: int = 50) -> TrialTable:
    """A closed loop with one request in flight, where longer requests lower the throughput."""
    return TrialTable(columns(logs(World(blocks=30), change, rng), CANDIDATE, Source.LOAD, requests), facts(World()))


def _verdicts(found: list[Judgement]) -> list[Verdict]:
    return [each.verdict for each in found]


def _times(runs: int, seed: int = 51) -> list[np.random.Generator]:
    return [np.random.default_rng((seed, run)) for run in range(runs)]


@pytest.mark.slow
@pytest.mark.parametrize(("change", "expected"), [(0.2, Verdict.FAIL), (0.0, Verdict.PASS), (-0.2, Verdict.PASS)])
def test_a_slower_model_fails_its_throughput_and_a_faster_one_passes(change: float, expected: Verdict) -> None:
    found = [judge(_load(change, rng), _only("throughput_rps"), {}) for rng in _times(30)]
    assert _verdicts(found).count(expected) >= 29
    (metric,) = (each for each in found[0].metrics if each.metric == "throughput_rps")
    assert metric.effect.change == pytest.approx(1 / (1 + change) - 1, abs=0.05)


def _tails(slow_share: float, rng: np.random.Generator, requests: int = 2000) -> TrialTable:
    """Response times, of which some of the candidate's are five times as long."""
    made = columns(rng.normal(0, 0.01, (1, CANDIDATE.size)), CANDIDATE, Source.LOAD, requests)
    times_ms = made.response_ms * rng.lognormal(0, 0.2, made.response_ms.size)
    slow = np.repeat(CANDIDATE, requests) & (rng.random(times_ms.size) < slow_share)
    times_ms = np.where(slow, 5 * times_ms, times_ms)
    return _with(TrialTable(made, facts(World())), response_ms=times_ms, service_ms=times_ms)


@pytest.mark.slow
def test_a_slow_hundredth_of_the_requests_fails_p99_alone() -> None:
    gate = _only("latency_p50_ms", "latency_p99_ms")
    slow = [judge(_tails(0.01, rng), gate, {}) for rng in _times(10)]
    assert _verdicts(slow).count(Verdict.FAIL) == 10
    failed = [
        [each.metric for each in found.metrics if each.gated and each.verdict is not Verdict.PASS] for found in slow
    ]
    assert failed == [["latency_p99_ms"]] * 10
    assert _verdicts([judge(_tails(0.0, rng), gate, {}) for rng in _times(10)]).count(Verdict.PASS) == 10


def _started(change: float, rng: np.random.Generator) -> TrialTable:
    starts = started(World(), Starts(), change, rng)
    return replace(_load(0.0, rng, requests=1), replicas=starts.replicas)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["load_time_s", "first_request_ms"])
def test_a_start_of_twice_the_time_fails(name: str) -> None:
    gate = _only(name)
    twice = [judge(_started(1.0, rng), gate, {}) for rng in _times(15)]
    assert _verdicts(twice).count(Verdict.FAIL) >= 14
    equal = [judge(_started(0.0, rng), gate, {}) for rng in _times(15)]
    assert _verdicts(equal).count(Verdict.FAIL) == 0
    assert _verdicts(equal).count(Verdict.PASS) >= 14


@pytest.mark.slow
def test_a_kibibyte_a_request_fails_the_growth_of_memory() -> None:
    gate = _only("rss_growth_mb_per_1k")
    leaking = [judge(memory_table(World(), Readings(requests=2000), 1.0, rng), gate, {}) for rng in _times(20)]
    assert _verdicts(leaking).count(Verdict.FAIL) >= 19
    tight = [judge(memory_table(World(), Readings(requests=2000), 0.0, rng), gate, {}) for rng in _times(20)]
    assert _verdicts(tight).count(Verdict.PASS) >= 19


@pytest.mark.parametrize(
    ("size_mb", "grown_mb", "expected"),
    [(340, 50, Verdict.FAIL), (340, 10, Verdict.PASS), (80, 6, Verdict.PASS), (80, 12, Verdict.FAIL)],
)
def test_peak_memory_may_grow_by_5_percent_or_8_mebibytes_whichever_is_more(
    size_mb: float, grown_mb: float, expected: Verdict
) -> None:
    rng = np.random.default_rng(7)
    made = TrialTable(columns(np.zeros((2, CANDIDATE.size)), CANDIDATE, Source.LOAD), facts(World()))
    peaks = size_mb + grown_mb * CANDIDATE + rng.normal(0, 0.3, CANDIDATE.size)
    found = judge(_with(made, rss_peak_mb=np.tile(peaks, 2)), _only("rss_peak_mb"), {})
    assert found.verdict is expected
