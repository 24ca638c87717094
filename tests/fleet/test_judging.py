"""Verdicts on gates within a fleet: one error level for all of them, rounds included."""

from __future__ import annotations

from dataclasses import replace
from math import log1p, nan

import pytest
from scipy import special

from perfgate.fleet.judging import GateVerdict, Levels, verdicts
from perfgate.fleet.schema import Correction, Family
from perfgate.gate.verdict import Verdict
from perfgate.results.result import Result
from tests.fleet.results import at_p, invalid, objective, result

TAU = log1p(0.025)  # of execute_ms
EQUAL = {"execute_ms": (0.0, 0.004)}


def levels(
    gates: int, rounds: int = 1, family: Family = Family.FLEET, correction: Correction = Correction.HOLM
) -> Levels:
    return Levels(0.01, family, correction, rounds, gates)


def fleet(p_values: list[float], how: Levels) -> list[Verdict]:
    """Judge gates with these p-values against the tolerance, each measured in one round with one metric."""
    rounds = {str(place): {1: with_p(p, how)} for place, p in enumerate(p_values)}
    return [found.verdict for found in verdicts(rounds, how).values()]


def with_p(p: float, how: Levels, number: int = 1) -> Result:
    change = at_p(p, TAU)
    return result({"execute_ms": (change, 0.004)}, alpha=how.of_round(number), gates=how.sharing)


def test_the_tolerance_is_what_these_tests_think() -> None:
    judged = result(EQUAL).judgement
    assert judged is not None
    assert judged.metrics[0].tolerance == pytest.approx(0.025)


@pytest.mark.parametrize("gates", [1, 2, 50])
def test_a_gate_fails_just_below_the_shared_level_and_not_above(gates: int) -> None:
    others = [0.9] * (gates - 1)
    assert fleet([0.0099 / gates, *others], levels(gates))[0] is Verdict.FAIL
    assert fleet([0.0101 / gates, *others], levels(gates))[0] is Verdict.INCONCLUSIVE


def test_after_each_failure_the_others_have_more_room() -> None:
    """0.004 is too much for a half of 1 %, but enough once the first has failed: Holm."""
    how = levels(2)
    assert fleet([0.0001, 0.009], how) == [Verdict.FAIL, Verdict.FAIL]
    assert fleet([0.02, 0.009], how) == [Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE]


def test_benjamini_hochberg_declares_more() -> None:
    p_values = [0.001, 0.004, 0.007, 0.009]
    assert fleet(p_values, levels(4)) == [Verdict.FAIL, *[Verdict.INCONCLUSIVE] * 3]
    assert fleet(p_values, levels(4, correction=Correction.BENJAMINI_HOCHBERG)) == [Verdict.FAIL] * 4


def test_with_a_level_for_each_gate_the_others_do_not_matter() -> None:
    assert fleet([0.0099, 0.9, 0.9], levels(3, family=Family.GATE))[0] is Verdict.FAIL


def test_gates_that_were_not_measured_count_in_the_family() -> None:
    how = levels(50)
    (found,) = verdicts({"one": {1: with_p(0.009, how)}}, how).values()
    assert found.verdict is Verdict.INCONCLUSIVE


def test_each_round_spends_its_share() -> None:
    how = levels(1, rounds=2)

    def found(first: float, second: float) -> Verdict:
        return verdicts({"a": {1: with_p(first, how), 2: with_p(second, how, 2)}}, how)["a"].verdict

    assert found(0.0074, 0.5) is Verdict.FAIL
    assert found(0.0076, 0.5) is Verdict.INCONCLUSIVE
    assert found(0.5, 0.0024) is Verdict.FAIL
    assert found(0.5, 0.0026) is Verdict.INCONCLUSIVE


def test_the_second_round_decides_what_the_first_left_open() -> None:
    how = levels(50, rounds=2)
    first, second = with_p(0.3, how), result(EQUAL, alpha=how.of_round(2), gates=50)
    judged = verdicts({"a": {1: first, 2: second}}, how)["a"]
    assert judged.verdict is Verdict.PASS
    assert judged.moves[0].change == 0, "the numbers are those of the second round"


