"""A load generator of several processes: one schedule divided among them, and their records merged."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import count
from types import TracebackType
from typing import Any, Self

import numpy as np

from perfgate.errors import InvalidRunError, how_it_ended
from perfgate.loadgen import records
from perfgate.loadgen.closing import Closing
from perfgate.loadgen.endpoint import ServerAddress, engine_for
from perfgate.loadgen.engine import Engine
from perfgate.loadgen.interface import ClosedLoop, OpenLoop, Reply
from perfgate.loadgen.request_log import failures_at_deadline
from perfgate.trials import Call, Requests

_LEAD_S = 0.003
"""Time from the order to begin until the beginning; an order takes some 0.1 ms."""
_START_TIMEOUT_S = 60.0


class _Process:
    """One worker process, and the two in-memory files that it shares with its parent."""

    def __init__(self) -> None:
        self.calls_file, self.records_file = os.memfd_create("calls"), os.memfd_create("records")
        shared = (self.calls_file, self.records_file)
        command = [sys.executable, "-P", "-m", "perfgate.loadgen.worker", *map(str, shared), str(os.getpid())]
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            command, pass_fds=shared, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self._text = b""
        self.cpu_ms = 0.0
        self.held: dict[int, Sequence[Call]] = {}
        """Calls that it holds, by driver."""

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def tell(self, order: dict[str, Any]) -> None:
        """Send the worker an order."""
        if self._process.stdin is None:
            raise self._gone()
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise self._gone() from error

    def answer(self, timeout_s: float) -> dict[str, Any]:
        """Wait for the reply to the last order; InvalidRunError if the process has died."""
        if self._process.stdout is None:
            raise self._gone()
        file, end_s = self._process.stdout.fileno(), time.monotonic() + timeout_s
        poll = select.poll()  # `select` supports no file numbers above 1023
        poll.register(file, select.POLLIN)
        while b"\n" not in self._text:
            if not poll.poll(max(0.0, end_s - time.monotonic()) * 1e3):
                raise InvalidRunError(
                    f"load worker {self.pid} does not answer", "check whether the machine is overloaded"
                )
            if not (data := os.read(file, 65536)):
                raise self._gone()
            self._text += data
        line, _, self._text = self._text.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found

    def stop(self) -> None:
        """End the process; idempotent."""
        self._process.kill()
        self._process.communicate()
        for file in (self.calls_file, self.records_file):
            if file >= 0:
                os.close(file)
        self.calls_file = self.records_file = -1

    def _gone(self) -> InvalidRunError:
        try:
            how = how_it_ended(self._process.wait(1.0))
        except subprocess.TimeoutExpired:
            how = "it closed its channel"
        return InvalidRunError(f"a worker of the load generator (process {self.pid}) died: {how}", "run again")


class Workers:
    """The processes, started when first needed and shared by all drivers of a run."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._numbers = count()
        self.processes: list[_Process] = []

    def __len__(self) -> int:
        return self._number

    def start(self) -> list[_Process]:
        """Start the processes, unless they are running."""
        while len(self.processes) < self._number:
            self.processes.append(_Process())
        return self.processes

    def driver(self, endpoint: ServerAddress) -> WorkersDriver:
        """Make a driver that uses them all."""
        return WorkersDriver(self, next(self._numbers), endpoint)

    def stop(self) -> None:
        """End the processes; idempotent."""
        for process in self.processes:
            process.stop()
        self.processes.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class WorkersDriver(Closing):
    """A `Driver` that sends from several processes, each with its own connections."""

    def __init__(self, workers: Workers, number: int, endpoint: ServerAddress) -> None:
        self._workers, self._number, self._endpoint = workers, number, endpoint
        self._own = engine_for(replace(endpoint, connections=1))
        self._opened: list[_Process] = []
        self._pauses = 0
        self._closed = False

    @property
    def cpu_ms(self) -> float:
        """CPU time of this process and the workers so far."""
        return self._own.cpu_ms + sum(process.cpu_ms for process in self._workers.processes)

    @property
    def pauses(self) -> int:
        """Number of pauses of closed loops because a connection broke, over all workers."""
        return self._pauses + self._own.pauses

    def connect(self) -> bool:
        """Return whether the server answers; the workers connect before each series."""
        return self._own.connect()

    def drive(self, calls: Sequence[Call], load: ClosedLoop | OpenLoop, first_call: int = 0) -> Requests:
        """Send a series and record every request; InvalidRunError if a worker dies."""
        return failures_at_deadline(self.record(calls, load, first_call), self._endpoint.deadline_s)

    def record(self, calls: Sequence[Call], load: ClosedLoop | OpenLoop, first_call: int = 0) -> Requests:
        """Send a series like `drive`, without changing the times of failed requests."""
        if isinstance(load, ClosedLoop) and load.in_flight == 1:
            return self._own.record(calls, load, first_call)
        if not calls:
            raise ValueError("no calls to send")
        try:
            return self._all(tuple(calls), load, first_call)
        except BaseException:
            self._workers.stop()  # some would keep sending; they are started again when needed
            raise

    def call(self, call: Call) -> Reply:
        """Send one request from this process and return its response."""
        return self._own.call(call)

    def close(self) -> None:
        """Close the connections; the workers remain, for other drivers."""
        if not self._closed:
            self._closed = True
            self._own.close()
            for process in self._opened:
                if process in self._workers.processes:
                    process.tell({"op": "close", "driver": self._number})

    def _all(self, calls: tuple[Call, ...], load: ClosedLoop | OpenLoop, first_call: int) -> Requests:
        """Divide the series, begin everywhere at the same instant, and merge the records."""
        processes = self._workers.start()
        shares = [
            (process, share) for process, share in zip(processes, divided(load, len(processes)), strict=True) if share
        ]
        if not shares:
            return self._own.record(calls, load, first_call)
        for number, (process, share) in enumerate(shares):
            self._prepare(process, turn_of(calls, first_call, number, len(shares)), share)
        for process, _ in shares:
            process.answer(_START_TIMEOUT_S)
        at_s = time.perf_counter() + _LEAD_S  # CLOCK_MONOTONIC, the same in all processes
        for process, _ in shares:
            process.tell({"op": "go", "driver": self._number, "at_s": at_s})
        patience_s = _longest_s(load, self._endpoint.deadline_s)
        parts = [self._part(process, process.answer(patience_s)) for process, _ in shares]
        return records.merge(parts)

    def _prepare(self, process: _Process, calls: tuple[Call, ...], share: ClosedLoop | OpenLoop) -> None:
        """Send a worker its load, including the calls unless they are the last ones."""
        if process not in self._opened:
            process.tell({"op": "open", "driver": self._number, "endpoint": asdict(self._endpoint)})
            self._opened.append(process)
        data, call_heads = b"", None
        if process.held.get(self._number) != calls:
            process.held[self._number] = calls
            data = b"".join(call.body for call in calls)
            call_heads = [(call.method, call.kind, len(call.body)) for call in calls]
        closed = asdict(share) if isinstance(share, ClosedLoop) else None
        instants = b"" if isinstance(share, ClosedLoop) else share.instants_s.astype(np.float64).tobytes()
        os.ftruncate(process.calls_file, 0)
        records.write_all(process.calls_file, data + instants)
        order = {"op": "prepare", "driver": self._number, "calls": call_heads, "closed": closed}
        process.tell({**order, "instants": len(instants) // 8})

    def _part(self, process: _Process, header: dict[str, Any]) -> Requests:
        process.cpu_ms = header["cpu_ms"]
        self._pauses += header["pauses"]
        return records.read(process.records_file, header)


def divided(load: ClosedLoop | OpenLoop, workers: int) -> list[ClosedLoop | OpenLoop | None]:
    """Divide a load among workers: arrivals in turn, requests in flight as evenly as possible; None: nothing to do."""
    if isinstance(load, OpenLoop):
        return [
            OpenLoop(instants) if (instants := load.instants_s[worker::workers]).size else None
            for worker in range(workers)
        ]
    used = min(workers, load.in_flight, load.requests or load.in_flight)
    shares: list[ClosedLoop | OpenLoop | None] = []
    for worker in range(workers):
        if worker >= used:
            shares.append(None)
            continue
        requests = None if load.requests is None else len(range(worker, load.requests, used))
        shares.append(replace(load, in_flight=len(range(worker, load.in_flight, used)), requests=requests))
    return shares


def turn_of(calls: tuple[Call, ...], first_call: int, worker: int, workers: int) -> tuple[Call, ...]:
    """Return the calls that a worker cycles through if requests are distributed in turn."""
    return tuple(calls[(first_call + worker + turn * workers) % len(calls)] for turn in range(len(calls)))


def _longest_s(load: ClosedLoop | OpenLoop, deadline_s: float) -> float:
    """Return the longest time that a series can take, so that a stopped worker is not waited for indefinitely."""
    if isinstance(load, OpenLoop):
        sending_s = float(load.instants_s[-1]) if load.instants_s.size else 0.0
    elif load.duration_s is not None:
        sending_s = load.duration_s
    else:
        sending_s = (load.requests or 1) * (deadline_s + load.think_time_s + 1)
    return sending_s + deadline_s + _START_TIMEOUT_S


def open_driver(endpoint: ServerAddress, workers: Workers | None = None) -> Engine | WorkersDriver:
    """Make the driver of one server: in this process, or with the workers if there are several."""
    return workers.driver(endpoint) if workers is not None and len(workers) > 1 else engine_for(endpoint)
