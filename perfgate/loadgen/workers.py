"""A load generator of several workers: one schedule divided among them, and their records merged.

The workers are processes of this machine, or actors on other nodes; the difference is in their transport.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from itertools import count
from types import TracebackType
from typing import Any, Self

import numpy as np

from perfgate.errors import InvalidRunError
from perfgate.loadgen import records
from perfgate.loadgen.accounting import account, requests_of
from perfgate.loadgen.closing import Closing
from perfgate.loadgen.division import Load, divided, longest_s, turn_of
from perfgate.loadgen.endpoint import ServerAddress, engine_for
from perfgate.loadgen.engine import Engine
from perfgate.loadgen.interface import ClosedLoop, OpenLoop, Reply
from perfgate.loadgen.load_worker import LoadWorker
from perfgate.loadgen.local_workers import LocalWorkers
from perfgate.loadgen.request_log import failures_at_deadline
from perfgate.loadgen.worker_interface import LostWorkerError, WorkerChannel, WorkerTransport
from perfgate.protocols.address import host_and_port, is_loopback
from perfgate.trials import Call, Requests

_START_TIMEOUT_S = 60.0
_END_TIMEOUT_S = 5.0
"""Time for the records of a series that was ended early, after the last request's deadline."""
ASK_EVERY_S = 0.5
"""How often workers are asked what they have sent, in loads that plan no number: a signal or a message each time."""

Share = tuple[WorkerChannel, Load]


