"""Holm and Benjamini-Hochberg over tests, against their definitions with p-values."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from perfgate.fleet.family import SHARES, Test, failed, milder_level
from perfgate.fleet.schema import Correction

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def made_of(p_values: Sequence[float]) -> dict[str, Test]:
    return {str(place): partial(_at_most, p) for place, p in enumerate(p_values)}


def _at_most(p: float, level: float) -> bool:
    return p <= level


def by_holm(p_values: Sequence[float], alpha: float) -> set[str]:
    """Go through the p-values in order, and stop at the first that is too large."""
    found = set()
    for rank, place in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[place] > alpha / (len(p_values) - rank):
            break
        found.add(str(place))
    return found


@given(P_VALUES, st.sampled_from([0.001, 0.01, 0.05, 0.3]))
def test_holm_is_the_step_down_procedure(p_values: list[float], alpha: float) -> None:
    assert failed(made_of(p_values), alpha, Correction.HOLM) == by_holm(p_values, alpha)


@given(P_VALUES, st.sampled_from([0.001, 0.01, 0.05, 0.3]))
def test_benjamini_hochberg_is_the_step_up_procedure(p_values: list[float], alpha: float) -> None:
    adjusted = stats.false_discovery_control(p_values, method="bh")
    clear = [place for place, p in enumerate(adjusted) if abs(p - alpha) > 1e-12]
    found = failed(made_of(p_values), alpha, Correction.BENJAMINI_HOCHBERG)
    assert {str(place) for place in clear if adjusted[place] <= alpha} == {each for each in found if int(each) in clear}


@given(P_VALUES)
def test_holm_declares_no_more_than_benjamini_hochberg(p_values: list[float]) -> None:
    tests = made_of(p_values)
    assert failed(tests, 0.05, Correction.HOLM) <= failed(tests, 0.05, Correction.BENJAMINI_HOCHBERG)


@given(P_VALUES, st.sampled_from([0.01, 0.3]), st.sampled_from(list(Correction)))
def test_all_that_fail_do_so_at_the_level_of_the_last_step(
    p_values: list[float], alpha: float, correction: Correction
) -> None:
    tests = made_of(p_values)
    found = failed(tests, alpha, correction)
    level = milder_level(alpha, len(found), len(tests), correction)
    assert all(tests[name](level) for name in found)
    assert level <= alpha


@pytest.mark.parametrize("correction", list(Correction))
def test_no_gates_and_one_gate(correction: Correction) -> None:
    assert failed({}, 0.01, correction) == frozenset()
    assert failed(made_of([0.01]), 0.01, correction) == {"0"}
    assert failed(made_of([0.0101]), 0.01, correction) == frozenset()


def test_rounds_spend_the_whole_level_and_no_more() -> None:
    assert all(sum(shares) == 1 and len(shares) == rounds for rounds, shares in SHARES.items())


def test_fifty_equal_gates_raise_a_false_alarm_in_one_fleet_of_a_hundred_not_in_two_of_five() -> None:
    rng, runs = np.random.default_rng(17), 4000
    p_values = rng.random((runs, 50))
    together = sum(bool(failed(made_of(row), 0.01, Correction.HOLM)) for row in p_values)
    assert stats.binomtest(together, runs, 0.01).pvalue > 1e-4
    assert np.mean((p_values <= 0.01).any(axis=1)) > 0.35
