from math import inf

import numpy as np
import pytest

from perfgate.load.interface import ClosedLoop, OpenLoop
from perfgate.load.pacing import PAUSE_AFTER_BREAK_S, pacer_for


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


def test_an_open_loop_keeps_to_its_instants_whatever_is_in_flight() -> None:
    pacer = pacer_for(OpenLoop(np.array([0.0, 0.1, 0.1, 0.4])))
    pacer.broken(0.0)

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
