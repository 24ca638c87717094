"""Load without a network: the loop runs in the process that holds the model, and calls it.

A driver and a server in one, in two parts: `InProcessDriver` runs in perfgate and gives the orders, `loop` runs in the
process that holds the model, to which its name is sent. The records return in a file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Protocol

import numpy as np

from perfgate.loadgen import records
from perfgate.loadgen.closing import Closing
from perfgate.loadgen.interface import ClosedLoop, OpenLoop, Reply
from perfgate.loadgen.low_jitter import undisturbed
from perfgate.loadgen.pacing import Pacer, pacer_for
from perfgate.loadgen.request_classes import kinds
from perfgate.loadgen.request_log import Ledger, failures_at_deadline
from perfgate.protocols.grpc import DEADLINE_EXCEEDED, OK
from perfgate.trials import Call, Requests

_INSTANTS, _RECORDS = "instants.npy", "records.bin"
_THREADS_AT_FIRST = 8
"""Threads started before the clock; others start when needed, as batching may allow a thousand."""

Run = Callable[[int], tuple[int, str]]
"""Makes the call of that number, in order of schedule; returns gRPC status, and stage times as `server-timing`."""

Loop = Callable[[Run, Path, Mapping[str, Any]], None]
"""Runs a series with a `Run` over the prepared calls, the scratch directory and arguments."""


class ModelProcess(Protocol):
    """A process that holds a model."""

    @property
    def scratch(self) -> Path:
        """Directory shared with perfgate."""

    @property
    def callers(self) -> int:
        """Most concurrent calls of an open loop."""

    def prepare(self, calls: Sequence[Call]) -> None:
        """Have these calls decoded in advance; InvalidRunError if one does not fit the model."""

    def run_loop(self, loop: Loop, arguments: Mapping[str, Any]) -> None:
        """Run the loop, a module's function, with these arguments."""

    def call(self, call: Call) -> tuple[int, str, bytes]:
        """Make one call; returns status, message, and the serialised response."""


class InProcessDriver(Closing):
    """A `Driver` of a model that is called directly: no request is sent, encoded or decoded.

    A closed loop has one thread for each request in flight, an open loop as many as the process allows: a due request
    waits while all are busy, and counts as sent. A call cannot be cancelled: one that outlasts its deadline has failed,
    and occupies its thread until it returns.
    """

    def __init__(self, remote: ModelProcess, deadline_s: float) -> None:
        self._remote, self._deadline_s = remote, deadline_s

    @property
    def pauses(self) -> int:
        """None: there are no connections."""
        return 0

    @property
    def cpu_ms(self) -> float:
        """0 by definition: the loop's own CPU time cannot be separated from the model's, and is counted there."""
        return 0.0

    def drive(self, calls: Sequence[Call], load: ClosedLoop | OpenLoop, first_call: int = 0) -> Requests:
        """Run a series; see `Driver`."""
        if not calls:
            raise ValueError("no calls to send")
        self._remote.prepare(calls)
        closed = None
        if isinstance(load, ClosedLoop):
            closed = {name: getattr(load, name) for name in ("in_flight", "requests", "duration_s", "think_time_s")}
        else:
            np.save(self._remote.scratch / _INSTANTS, load.instants_s)
        threads = load.in_flight if isinstance(load, ClosedLoop) else self._remote.callers
        arguments = {"closed": closed, "threads": threads, "first": first_call, "deadline_s": self._deadline_s}
        self._remote.run_loop(loop, arguments)
        found = records.load(self._remote.scratch / _RECORDS)
        found = replace(found, kind=kinds(calls, first_call, found.status.size))
        return failures_at_deadline(found, self._deadline_s)

    def call(self, call: Call) -> Reply:
        """Make one call and return its response."""
        return Reply(*self._remote.call(call))

    def close(self) -> None:
        """Nothing to close."""


def loop(run: Run, scratch: Path, arguments: Mapping[str, Any]) -> None:
    """Run a series in this process for `InProcessDriver.drive`, and leave its records in the scratch directory."""
    closed = arguments["closed"]
    load = OpenLoop(np.load(scratch / _INSTANTS)) if closed is None else ClosedLoop(**closed)
    done = series(run, pacer_for(load), arguments["threads"], arguments["first"], arguments["deadline_s"])
    records.save(scratch / _RECORDS, done)


def series(run: Run, pacer: Pacer, threads: int, first: int, deadline_s: float) -> Requests:
    """Make due calls in at most `threads` threads; times of failed calls are unchanged."""
    under_way = _Series(run, pacer, threads, first, deadline_s)
    with undisturbed():
        under_way.run()
    if under_way.error is not None:
        raise under_way.error
    return under_way.ledger.requests()


class _Series:
    """One series; its threads take turns waiting for the next instant, and the one that finds a due call makes it."""

    def __init__(self, run: Run, pacer: Pacer, threads: int, first: int, deadline_s: float) -> None:
        self._run, self._pacer, self._most, self._first, self._deadline_s = run, pacer, threads, first, deadline_s
        self._turn, self._books = Lock(), Lock()
        self._threads: list[Thread] = []
        self._free, self._busy, self._began_s = 0, 0, 0.0
        self.ledger = Ledger()
        self.error: BaseException | None = None

    def run(self) -> None:
        """Begin once a few threads have started, and return after all have ended."""
        with self._turn:
            for _ in range(min(self._most, _THREADS_AT_FIRST)):
                self._grow()
            self._began_s = time.perf_counter()
        for thread in self._threads:  # more may be added meanwhile, each before its creator ends
            thread.join()

    def _grow(self) -> None:
        thread = Thread(target=self._work, daemon=True)
        self._threads.append(thread)
        self._free += 1
        thread.start()

    def _work(self) -> None:
        """Make calls until none is left."""
        try:
            while (taken := self._next()) is not None:
                with self._books:
                    self._free -= 1
                    if not self._free and len(self._threads) < self._most:
                        self._grow()  # otherwise no thread would wait for the next instant
                self._make(*taken)
        except BaseException as error:  # noqa: BLE001 - the thread that began the series raises it
            self.error = error

    def _now_s(self) -> float:
        return time.perf_counter() - self._began_s

    def _next(self) -> tuple[int, float] | None:
        """Wait for a due call; returns its index and when it counts as sent, None if there are no more."""
        slept = False
        with self._turn:
            while self.error is None:
                now_s = self._now_s()
                if (due_s := self._pacer.due(now_s, self._busy)) is not None:
                    sent_s = now_s if slept else due_s  # overdue: it waited for a thread, not for the generator
                    with self._books:
                        self._busy += 1
                    return self.ledger.open(due_s, sent_s), sent_s
                if self._pacer.exhausted(now_s):
                    return None
                time.sleep(self._pacer.wait_s(now_s, self._busy))
                slept = True
        return None

    def _make(self, index: int, sent_s: float) -> None:
        expiry_s = sent_s + self._deadline_s
        status, timing = DEADLINE_EXCEEDED, ""
        if self._now_s() < expiry_s:  # otherwise it was given up while waiting
            status, timing = self._run(self._first + index)
        done_s = self._now_s()
        if status == OK and done_s > expiry_s:
            status = DEADLINE_EXCEEDED
        self._pacer.answered(done_s)
        with self._books:
            self._busy -= 1
            self._free += 1
        self.ledger.settle(index, min(done_s, expiry_s), status)
        if timing and status == OK:
            self.ledger.timings[index] = timing