def test_a_failure_of_the_first_round_is_shown_with_its_numbers() -> None:
    how = levels(1, rounds=2)
    found = verdicts({"a": {1: with_p(1e-6, how), 2: with_p(0.4, how, 2)}}, how)["a"]
    assert found.verdict is Verdict.FAIL
    assert found.moves[0].change == pytest.approx(at_p(1e-6, TAU))


def test_a_failure_is_shown_with_the_numbers_of_the_round_that_fails_among_all() -> None:
    """The first round fails at the level of a gate alone, but not at a fiftieth of it."""
    how = levels(50, rounds=2)
    found = verdicts({"a": {1: with_p(0.005, how), 2: with_p(1e-6, how, 2)}}, how)["a"]
    assert (found.verdict, found.round_number) == (Verdict.FAIL, 2)
    assert found.moves[0].verdict is Verdict.FAIL
    assert found.moves[0].change == pytest.approx(at_p(1e-6, TAU))
    assert found.headline == "own headline: fail"


@pytest.mark.parametrize("correction", list(Correction))
def test_a_failure_that_only_the_correction_declares_is_shown_with_its_round(correction: Correction) -> None:
    how = levels(2, rounds=2, correction=correction)
    for failing, p_values in ((1, (0.007, 0.3)), (2, (0.3, 0.002))):
        rounds = {number: with_p(p, how, number) for number, p in enumerate(p_values, 1)}
        found = verdicts({"a": {1: with_p(1e-6, how)}, "b": rounds}, how)["b"]
        assert (found.verdict, found.round_number) == (Verdict.FAIL, failing)
        assert found.moves[0].change == pytest.approx(at_p(p_values[failing - 1], TAU))
        assert found.headline.startswith("execute_ms +")


def test_the_headline_names_the_metric_that_fails_and_not_one_that_is_only_further_away() -> None:
    how = levels(2)
    noisy = {"execute_ms": (at_p(0.004, TAU), 0.004), "service_mean_ms": (0.4, 0.3)}
    rounds = {"a": {1: with_p(1e-6, how)}, "b": {1: result(noisy, gates=2)}}
    found = verdicts(rounds, how)["b"]
    assert (found.verdict, found.moves[0].metric) == (Verdict.FAIL, "service_mean_ms")
    assert found.headline.startswith("execute_ms +")


def test_metrics_of_a_gate_share_its_level() -> None:
    how = levels(1)
    both = {"execute_ms": (at_p(0.006, TAU), 0.004), "service_mean_ms": (0.0, 0.004)}
    assert verdicts({"a": {1: result(both)}}, how)["a"].verdict is Verdict.INCONCLUSIVE
    assert verdicts({"a": {1: result(both, warned=("service_mean_ms",))}}, how)["a"].verdict is Verdict.FAIL


def test_a_missed_objective_fails_and_shares_the_level() -> None:
    how = levels(1)
    missed = result(EQUAL, objectives=(objective(Verdict.FAIL),))
    assert verdicts({"a": {1: missed}}, how)["a"].verdict is Verdict.FAIL
    beside = result({"execute_ms": (at_p(0.006, TAU), 0.004)}, objectives=(objective(Verdict.PASS),))
    assert verdicts({"a": {1: beside}}, how)["a"].verdict is Verdict.INCONCLUSIVE


def test_a_warning_does_not_fail_a_gate() -> None:
    warned = result({"execute_ms": (0.5, 0.004)}, warned=("execute_ms",))
    assert verdicts({"a": {1: warned}}, levels(1))["a"].verdict is not Verdict.FAIL


def test_cold_servers_decide_no_time() -> None:
    cold = result({"execute_ms": (0.5, 0.004)}, cold=True)
    assert cold.judgement is not None
    open_ = tuple(replace(each, verdict=Verdict.INCONCLUSIVE) for each in cold.judgement.metrics)
    undecided = replace(cold, judgement=replace(cold.judgement, verdict=Verdict.INCONCLUSIVE, metrics=open_))
    assert verdicts({"a": {1: undecided}}, levels(1))["a"].verdict is Verdict.INCONCLUSIVE


