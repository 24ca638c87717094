"""For any trials the gate reaches a verdict, and never passes what it could not measure."""

from __future__ import annotations

from math import inf, isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfgate.gate.judge import judge
from perfgate.gate.stopping import InterimAnalysis
from perfgate.gate.tolerance import gated_metrics
from perfgate.gate.validity import has_numbers
from perfgate.gate.verdict import Verdict
from perfgate.metrics import Source
from perfgate.scenario.schema import Gate, MetricGate, Objective
from perfgate.stats.summarise import curves, summarise
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm, Depth, Lane, Memory, ReplicaFacts, Trial
from tests.stats.build import NAN, fact, requests, trial

_VALUES = st.one_of(st.sampled_from([0.0, NAN, inf, 1.0, 2.0, 5e-324, 1e308]), st.floats(1e-3, 1e6))
_LANES = st.sampled_from(
    [(Lane.COST, Depth.EXECUTE), (Lane.COST, Depth.REQUEST), (Lane.LOAD, Depth.REQUEST)],
)
_MEMORY = st.one_of(st.none(), st.builds(Memory, _VALUES, _VALUES, _VALUES, _VALUES))


@st.composite
def _trials(draw: st.DrawFn) -> Trial:
    lane, depth = draw(_LANES)
    times = draw(st.lists(_VALUES, max_size=4))
    status = [draw(st.sampled_from([0] * 30 + [4])) for _ in times]
    return trial(
        draw(st.integers(0, 3)),
        draw(st.sampled_from(list(Arm))),
        draw(st.integers(0, 5)),
        requests(times, status),
        lane,
        depth,
        draw(_VALUES),
        draw(_MEMORY),
        draw(_VALUES),
    )


@st.composite
def _rounds(draw: st.DrawFn) -> list[Trial]:
    """Complete, quiet blocks over unequal numbers of replicas, with a few extreme values."""
    lane, depth = draw(_LANES)
    arms = [Arm.BASELINE] * draw(st.integers(1, 4)) + [Arm.CANDIDATE] * draw(st.integers(1, 4))
    wild = draw(st.dictionaries(st.tuples(st.integers(0, 2), st.integers(0, 7)), _VALUES, max_size=2))
    cpu = draw(st.sampled_from([0.0, NAN, 1.5]))

    def time_ms(block: int, replica: int) -> float:
        return wild.get((block, replica), 2.0 + (7 * block + 3 * replica) % 5 / 1e4)

    return [
        trial(block, arm, replica, requests([time_ms(block, replica)]), lane, depth, cpu * time_ms(block, replica))
        for block in range(draw(st.integers(1, 3)))
        for replica, arm in enumerate(arms)
    ]


def _facts(values: list[float]) -> list[ReplicaFacts]:
    return [fact(i, list(Arm)[i % 2], value, value) for i, value in enumerate(values)]


_NAMES = [
    *("execute_ms", "latency_p50_ms", "latency_p99_ms", "throughput_rps"),
    *("rss_peak_mb", "load_time_s", "error_rate", "model_size_mb"),
]
_GATES = st.builds(
    lambda names: Gate(metrics=dict.fromkeys(names, MetricGate(catch=0.05))),
    st.lists(st.sampled_from(_NAMES), max_size=2),
)
_BOUNDS = st.dictionaries(
    st.sampled_from(_NAMES), st.builds(lambda value: Objective(max=value), st.floats(0, 1e4)), max_size=2
)
_TABLES = st.builds(
    lambda loose, rounds, starts, sizes: TrialTable.of([*rounds, *loose], _facts(starts), sizes),
    st.lists(_trials(), max_size=3),
    _rounds(),
    st.lists(_VALUES, max_size=6),
    st.dictionaries(st.sampled_from(list(Arm)), _VALUES),
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, derandomize=True)
@given(_TABLES, _GATES, _BOUNDS)
def test_the_gate_always_answers_and_passes_only_what_it_measured(
    table: TrialTable, gate: Gate, objectives: dict[str, Objective]
) -> None:
    found = judge(table, gate, objectives)
    assert found.headline
    assert found.reasons
    if found.verdict is Verdict.PASS and found.metrics:
        judged = {m.metric: m for m in found.metrics}
        for metric in gated_metrics(gate):
            required = metric.required or metric.name in gate.metrics
            needed = required and (metric.name in gate.metrics or has_numbers(metric, table))
            assert metric.name in judged or not needed
        bounds = [end for m in found.metrics if m.gated and not m.left_open for end in (m.effect.lower, m.effect.upper)]
        assert all(isfinite(end) for end in bounds)
    if found.verdict is Verdict.PASS:
        assert all(o.verdict is Verdict.PASS for o in found.objectives)


@pytest.mark.slow
@settings(max_examples=75, deadline=None, derandomize=True)
@given(_TABLES, _GATES)
def test_descriptions_and_progress_never_crash(table: TrialTable, gate: Gate) -> None:
    looking = InterimAnalysis(gate, {}, tuple(Source)[:3])
    for source in tuple(Source)[:3]:
        looking.settled(source, looking.look(source, 0.5, 1.0, table))
    judge(table, gate, {}, looking.taken)
    summarise(table)
    for curve in curves(table):
        assert len(curve.share) == len(curve.latency_ms)
