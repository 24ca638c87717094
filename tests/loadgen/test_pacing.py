from math import inf

import numpy as np
import pytest

from perfgate.loadgen.interface import ClosedLoop, OpenLoop
from perfgate.loadgen.pacing import PAUSE_AFTER_BREAK_S, pacer_for


def test_a_closed_loop_fills_up_and_then_waits_for_answers() -> None:
    pacer = pacer_for(ClosedLoop(in_flight=2, requests=3))

    assert pacer.due(0.5, in_flight=0) == 0.5
    assert pacer.due(0.6, in_flight=1) == 0.6
    assert pacer.due(0.7, in_flight=2) is None
    assert pacer.wait_s(0.7, in_flight=2) == inf
    assert pacer.due(0.8, in_flight=1) == 0.8
    assert pacer.exhausted(0.8)
    assert pacer.due(0.9, in_flight=0) is None


def test_a_closed_loop_pauses_after_a_break() -> None:
    pacer = pacer_for(ClosedLoop(in_flight=1, duration_s=10))
    pacer.broken(1.0)

    assert pacer.due(1.0, in_flight=0) is None
    assert pacer.wait_s(1.0, in_flight=0) == pytest.approx(PAUSE_AFTER_BREAK_S)
    assert pacer.due(1.0 + PAUSE_AFTER_BREAK_S, in_flight=0) is not None


def test_the_pause_does_not_outlast_the_duration() -> None:
    pacer = pacer_for(ClosedLoop(in_flight=1, duration_s=1.005))
    pacer.broken(1.0)

    assert pacer.wait_s(1.0, in_flight=0) == pytest.approx(0.005)
    assert pacer.exhausted(1.005)


def test_a_closed_loop_thinks_between_an_answer_and_the_next_request() -> None:
    pacer = pacer_for(ClosedLoop(in_flight=1, requests=3, think_time_s=0.5))

    assert pacer.due(0.0, in_flight=0) == 0.0
    assert pacer.wait_s(0.1, in_flight=1) == inf
    assert pacer.due(0.2, in_flight=0) is None  # its answer was counted here
    assert pacer.wait_s(0.3, in_flight=0) == pytest.approx(0.4)
    assert pacer.due(0.7, in_flight=0) == 0.7
    assert pacer.wait_s(1.0, in_flight=0) == pytest.approx(0.5)  # asking how long to wait also counts an answer
    assert pacer.due(1.5, in_flight=0) == 1.5
    assert pacer.exhausted(1.5)


def test_users_who_think_begin_spread_over_the_think_time_and_keep_their_own_pace() -> None:
    pacer = pacer_for(ClosedLoop(in_flight=2, duration_s=10, think_time_s=1.0))

    assert pacer.due(0.0, in_flight=0) == 0.0
    assert pacer.due(0.0, in_flight=1) is None
    assert pacer.wait_s(0.1, in_flight=1) == pytest.approx(0.4)
    assert pacer.due(0.5, in_flight=1) == 0.5
    assert pacer.due(0.8, in_flight=1) is None
    assert pacer.due(0.9, in_flight=0) is None
    assert pacer.wait_s(0.9, in_flight=0) == pytest.approx(0.9)
    assert pacer.due(1.8, in_flight=0) == 1.8
    assert pacer.due(1.8, in_flight=1) is None
    assert pacer.due(1.9, in_flight=1) == 1.9


def test_thinking_does_not_outlast_the_duration_and_a_break_outlasts_a_short_thought() -> None:
    pacer = pacer_for(ClosedLoop(in_flight=1, duration_s=1.0, think_time_s=5.0))
    assert pacer.due(0.0, in_flight=0) == 0.0
    assert pacer.wait_s(0.25, in_flight=0) == pytest.approx(0.75)
    assert pacer.exhausted(1.0)

    broken = pacer_for(ClosedLoop(in_flight=1, duration_s=1.0, think_time_s=0.001))
    broken.due(0.0, in_flight=0)
    broken.broken(0.1)
    assert broken.wait_s(0.1, in_flight=0) == pytest.approx(PAUSE_AFTER_BREAK_S)


def test_think_time_starts_at_the_response_if_known() -> None:
    pacer = pacer_for(ClosedLoop(in_flight=2, duration_s=10, think_time_s=1.0))

    assert pacer.due(0.0, in_flight=0) == 0.0
    pacer.answered(0.1)  # while the caller sleeps until 0.5
    assert pacer.due(0.5, in_flight=0) == 0.5
    assert pacer.wait_s(0.6, in_flight=1) == pytest.approx(0.5)
    assert pacer.due(1.1, in_flight=1) == 1.1


def test_an_open_loop_keeps_to_its_instants_whatever_is_in_flight() -> None:
    pacer = pacer_for(OpenLoop(np.array([0.0, 0.1, 0.1, 0.4])))
    pacer.broken(0.0)
    pacer.answered(0.0)

    assert pacer.due(0.0, in_flight=0) == 0.0
    assert pacer.due(0.05, in_flight=1) is None
    assert pacer.wait_s(0.05, in_flight=1) == pytest.approx(0.05)
    assert [pacer.due(0.2, in_flight=1000) for _ in range(3)] == [0.1, 0.1, None]
    assert not pacer.exhausted(0.2)
    assert pacer.wait_s(0.5, in_flight=0) == 0
    assert pacer.due(0.5, in_flight=0) == 0.4
    assert pacer.exhausted(0.5)
    assert pacer.wait_s(0.5, in_flight=0) == inf


@pytest.mark.parametrize("wrong", [{"in_flight": 0, "requests": 1}, {"in_flight": 1}])
def test_a_closed_loop_that_cannot_start_or_end_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"in_flight|duration_s"):
        ClosedLoop(**wrong)


@pytest.mark.parametrize("instants", [[0.0, 0.2, 0.1], [-0.1, 0.2]])
def test_a_schedule_that_goes_back_in_time_is_refused(instants: list[float]) -> None:
    with pytest.raises(ValueError, match="ascend"):
        OpenLoop(np.array(instants))
