"""One process of a load generator that needs several: `-m perfgate.loadgen.worker CALLS_FD RECORDS_FD PARENT_PID`.

Orders and replies are lines of JSON on standard input and output; calls, schedules and records pass through two files
in memory, as bytes.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from perfgate.loadgen import records
from perfgate.loadgen.endpoint import ServerAddress, engine_for
from perfgate.loadgen.engine import Engine
from perfgate.loadgen.interface import ClosedLoop, OpenLoop
from perfgate.protocols.tls import Tls
from perfgate.trials import Call, Method

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(slots=True)
class _Seat:
    """State of one driver in this process."""

    engine: Engine
    calls: tuple[Call, ...] = ()
    load: ClosedLoop | OpenLoop | None = None


class Worker:
    """Executes the parent's orders."""

    def __init__(self, calls_file: int, records_file: int) -> None:
        self._calls_file, self._records_file = calls_file, records_file
        self._seats: dict[int, _Seat] = {}

    def obey(self, order: dict[str, Any]) -> dict[str, Any] | None:
        """Execute one order and return the reply, if it has one."""
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
            self._prepare(seat, order)
            return {"ready": True}
        return self._go(seat, order["at_s"])

    def _prepare(self, seat: _Seat, order: dict[str, Any]) -> None:
        """Receive calls and schedule, and connect."""
        data, at = os.pread(self._calls_file, os.fstat(self._calls_file).st_size, 0), 0
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
        seat.engine.connect()

    def _go(self, seat: _Seat, at_s: float) -> dict[str, Any]:
        """Drive from that instant of the machine's monotonic clock, and write the records."""
        if seat.load is None:
            raise RuntimeError("go before prepare")
        pauses = seat.engine.pauses
        requests = seat.engine.record(seat.calls, seat.load, begin_s=at_s)
        header = records.write(self._records_file, requests)
        return {**header, "pauses": seat.engine.pauses - pauses, "cpu_ms": time.process_time() * 1e3}


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel to kill this process when its parent dies, so that no load continues unattended."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it died before we asked
        os._exit(1)


def main() -> None:
    """Execute orders until standard input ends."""
    die_with_parent(int(sys.argv[3]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles ^C; it closes our input
    worker = Worker(int(sys.argv[1]), int(sys.argv[2]))
    for line in sys.stdin:
        if (answer := worker.obey(json.loads(line))) is not None:
            print(json.dumps(answer), flush=True)  # noqa: T201 - standard output is the channel


if __name__ == "__main__":
    main()
