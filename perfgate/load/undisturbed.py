"""Keep the interpreter and the kernel out of the way while a series is driven."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_FINEST_NS = "1"


@contextmanager
def undisturbed() -> Iterator[None]:
    """Switch the cyclic garbage collector off and the thread's timers to their finest, and put both back after."""
    collecting = gc.isenabled()
    gc.disable()  # a full collection with pandas loaded takes longer than a request
    try:
        with _fine_timers():
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