class Workers:
    """The workers of a run, started when first needed and shared by all drivers."""

    def __init__(self, number: int, transport: WorkerTransport | None = None) -> None:
        self._number = number
        self._numbers = count()
        self.transport: WorkerTransport = LocalWorkers() if transport is None else transport
        self.channels: Sequence[WorkerChannel] = ()
        self.cpu_ms: dict[WorkerChannel, float] = {}
        """CPU time of each so far."""
        self._facts: dict[str, LoadWorker] = {}

    def __len__(self) -> int:
        return self._number

    @property
    def used(self) -> bool:
        """Whether they send the load, and not this process."""
        return self._number > 1 or self.transport.remote

    @property
    def facts(self) -> tuple[LoadWorker, ...]:
        """What is known of workers on other nodes."""
        return tuple(self._facts.values())

    def start(self) -> Sequence[WorkerChannel]:
        """Start the workers, unless they are running."""
        if not self.channels:
            self.channels = self.transport.start(self._number)
        return self.channels

    def driver(self, endpoint: ServerAddress) -> WorkersDriver:
        """Make a driver that uses them all."""
        return WorkersDriver(self, next(self._numbers), endpoint)

    def add(self, worker: LoadWorker) -> None:
        """Take what is known of a worker after one more series."""
        self._facts[worker.name] = worker

    def fact(self, name: str) -> LoadWorker:
        """Return what is known of a worker so far."""
        return self._facts.get(name, LoadWorker(name))

    def stop(self) -> None:
        """End the workers; idempotent."""
        self.transport.stop()
        self.channels = ()
        self.cpu_ms.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class WorkersDriver(Closing):
    """A `Driver` that sends from several workers, each with its own connections."""

    def __init__(self, workers: Workers, number: int, endpoint: ServerAddress) -> None:
        self._workers, self._number, self._endpoint = workers, number, endpoint
        self._own = engine_for(replace(endpoint, connections=1))
        self._held: dict[WorkerChannel, Sequence[Call]] = {}
        """Calls that each worker holds, since it was opened."""
        self._pauses = 0
        self._closed = False

    @property
    def cpu_ms(self) -> float:
        """CPU time of this process and the workers so far."""
        return self._own.cpu_ms + sum(self._workers.cpu_ms.values())

    @property
    def pauses(self) -> int:
        """Number of pauses of closed loops because a connection broke, over all workers."""
        return self._pauses + self._own.pauses

    def connect(self) -> bool:
        """Return whether the server answers; the workers connect before each series."""
        return self._own.connect()

    def drive(self, calls: Sequence[Call], load: Load, first_call: int = 0) -> Requests:
        """Send a series and record every request; InvalidRunError if a worker is lost."""
        return failures_at_deadline(self.record(calls, load, first_call), self._endpoint.deadline_s)

    def record(self, calls: Sequence[Call], load: Load, first_call: int = 0) -> Requests:
        """Send a series like `drive`, without changing the times of failed requests."""
        if not calls:
            raise ValueError("no calls to send")
        if self._is_alone(load):
            return self._own.record(calls, load, first_call)
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
            for channel in self._held:
                if channel in self._workers.channels:
                    channel.tell({"op": "close", "driver": self._number})

    def _is_alone(self, load: Load) -> bool:
        """Return whether this process sends the series: one request after the other, or a fixed few from far away."""
        if isinstance(load, OpenLoop) or load.in_flight > 1:
            return False
        return not self._workers.transport.remote or load.requests is not None

    def _all(self, calls: tuple[Call, ...], load: Load, first_call: int) -> Requests:
        """Divide the series, begin everywhere at the same instant, and merge the records."""
        workers, began_s = self._workers, time.perf_counter()
        channels = workers.start()
        loads = divided(load, len(channels))
        shares = [(channel, share) for channel, share in zip(channels, loads, strict=True) if share is not None]
        if not shares:
            return self._own.record(calls, load, first_call)
        with _no_requests_lost():
            self._prepare(shares, calls, first_call)
            before = {channel: channel.clock_offset() for channel, _ in shares}
        at_s = time.perf_counter() + workers.transport.lead_s
        for channel, _ in shares:
            with suppress(LostWorkerError):  # which is said when its records are waited for
                channel.tell({"op": "go", "driver": self._number, "at_s": before[channel].there(at_s)})
        parts, late_ms = self._parts(shares, _START_TIMEOUT_S + longest_s(load, self._endpoint.deadline_s))
        with _no_requests_lost():
            for channel, _ in shares if workers.transport.remote else ():
                fact = workers.fact(channel.name)
                workers.add(fact.after(before[channel], channel.clock_offset(), late_ms[channel]))
        requests = _complete(load, records.merge(parts))
        self.idle_s += time.perf_counter() - began_s - _driven_s(requests)
        return requests

    def _prepare(self, shares: Sequence[Share], calls: tuple[Call, ...], first_call: int) -> None:
        """Send the workers their loads, and wait until they are connected."""
        opened = [channel for channel, _ in shares if channel not in self._held]
        for number, (channel, share) in enumerate(shares):
            self._load(channel, turn_of(calls, first_call, number, len(shares)), share)
        for channel, _ in shares:
            answer, _ = channel.answer(_START_TIMEOUT_S)
            if channel in opened and channel.ip and not answer["connected"] and self._own.connect():
                raise InvalidRunError(
                    f"{channel.name} cannot reach the server at {self._address}, which answers here",
                    "use an address that the nodes of the cluster can reach, and check firewalls",
                )

    def _load(self, channel: WorkerChannel, calls: tuple[Call, ...], share: Load) -> None:
        """Send a worker its load, including the calls unless they are the last ones."""
        if channel not in self._held:
            self._ensure_not_local(channel)
            channel.tell({"op": "open", "driver": self._number, "endpoint": asdict(self._endpoint)})
        data, call_heads = b"", None
        if self._held.get(channel) != calls:
            self._held[channel] = calls
            data = b"".join(call.body for call in calls)
            call_heads = [(call.method, call.kind, len(call.body)) for call in calls]
        closed = asdict(share) if isinstance(share, ClosedLoop) else None
        instants = b"" if isinstance(share, ClosedLoop) else share.instants_s.astype(np.float64).tobytes()
        order = {"op": "prepare", "driver": self._number, "calls": call_heads, "closed": closed}
        channel.tell({**order, "instants": len(instants) // 8}, data + instants)

    def _ensure_not_local(self, channel: WorkerChannel) -> None:
        """Reject an address that is another machine's own there: some other server could answer at it."""
        host, _ = host_and_port(self._address)
        if channel.ip not in {"", self._workers.transport.host} and is_loopback(host):
            raise InvalidRunError(
                f"{self._address} is an address of this machine alone, but {channel.name} sends from another one",
                "use an address that the nodes of the cluster can reach",
            )

    @property
    def _address(self) -> str:
        endpoint = self._endpoint
        return endpoint.rest_address if endpoint.protocol == "rest" else endpoint.address

    def _parts(self, shares: Sequence[Share], patience_s: float) -> tuple[list[Requests], dict[WorkerChannel, float]]:
        """Return the records of each worker, and how late it began; InvalidRunError as soon as one is lost."""
        found: dict[WorkerChannel, Requests] = {}
        late_ms: dict[WorkerChannel, float] = {}
        end_s = time.monotonic() + patience_s
        step_s = ASK_EVERY_S if any(requests_of(load) is None for _, load in shares) else patience_s
        while waiting := [channel for channel, _ in shares if channel not in found]:
            left_s = end_s - time.monotonic()
            ready = self._workers.transport.answered(waiting, min(step_s, left_s))
            if not ready and step_s < left_s:
                for channel in waiting:
                    channel.ask_sent()
                continue
            for channel in ready or waiting[:1]:  # after the patience its `answer` says what is wrong
                try:
                    header, data = channel.answer(_END_TIMEOUT_S if ready else 0.0)
                except LostWorkerError as error:
                    raise self._lost(error, channel, shares, found) from error
                found[channel] = self._part(channel, header, data)
                late_ms[channel] = header["late_ms"]
        return [found[channel] for channel, _ in shares], late_ms

    def _part(self, channel: WorkerChannel, header: dict[str, Any], data: bytes) -> Requests:
        self._workers.cpu_ms[channel] = header["cpu_ms"]
        self._pauses += header["pauses"]
        return records.unpacked(header, data)

    def _lost(
        self,
        error: LostWorkerError,
        lost: WorkerChannel,
        shares: Sequence[Share],
        found: dict[WorkerChannel, Requests],
    ) -> InvalidRunError:
        """End the load of the other workers, and account for every request of the series."""
        others = [channel for channel, _ in shares if channel is not lost and channel not in found]
        for channel in others:
            channel.end_sending()
        end_s = time.monotonic() + self._endpoint.deadline_s + _END_TIMEOUT_S
        gone = []
        for channel in others:
            try:
                found[channel] = self._part(channel, *channel.answer(max(0.0, end_s - time.monotonic())))
            except LostWorkerError:
                gone.append(channel.name)
        sums = account([(share, found.get(channel, channel.sent)) for channel, share in shares])
        also = f" (lost too: {', '.join(gone)})" if gone else ""
        return InvalidRunError(f"{error.problem}{also}; {sums.sentence}", error.remedy)


@contextmanager
def _no_requests_lost() -> Iterator[None]:
    """Say of a worker that is lost between two series that none of its requests were."""
    try:
        yield
    except LostWorkerError as error:
        problem = f"{error.problem}; it was between two series, and no requests were lost with it"
        raise InvalidRunError(problem, error.remedy) from error


def _complete(load: Load, requests: Requests) -> Requests:
    """Return the merged records of a series; InvalidRunError unless they are those of the schedule, each once."""
    planned, found = requests_of(load), requests.status.size
    same = not isinstance(load, OpenLoop) or np.array_equal(load.instants_s, requests.scheduled_s)
    if planned not in {None, found} or not same:
        raise InvalidRunError(
            f"the load workers recorded {found:,} requests, which are not the {planned:,} of the schedule",
            "report this: it is an error in perfgate",
        )
    return requests


def _driven_s(requests: Requests) -> float:
    """Return the time from the common first instant to the last response."""
    return float(np.max(requests.scheduled_s + requests.response_ms / 1e3, initial=0.0))


def open_driver(endpoint: ServerAddress, workers: Workers | None = None) -> Engine | WorkersDriver:
    """Make the driver of one server: in this process, or with the workers if there are several, or elsewhere."""
    return workers.driver(endpoint) if workers is not None and workers.used else engine_for(endpoint)
