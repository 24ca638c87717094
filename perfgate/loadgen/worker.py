"""One process of a load generator that needs several: `-m perfgate.loadgen.worker CALLS_FD RECORDS_FD PARENT_PID`.

Lines of JSON come in on standard input and go out on standard output; calls, schedules and records go through two files
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
    """What this process holds of one driver."""

    engine: Engine
    calls: tuple[Call, ...] = ()
    load: ClosedLoop | OpenLoop | None = None


class Worker:
    """Carries out what the parent says."""

    def __init__(self, calls_file: int, records_file: int) -> None:
        self._calls_file, self._records_file = calls_file, records_file
        self._seats: dict[int, _Seat] = {}

    def obey(self, order: dict[str, Any]) -> dict[str, Any] | None:
        """Carry out one order and return the answer, where it has one."""
        driver = order["driver"]
        if order["op"] == "open":
            told = order["endpoint"]
            endpoint = ServerAddress(**{**told, "tls": None if told["tls"] is None else Tls(**told["tls"])})
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
        """Take calls and schedule; connect."""
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
        """Drive from that instant of the machine's monotonic clock on, and write the records out."""
        if seat.load is None:
            raise RuntimeError("go before prepare")
        pauses = seat.engine.pauses
        requests = seat.engine.record(seat.calls, seat.load, begin_s=at_s)
        header = records.write(self._records_file, requests)
        return {**header, "pauses": seat.engine.pauses - pauses, "cpu_ms": time.process_time() * 1e3}


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel to kill this process when its parent dies, so that no load goes on without anybody."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it died before we asked
        os._exit(1)


def main() -> None:
    """Obey until standard input ends."""
    die_with_parent(int(sys.argv[3]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C is the parent's to handle; it closes our input
    worker = Worker(int(sys.argv[1]), int(sys.argv[2]))
    for line in sys.stdin:
        if (answer := worker.obey(json.loads(line))) is not None:
            print(json.dumps(answer), flush=True)  # noqa: T201 - that is the channel


if __name__ == "__main__":
    main()
