"""The code and an implementation from the method page alone: the same numbers and the same decisions."""

from __future__ import annotations

import ast
from math import expm1
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from perfgate.gate.stopping import InterimAnalysis
from perfgate.gate.verdict import Verdict
from perfgate.metrics import BY_NAME, METRICS, Source
from perfgate.scenario.schema import Gate, MetricGate
from perfgate.stats.estimate import estimate
from perfgate.stats.sequential import nominal_levels
from tests.independent.as_perfgate import trial_table
from tests.independent.effect import effects
from tests.independent.gate import ALPHA, LOOKS, estimated, looked
from tests.independent.looks import FAIL, OPEN, PASS, decisions, levels
from tests.independent.machine import Machine, design, simulated
from tests.independent.requests_mean import Floats, Visits, replica_numbers

EQUAL_SHARES = np.full(16, 1 / 16)
NAMES = {True: "execute_ms", False: "cpu_mean_ms_per_request"}

machines = st.builds(
    Machine,
    replicas=st.sampled_from([2, 3, 4, 5, 6, 7, 12]),
    parents=st.sampled_from([1, 2, 3]),
    rounds=st.sampled_from([1, 2, 3, 5, 8]),
    cost=st.sampled_from([(1.0,) * 16, tuple(np.geomspace(1, 50, 16).tolist())]),
    hit=st.sampled_from([(1.0,) * 16, (2.5, 2.5, *[1.0] * 14), (*[1.0] * 15, 5.0), (0.5, *[1.02] * 15)]),
    memory=st.sampled_from([0.0, 0.4, 0.8]),
    spike_share=st.sampled_from([0.0, 0.02, 0.1]),
    parent_sd=st.sampled_from([0.0, 0.03]),
    trend=st.sampled_from([0.0, 0.02, 0.1]),
    slow_kind=st.sampled_from([0.0, 0.02]),
)


@pytest.mark.slow
@pytest.mark.parametrize("robust", [True, False], ids=["robust", "untrimmed"])
@settings(max_examples=40, derandomize=True)
@given(machine=machines, left_out=st.integers(0, 12), seed=st.integers(0, 10**6))
def test_estimate_error_and_degrees_of_freedom_are_the_same(
    robust: bool, machine: Machine, left_out: int, seed: int
) -> None:
    rng, who = np.random.default_rng(seed), design(machine)
    shares: Floats = rng.dirichlet(np.full(16, 4.0))
    visits = simulated(machine, 0.02, 1, rng)
    visits = visits.first(visits.payload.size - left_out)
    ours = estimated(visits, who, shares, robust=robust)
    theirs = estimate(BY_NAME[NAMES[robust]], trial_table(visits, who, shares), ALPHA, cross_check=False)
    assert theirs is not None
    assert np.log1p(theirs.change) == pytest.approx(ours.difference[0], abs=1e-9)
    assert theirs.log_se == pytest.approx(ours.se[0], rel=1e-9)
    assert theirs.df == pytest.approx(ours.df[0], rel=1e-9)
    assert np.log1p([theirs.lower, theirs.upper]) == pytest.approx(
        [ours.lower(ALPHA)[0], ours.upper(ALPHA)[0]], abs=1e-9
    )


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.01 / 6])
@pytest.mark.parametrize("fractions", [LOOKS, (1.0,), (0.5, 1.0), (0.1, 0.35, 0.4, 0.9, 1.0)])
def test_levels_of_looks_are_the_same(fractions: tuple[float, ...], alpha: float) -> None:
    assert nominal_levels(fractions, alpha) == pytest.approx(levels(fractions, alpha), rel=1e-9)


_STATE = {Verdict.FAIL: FAIL, Verdict.PASS: PASS, Verdict.INCONCLUSIVE: OPEN}
CATCH = 0.05


def _by_perfgate(machine: Machine, visits: Visits) -> list[tuple[int, float, float]]:
    """Look eight times; returns the decisions after each look, and the deciding bounds, as changes."""
    others = dict.fromkeys((each.name for each in METRICS if each.gated), MetricGate(gate=False))
    looking = InterimAnalysis(Gate(metrics={**others, "execute_ms": MetricGate(catch=CATCH)}), {}, (Source.EXECUTE,))
    found = []
    for number, fraction in enumerate(LOOKS, start=1):
        part = visits.first(visits.payload.size * number // len(LOOKS))
        table = trial_table(part, design(machine), EQUAL_SHARES)
        (verdict,) = looking.look(Source.EXECUTE, fraction, float(number), table)
        assert verdict.effect is not None
        found.append((_STATE[verdict.verdict], verdict.effect.lower, verdict.effect.upper))
    return found


def _by_the_page(machine: Machine, visits: Visits) -> list[tuple[int, float, float]]:
    seen, level = looked(visits, design(machine), EQUAL_SHARES), levels(LOOKS, ALPHA)
    found = []
    for count in range(1, len(LOOKS) + 1):
        state = int(decisions(seen[:count], level[:count], CATCH / 2)[0])
        lower = max(one.lower(at)[0] for one, at in zip(seen[:count], level[:count], strict=True))
        upper = min(one.upper(at)[0] for one, at in zip(seen[:count], level[:count], strict=True))
        last, estimate = seen[count - 1], seen[count - 1].difference[0]
        if lower > upper:  # the looks contradict each other
            lower, upper = last.lower(level[count - 1])[0], last.upper(level[count - 1])[0]
        found.append((state, expm1(min(lower, estimate)), expm1(max(upper, estimate))))
    return found


@pytest.mark.slow
def test_each_look_decides_the_same_by_the_same_bounds() -> None:
    decided = set()
    for number in range(12):
        machine = Machine(replicas=(4, 6, 12)[number % 3], rounds=4, spike_share=(0.02, 0.1)[number % 2])
        visits = simulated(machine, (0.0, 0.02, 0.025, 0.05)[number % 4], 1, np.random.default_rng((7, number)))
        ours, theirs = _by_the_page(machine, visits), _by_perfgate(machine, visits)
        assert [state for state, _, _ in ours] == [state for state, _, _ in theirs]
        assert np.array(ours) == pytest.approx(np.array(theirs), rel=1e-9, abs=1e-9)
        decided.add(ours[-1][0])
    assert decided == {FAIL, PASS, OPEN}


def test_another_rule_would_not_agree() -> None:
    """The comparison can fail: a 20 % trimmed mean over all blocks, the rule before, differs much from both."""
    machine = Machine(hit=(2.5, 2.5, *[1.0] * 14))
    visits = simulated(machine, 0.0, 1, np.random.default_rng(8))
    before = np.asarray(stats.trim_mean(visits.logs, 0.2, axis=1))
    ours = effects(replica_numbers(visits, EQUAL_SHARES), design(machine)).difference
    assert abs(effects(before, design(machine)).difference - ours)[0] > 0.1


def test_it_shares_no_code_with_perfgate() -> None:
    here = Path(__file__).parent
    for name in ("requests_mean", "effect", "looks", "machine", "gate"):
        tree = ast.parse((here / f"{name}.py").read_text())
        modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        modules += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        assert not [module for module in modules if module.startswith(("perfgate", "benchmarks", "tests.stats"))]
