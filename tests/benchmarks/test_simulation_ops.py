"""Simulated traces: separate seeds, correct true changes, what single runs say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.simulation.ops import independent
from benchmarks.simulation.ops.__main__ import TABLES, main
from benchmarks.simulation.ops.models import EXECUTE_MS, OUTSIDE_MS, Pair, matched, truths
from benchmarks.simulation.ops.outcomes import attributed, explained, gated, truth
from benchmarks.simulation.ops.points import COSTLESS, EQUAL, MIXED, SLOW_IN_ONE, added
from benchmarks.simulation.ops.worlds import STRUCK_MS, WORLDS, World, simulated
from perfgate.explain.replicas import differences, per_replica
from perfgate.gate.verdict import Verdict

QUIET = World(process_sd=0, process_op_sd=0, execution_sd=0, op_sd=0)
WORLD = WORLDS["processes 0.6 % apart"]


def test_every_point_has_seeds_of_its_own() -> None:
    ours = [point.seed for table in TABLES.values() for point in table.points]
    assert len(set(ours)) == len(ours)
    names = [point.name for point in independent.POINTS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("pair", [EQUAL, COSTLESS, MIXED, replace(MIXED, slow=SLOW_IN_ONE), replace(MIXED, uneven=0.5)])
def test_without_noise_an_explanation_finds_the_true_changes(pair: Pair) -> None:
    traced = simulated(replace(QUIET, rounds=160), pair, np.random.default_rng(71))
    assert matched(pair).times_ms[0].sum() + OUTSIDE_MS == pytest.approx(EXECUTE_MS)
    arms = [np.array([traced.own_ms[traced.arm == side].mean()]) for side in (False, True)]
    assert float(arms[1][0] - arms[0][0]) == pytest.approx(truths(pair, 16)["sum"], abs=1e-9)
    if not pair.uneven:
        found = differences(*per_replica(traced.unit_ms, traced))
        assert float(found.estimate.sum()) == pytest.approx(truths(pair, 16)["sum"], abs=1e-9)


def test_one_execution_in_twenty_is_struck() -> None:
    struck = simulated(replace(QUIET, struck=0.05, rounds=200), EQUAL, np.random.default_rng(72))
    hit = (struck.unit_ms > STRUCK_MS).sum(axis=1)
    assert hit.max() == 1
    assert 0.03 < hit.mean() < 0.07


def test_added_work_is_named_and_equal_work_is_not() -> None:
    worse, equal = (explained(WORLD, pair, (73, 0)) for pair in (added(0.01), EQUAL))
    assert worse.new_named
    assert worse.sure == {"op added"}
    assert not equal.same_named
    assert not equal.sure


def test_the_gate_fails_what_is_beyond_its_tolerance() -> None:
    found = [gated(WORLD, added(share, 24), (74, 0)) for share in (0.001, 0.005)]
    assert [each.verdict for each in found] == [Verdict.PASS, Verdict.FAIL]
    assert truth(added(0.005, 24), 16) == pytest.approx(0.005)


@pytest.mark.slow
def test_intervals_cover_about_as_often_as_they_should() -> None:
    found = [attributed(WORLD, MIXED, (75, run)) for run in range(40)]
    assert sum(all(each.covered.values()) for each in found) > 30


def test_both_programs_print_a_row_for_each_point() -> None:
    ours = CliRunner().invoke(main, ["--runs", "1", "--table", "intervals", "--only", "0.6 % apart 2 "])
    theirs = CliRunner().invoke(independent.main, ["--runs", "1", "--only", "parts, 2 rounds"])
    assert [len(each.output.strip().splitlines()) for each in (ours, theirs)] == [3, 3], (ours.output, theirs.output)
