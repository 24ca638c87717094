import gc
import os

import pytest

from perfgate.loadgen.low_jitter import realtime_permitted, undisturbed


def test_the_collector_is_off_inside_and_as_before_outside() -> None:
    with undisturbed():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_is_put_back_after_an_error_too() -> None:
    with pytest.raises(KeyError), undisturbed():
        raise KeyError
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with undisturbed():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_punctual_thread_is_scheduled_first_where_permitted_and_as_before_after() -> None:
    before = os.sched_getscheduler(0)
    with undisturbed(punctual=True):
        inside = os.sched_getscheduler(0)
    assert inside in {os.SCHED_RR | os.SCHED_RESET_ON_FORK, before}  # a container's root may lack the right
    assert os.sched_getscheduler(0) == before


def test_without_permission_it_runs_as_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    assert not realtime_permitted()
    with undisturbed(punctual=True):
        assert not gc.isenabled()


def test_asking_for_real_time_scheduling_leaves_the_thread_as_it_was() -> None:
    before = os.sched_getscheduler(0)
    assert realtime_permitted() is realtime_permitted()
    assert os.sched_getscheduler(0) == before
