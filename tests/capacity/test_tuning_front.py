from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import pytest

from perfgate.capacity.answer import CapacityKind, TunedSettings
from perfgate.capacity.tuning_candidates import CURRENT, NO_BATCHING
from perfgate.capacity.tuning_front import alike, best_of, carried_rps, kept, pairs_alike, waited_ms, with_front
from tests.capacity.tuned import LARGE, settings, tried

FAILED = settings()[-1]


def _front(*given: TunedSettings) -> list[str]:
    return [each.name for each in with_front(given) if each.front]


def test_the_front_has_what_nothing_else_beats() -> None:
    slow, fast = tried("slow", (500, 1, 2), (20, 1, 2)), tried("fast", (300, 1, 2), (5, 1, 2))
    beaten = tried("beaten", (299, 1, 2), (6, 1, 2))
    assert _front(slow, fast, beaten) == ["slow", "fast"]


def test_equal_settings_are_both_on_the_front() -> None:
    assert _front(tried("a", (5, 1, 9), (5, 1, 9)), tried("b", (5, 1, 9), (5, 1, 9))) == ["a", "b"]


def test_as_good_in_one_and_worse_in_the_other_is_beaten() -> None:
    assert _front(tried("a", (5, 1, 9), (5, 1, 9)), tried("b", (5, 1, 9), (6, 1, 9))) == ["a"]


def test_what_failed_or_is_unknown_is_not_on_the_front() -> None:
    unknown = tried("unknown", (nan, 0, inf), (5, 1, 9))
    assert _front(FAILED, unknown, tried("a", (1, 1, 1), (99, 1, 99))) == ["a"]
    assert _front() == []


def test_settings_of_which_no_rate_holds_carry_nothing() -> None:
    none = replace(tried("none", (900, 0, 900), (5, 1, 9)), kind=CapacityKind.BELOW)
    assert carried_rps(none) == 0
    assert best_of((none, tried("a", (1, 1, 1), (9, 1, 9))), carried_rps) == "a"


@pytest.mark.parametrize(
    ("capacity", "p99", "expected"),
    [
        ((420, 401, 440), (5, 4, 6), True),
        ((440, 431, 450), (5, 4, 6), False),
        ((420, 401, 440), (9, 7, inf), False),
        ((nan, 0, inf), (nan, 0, inf), True),
    ],
)
def test_overlapping_intervals_cannot_be_told_apart(
    capacity: tuple[float, float, float], p99: tuple[float, float, float], expected: bool
) -> None:
    one = tried("one", (400, 370, 430), (5, 4, 6))
    other = tried("other", capacity, p99)
    assert alike(one, other) is alike(other, one) is expected


def test_pairs_are_of_the_front_and_the_current_settings() -> None:
    near = tried("near", (401, 371, 431), (20, 18, 25))
    far = tried("far", (100, 90, 110), (22, 18, 25))
    given = with_front((tried(CURRENT, (400, 370, 430), (21, 18, 25)), near, far))
    assert pairs_alike(given) == ((CURRENT, "near"),)


def test_the_next_round_has_the_current_the_best_and_the_fastest_settings() -> None:
    worse = tried("worse", (200, 180, 220), (30, 28, 32))
    fast = tried("fast", (100, 90, 110), (1, 1, 2))
    assert set(kept((*settings(), worse, fast), 5)) == {CURRENT, LARGE, "fast"}


def test_the_next_round_is_short() -> None:
    many = [tried(f"{number}", (400 + number, 300, 500), (5, 4, 6)) for number in range(20)]
    assert len(kept(many, 4)) == 4
    assert "19" in kept(many, 4)


def test_nothing_is_kept_of_settings_that_failed() -> None:
    assert kept((FAILED,)) == ()
    assert best_of((FAILED,), carried_rps) == ""


def test_the_best_of_others_leaves_the_current_settings_out() -> None:
    given = (tried(CURRENT, (900, 800, 999), (5, 4, 6)), tried("a", (1, 1, 1), (9, 1, 9)))
    assert best_of(given, carried_rps) == CURRENT
    assert best_of(given, carried_rps, others=True) == "a"
    assert best_of(settings(), lambda each: -waited_ms(each)) == NO_BATCHING
