"""Settings of interpreter and kernel that reduce jitter while a series is driven."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

_FINEST_NS = "1"


@contextmanager
def undisturbed(*, punctual: bool = False) -> Iterator[None]:
    """Switch the cyclic garbage collector off and the thread's timers to their finest; both are restored afterwards.

    `punctual`: also run before all ordinary processes whenever there is something to do, if permitted. For loads that
    sleep most of the time; one that never sleeps would take a CPU away from the server.
    """
    collecting = gc.isenabled()
    gc.disable()  # a full collection with pandas loaded takes longer than a request
    try:
        with _fine_timers(), _first_in_line() if punctual else nullcontext():
            yield
    finally:
        if collecting:
            gc.enable()


@contextmanager
def _fine_timers() -> Iterator[None]:
    """Ask the kernel for sleeps of the requested length: by default it may add 50 µs to each (`man 2 prctl`)."""
    slack = Path(f"/proc/{threading.get_native_id()}/timerslack_ns")
    before = ""
    with suppress(OSError):  # not Linux, or no permission: sends are some 50 µs later, which send_lag_ms shows
        before = slack.read_text()
        slack.write_text(_FINEST_NS)
    try:
        yield
    finally:
        if before:
            with suppress(OSError):
                slack.write_text(before)


def realtime_permitted() -> bool:
    """Return whether a punctual series runs before ordinary processes here."""
    with _first_in_line() as granted:
        return granted


@contextmanager
def _first_in_line() -> Iterator[bool]:
    """Make the thread a real-time one of the lowest priority (`man 7 sched`; needs CAP_SYS_NICE, as root has)."""
    try:
        before, rank = os.sched_getscheduler(0), os.sched_getparam(0)
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except (OSError, AttributeError):  # no permission, or not Linux: another process may delay sends by milliseconds
        yield False
        return
    try:
        yield True
    finally:
        os.sched_setscheduler(0, before, rank)
