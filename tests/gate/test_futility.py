"""A lane ends where more time would hardly decide a metric: this declares nothing, and so costs no error level."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import inf, nan

import numpy as np
import pytest

from perfgate.gate.case import Case
from perfgate.gate.decide import decide
from perfgate.gate.interim import Look, Seen
from perfgate.gate.stopping import InterimAnalysis, is_futile
from perfgate.gate.verdict import Verdict
from perfgate.metrics import Source
from perfgate.scenario.schema import Gate
from perfgate.scenario.severity import Severity
from perfgate.stats.proportion import Counts
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm
from tests.gate.effects import case, counted
from tests.stats.build import execute_trials

FRACTIONS = (0.25, 0.5, 0.75, 0.9)


def _at(fraction: float, change: float = 0.0, se: float = 0.012, lasting_se: float = 0.0115) -> Case:
    """A metric with a tolerance of 2.5 %, after a fraction of its lane."""
    one = case("execute_ms", change, se)
    looks = tuple(
        Look(Source.EXECUTE, each, 10 * each, (Seen.of(one.effect),)) for each in FRACTIONS if each < fraction
    )
    now = Look(Source.EXECUTE, fraction, 10 * fraction, (Seen.of(one.effect),))
    return replace(one, effect=replace(one.effect, lasting_se=lasting_se), looks=(*looks, now))


def test_what_processes_differ_by_cannot_be_waited_away() -> None:
    assert is_futile(_at(0.5), 1)
    assert not is_futile(_at(0.5, lasting_se=0.004), 1), "the same error, of which time takes most"
    assert not is_futile(_at(0.5, lasting_se=nan), 1), "nothing known that lasts"


def test_in_the_first_half_too_little_is_known() -> None:
    assert not is_futile(_at(0.49), 1)


@pytest.mark.parametrize("change", [-0.05, 0.1])
def test_what_is_far_from_its_tolerance_is_decided(change: float) -> None:
    assert not is_futile(_at(0.5, change=change), 1)


def test_a_failure_that_shares_its_level_is_harder_to_reach() -> None:
    beyond = _at(0.9, change=0.057)
    assert not is_futile(beyond, 1)
    assert is_futile(beyond, 20)


def test_shares_and_what_has_no_error_are_never_futile() -> None:
    assert not is_futile(counted(Counts(0, 100, 0, 100)), 1)
    assert not any(is_futile(_at(0.5, se=each), 1) for each in (inf, nan))


def test_nothing_that_is_futile_was_decided_and_the_stop_decides_nothing() -> None:
    """Runs ended by a futility stop were undecided: none fails or passes because of it (non-binding)."""
    grid = product(FRACTIONS, np.linspace(-0.05, 0.12, 18).tolist(), (0.003, 0.008, 0.012), (0.0, 0.5, 0.95), (1, 5))
    futile = set()
    for fraction, change, se, lasting, family in grid:
        one = _at(fraction, change, se, lasting * se)
        futile.add(is_futile(one, family))
        if is_futile(one, family):
            found = decide([one], 0.01, expected=[Severity.ERROR] * family)
            assert found[0].verdict is Verdict.INCONCLUSIVE, (fraction, change, se, lasting)
    assert futile == {False, True}


@pytest.mark.parametrize(("apart", "ends"), [(0.03, True), (0.001, False)])
def test_a_lane_ends_half_way_where_its_servers_differ_too_much(apart: float, *, ends: bool) -> None:
    rng = np.random.default_rng(71)

    def time_ms(_: int, arm: Arm, number: int) -> float:
        shift = 0.02 * (arm is Arm.CANDIDATE)  # near the tolerance, so that neither is decided
        return float(np.exp(shift + apart * (number % 2 - 0.5) + rng.normal(0, 0.02)))

    looking = InterimAnalysis(Gate(), {}, [Source.EXECUTE])
    settled = []
    for fraction in (0.25, 0.5):
        table = TrialTable.of(execute_trials(round(40 * fraction), 6, time_ms))
        verdicts = looking.look(Source.EXECUTE, fraction, 10 * fraction, table)
        assert verdicts[0].verdict is Verdict.INCONCLUSIVE
        settled.append(looking.settled(Source.EXECUTE, verdicts))
    assert settled == [False, ends]
