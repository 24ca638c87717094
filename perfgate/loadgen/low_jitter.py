"""Keep the interpreter and the kernel out of the way while a series is driven."""

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
    """Switch the cyclic garbage collector off and the thread's timers to their finest, and put both back after.

    `punctual`: also run before all ordinary processes whenever there is something to do, where that is permitted. For
    loads that sleep most of the time; one that never sleeps would take a CPU away from the server.
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
    """Ask the kernel for sleeps of the asked length: by default it may add 50 µs to each (`man 2 prctl`)."""
    slack = Path(f"/proc/{threading.get_native_id()}/timerslack_ns")
    before = ""
    with suppress(OSError):  # no Linux, or no permission: sends come some 50 µs later, and send_lag_ms says so
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
    """Schedule the thread as a real-time one of the lowest rank (`man 7 sched`; needs CAP_SYS_NICE, as root has)."""
    try:
        before, rank = os.sched_getscheduler(0), os.sched_getparam(0)
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except (OSError, AttributeError):  # no permission, or no Linux: another process may delay sends by milliseconds
        yield False
        return
    try:
        yield True
    finally:
        os.sched_setscheduler(0, before, rank)
