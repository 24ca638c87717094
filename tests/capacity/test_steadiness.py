"""Whether a turn's first half looks like its second."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perfgate.capacity.answer import CapacityKind
from perfgate.capacity.lengths import Lengths
from perfgate.capacity.steadiness import length_notes, steadiness_notes
from perfgate.capacity.turn import Stage, Turn
from perfgate.trials import Arm
from tests.capacity import answers

CAPACITY = replace(answers.one_arm().arms[0], kind=CapacityKind.ESTIMATED, rate_rps=400.0, objective="latency_p99_ms")


def notes(first: float, second: float, *, servers: int = 6, rate_rps: float = 400.0, seed: int = 1) -> list[str]:
    """Make three turns on each server, with so many misses in their halves on average."""
    rng = np.random.default_rng(seed)

    def turn(pair: int, number: int) -> Turn:
        halves = int(rng.poisson(first)), int(rng.poisson(second))
        seen = np.zeros(400)
        return Turn(Arm.CANDIDATE, pair, number, Stage.TEST, rate_rps, seen, seen, (sum(halves),), halves=halves)

    turns = [turn(pair, 3 * pair + k) for pair in range(servers) for k in range(3)]
    return list(steadiness_notes(turns, [CAPACITY], "latency_p99_ms"))


def test_equal_halves_are_rarely_told_apart() -> None:
    assert sum(bool(notes(4, 4, seed=seed)) for seed in range(200)) <= 6  # 1 %, and three standard errors


def test_a_slow_start_is_told() -> None:
    (note,) = notes(20, 4)
    assert "in the first half of a turn" in note
    assert "slow after a rest" in note
    assert "(10.4% against 2%)" in note


def test_a_growing_queue_is_told() -> None:
    (note,) = notes(4, 20)
    assert "in the second half of a turn" in note
    assert "too high" in note


@pytest.mark.parametrize("few", [{"servers": 3}, {"rate_rps": 600.0}])
def test_too_little_to_say(few: dict[str, int]) -> None:
    """Few servers, or turns far from the capacity."""
    assert not notes(20, 4, **few)


def test_a_version_limited_by_another_objective_is_left_out() -> None:
    other = replace(CAPACITY, objective="error_rate")
    turns = [
        Turn(Arm.CANDIDATE, k, k, Stage.TEST, 400.0, np.zeros(9), np.zeros(9), (9,), halves=(9, 0)) for k in range(9)
    ]
    assert not list(steadiness_notes(turns, [other], "latency_p99_ms"))
    assert list(steadiness_notes(turns, [CAPACITY], "latency_p99_ms"))


@pytest.mark.parametrize(
    ("lengths", "kind", "noted"),
    [
        (Lengths(0.5, 1.0, 4.0), CapacityKind.ESTIMATED, True),
        (Lengths(0.5, 1.0, 4.0), CapacityKind.GENERATOR, False),
        (Lengths(0.5, 1.0, 0.1), CapacityKind.ESTIMATED, False),
    ],
)
def test_short_turns_are_noted_where_a_capacity_comes_from_them(
    lengths: Lengths, kind: CapacityKind, *, noted: bool
) -> None:
    assert bool(list(length_notes(lengths, [replace(CAPACITY, kind=kind)]))) is noted
