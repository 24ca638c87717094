"""A server that does not keep up breaks, even while its requests are still answered in time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perfgate.capacity.reference_queue import responses_s
from perfgate.capacity.steadiness import backlog_notes
from perfgate.capacity.turn import Turn, backlog_grows
from perfgate.loadgen.arrivals import gamma
from perfgate.trials import Arm
from tests.capacity.answers import BOUND, one_arm
from tests.capacity.turns import queued


def in_flight(
    rate_rps: float, service_s: float, cv: float, rng: np.random.Generator
) -> tuple[tuple[int, int, int], int]:
    """Serve 1.5 s of requests one at a time, and look after 0.5, 1 and 1.5 s."""
    instants_s = gamma(rate_rps, cv, 1.5, rng)
    ends_s = instants_s + responses_s(instants_s, service_s)
    first, middle, last = (int(np.count_nonzero((instants_s < at) & (ends_s > at))) for at in (0.5, 1.0, 1.5))
    return (first, middle, last), int(np.count_nonzero(instants_s >= 0.5))


@pytest.mark.parametrize(("load", "cv", "most"), [(0.9, 1.0, 0), (0.99, 1.0, 0), (0.97, 2.0, 3)])
def test_a_server_that_keeps_up_is_hardly_ever_called_overloaded(load: float, cv: float, most: int) -> None:
    rng = np.random.default_rng(1)
    assert sum(backlog_grows(*in_flight(1_000, load / 1_000, cv, rng)) for _ in range(300)) <= most


def test_a_server_with_half_the_speed_is_called_overloaded() -> None:
    rng = np.random.default_rng(2)
    assert all(backlog_grows(*in_flight(1_000, 0.002, 1.0, rng)) for _ in range(100))


def test_one_burst_at_the_end_is_no_overload() -> None:
    assert not backlog_grows((2, 3, 400), 800)


def _turn(*, overloaded: bool, slow: bool) -> Turn:
    turn = replace(queued(380.0, np.random.default_rng(3)), arm=Arm.CANDIDATE, overloaded=overloaded)
    return replace(turn, response_ms=np.full(turn.requests, 50.0 if slow else 5.0))


def test_a_note_says_why_turns_in_time_count_as_missed() -> None:
    (arm,) = one_arm().arms
    (note,) = backlog_notes([_turn(overloaded=True, slow=False)], [arm], (BOUND,))
    assert note.startswith(f"{arm.model}: from 380 requests/s on, turns count as missed because more and more")
    for other in (_turn(overloaded=False, slow=False), _turn(overloaded=True, slow=True)):
        assert not list(backlog_notes([other], [arm], (BOUND,)))