def test_an_invalid_run_is_invalid_and_no_round_of_it_counts() -> None:
    how = levels(2, rounds=2)
    found = verdicts({"a": {1: invalid()}, "b": {1: with_p(0.3, how), 2: invalid()}}, how)
    assert found["a"] == GateVerdict(Verdict.INVALID, "the server died", ())
    assert found["b"].verdict is Verdict.INCONCLUSIVE


def test_what_fails_alone_but_not_among_all_says_so() -> None:
    how = levels(50)
    alone = result({"execute_ms": (at_p(0.005, TAU), 0.004)}, gates=1)
    found = verdicts({"a": {1: alone}}, how)["a"]
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.headline == "own headline: fail: not significant with all gates taken together"


def test_what_only_the_fleet_declares_has_the_words_of_a_failure() -> None:
    how = levels(2)
    rounds = {"a": {1: with_p(0.0001, how)}, "b": {1: with_p(0.009, how)}}
    found = verdicts(rounds, how)["b"]
    assert found.verdict is Verdict.FAIL
    assert found.headline.startswith("execute_ms +")
    assert "> 2.5%" in found.headline


def test_what_moved_is_what_no_change_is_not_in_at_the_level_of_all() -> None:
    how = levels(50)
    changes = {"execute_ms": (0.05, 0.004), "pss_mb": (-0.2, 0.01), "service_mean_ms": (0.01, 0.004)}
    found = verdicts({"a": {1: result(changes, gates=50)}}, how)["a"]
    moved = {move.metric: move.moved for move in found.moves}
    assert moved == {"execute_ms": True, "pss_mb": True, "service_mean_ms": False}
    assert [move.metric for move in found.moves] == ["execute_ms", "service_mean_ms", "pss_mb"], "the worst first"
    worst = found.moves[0]
    assert worst.lower < 0.05 < worst.upper
    assert worst.worse_lower < worst.worse_by < worst.worse_upper
    assert worst.worse_by == pytest.approx(log1p(0.05) / TAU)


@pytest.mark.parametrize(("rounds", "number", "share"), [(1, 1, 1.0), (2, 1, 0.75), (2, 2, 0.25)])
@pytest.mark.parametrize(("family", "sharing"), [(Family.FLEET, 50), (Family.GATE, 1)])
def test_intervals_are_at_the_part_of_the_level_of_one_metric_in_one_round(
    family: Family, sharing: int, rounds: int, number: int, share: float
) -> None:
    how = levels(50, rounds, family)
    changes = {"execute_ms": (0.01, 0.004), "service_mean_ms": (0.01, 0.004)}
    measured = result(changes, alpha=how.of_round(number), gates=how.sharing)
    move = verdicts({"a": {number: measured}}, how)["a"].moves[0]
    half = -special.stdtrit(22, 0.01 * share / sharing / 2) * 0.004
    assert log1p(move.lower) == pytest.approx(log1p(0.01) - half)
    assert log1p(move.upper) == pytest.approx(log1p(0.01) + half)


def test_higher_is_better_where_it_is() -> None:
    changes = {"throughput_rps": (-0.3, 0.004)}
    found = verdicts({"a": {1: result(changes)}}, levels(1))["a"]
    assert found.verdict is Verdict.FAIL
    assert found.moves[0].worse_by > 1


@pytest.mark.parametrize("place", range(3))
def test_a_change_that_is_not_known_comes_last_and_disturbs_no_order(place: int) -> None:
    changes = [("execute_ms", (0.01, 0.004)), ("service_mean_ms", (0.3, 0.004))]
    changes.insert(place, ("pss_mb", (nan, nan)))
    found = verdicts({"a": {1: result(dict(changes))}}, levels(1))["a"]
    assert [move.metric for move in found.moves] == ["service_mean_ms", "execute_ms", "pss_mb"]
