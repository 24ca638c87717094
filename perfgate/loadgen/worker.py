"""One worker of a load generator that needs several.

As a process of this machine, its orders and replies are lines of JSON on standard input and output, and bytes pass
through files in memory: `-m perfgate.loadgen.worker CALLS_FD RECORDS_FD SENT_FD PARENT_PID`. On another node an actor
has the same orders (`ray_workers.py`).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from perfgate.loadgen import records
from perfgate.loadgen.endpoint import ServerAddress, engine_for
from perfgate.loadgen.engine import Engine
from perfgate.loadgen.interface import ClosedLoop, OpenLoop
from perfgate.parent_death import die_with_parent
from perfgate.protocols.tls import Tls
from perfgate.trials import Call, Method, Requests


@dataclass(slots=True)
class _Seat:
    """State of one driver in this process."""

    engine: Engine
    calls: tuple[Call, ...] = ()
    load: ClosedLoop | OpenLoop | None = None


class Worker:
    """Executes the orders of a `WorkersDriver`."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._seats: dict[int, _Seat] = {}

    def obey(self, order: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes] | None:
        """Execute one order and return the reply, if it has one; bytes are calls and instants, or records."""
        driver = order["driver"]
        if order["op"] == "open":
            address = order["endpoint"]
            endpoint = ServerAddress(**{**address, "tls": None if address["tls"] is None else Tls(**address["tls"])})
            self._seats[driver] = _Seat(engine_for(endpoint))
            return None
        if order["op"] == "close":
            self._seats.pop(driver).engine.close()
            return None
        seat = self._seats[driver]
        if order["op"] == "prepare":
            return {"connected": self._prepare(seat, order, data)}, b""
        return self._go(seat, order["at_s"])

    def end_sending(self) -> None:
        """Send nothing more; may be called by another thread or a signal handler."""
        for seat in tuple(self._seats.values()):
            seat.engine.end_sending()

    @property
    def sent(self) -> int:
        """Requests sent so far in the series in progress; may be read by another thread or a signal handler."""
        return sum(seat.engine.sent for seat in tuple(self._seats.values()))

    def _prepare(self, seat: _Seat, order: dict[str, Any], data: bytes) -> bool:
        """Receive calls and schedule, and connect; return whether the server answered."""
        at = 0
        if order["calls"] is not None:
            calls = []
            for method, kind, size in order["calls"]:
                calls.append(Call(data[at : at + size], Method(method), kind))
                at += size
            seat.calls = tuple(calls)
        if (closed := order["closed"]) is None:
            seat.load = OpenLoop(np.frombuffer(data, np.float64, order["instants"], at))
        else:
            seat.load = ClosedLoop(**closed)
        return seat.engine.connect()

    def _go(self, seat: _Seat, at_s: float) -> tuple[dict[str, Any], bytes]:
        """Drive from that instant of this machine's monotonic clock, and return the records."""
        if seat.load is None:
            raise RuntimeError("go before prepare")
        late_s, pauses = self._clock() - at_s, seat.engine.pauses
        requests = seat.engine.record(seat.calls, seat.load, begin_s=at_s)
        header, data = records.packed(requests)
        facts = {
            "pauses": seat.engine.pauses - pauses,
            "cpu_ms": time.process_time() * 1e3,
            "late_ms": max(0.0, late_s * 1e3, _first_lag_ms(seat.load, requests)),
        }
        return {**header, **facts}, data


def _first_lag_ms(load: ClosedLoop | OpenLoop, requests: Requests) -> float:
    """Return how late the first request of a schedule was sent; 0 in a closed loop, which has none."""
    return float(requests.send_lag_ms[0]) if isinstance(load, OpenLoop) and requests.status.size else 0.0


def write_all(file: int, data: bytes) -> None:
    """Replace a file's content, in as many calls as needed (one writes 2 GB at most)."""
    os.ftruncate(file, 0)
    view, at = memoryview(data), 0
    while at < len(view):
        at += os.pwrite(file, view[at:], at)


def read_all(file: int) -> bytes:
    """Return a file's content."""
    pieces, at = [], 0
    while piece := os.pread(file, 1 << 30, at):
        pieces.append(piece)
        at += len(piece)
    return b"".join(pieces)


def main() -> None:
    """Execute orders until standard input ends."""
    worker = Worker()
    signal.signal(signal.SIGUSR1, lambda *_: worker.end_sending())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles ^C; it closes our input
    calls_file, records_file, sent_file, parent_pid = map(int, sys.argv[1:])
    signal.signal(signal.SIGUSR2, lambda *_: os.pwrite(sent_file, b"%020d" % worker.sent, 0))
    die_with_parent(parent_pid)  # no load continues unattended
    for line in sys.stdin:
        order = json.loads(line)
        data = read_all(calls_file) if order["op"] == "prepare" else b""
        if (answer := worker.obey(order, data)) is not None:
            header, found = answer
            if found:
                write_all(records_file, found)
            print(json.dumps({**header, "bytes": len(found)}), flush=True)  # noqa: T201 - standard output is the channel


if __name__ == "__main__":
    main()
