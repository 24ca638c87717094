"""A driver without network or clock: one FIFO server in virtual time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf

from perfgate.loadgen.closing import Closing
from perfgate.loadgen.interface import ClosedLoop, OpenLoop, Reply
from perfgate.loadgen.request_log import Ledger, failures_at_deadline
from perfgate.protocols.grpc import DEADLINE_EXCEEDED, OK
from perfgate.trials import Call, Requests


@dataclass(frozen=True, slots=True)
class Stall:
    """A period in which the server does nothing, in virtual seconds since the driver was made."""

    start_s: float
    duration_s: float

    @property
    def end_s(self) -> float:
        """When it ends."""
        return self.start_s + self.duration_s


@dataclass(slots=True)
class FakeDriver(Closing):
    """Answers with the request's own bytes; virtual time continues from series to series."""

    service_ms: Sequence[float] = (1.0,)
    """Service times of requests, used cyclically."""
    stalls: tuple[Stall, ...] = ()
    """In order, not overlapping."""
    failures: Mapping[int, int] = field(default_factory=dict)
    """gRPC status of failing requests, by their number since the driver was made."""
    deadline_s: float = 5.0
    now_s: float = 0.0
    """Virtual time."""
    sent: int = 0
    """Requests since the driver was made."""
    closed: bool = False
    pauses: int = 0
    _free_s: float = 0.0

    @property
    def cpu_ms(self) -> float:
        """A tenth of a core, in virtual time."""
        return self.now_s * 100.0

    def drive(self, calls: Sequence[Call], load: ClosedLoop | OpenLoop, first_call: int = 0) -> Requests:
        """Send a series; see `Driver`."""
        if not calls:
            msg = "no calls to send"
            raise ValueError(msg)
        del first_call  # all requests cost the same here, regardless of content
        ledger = Ledger()
        end_s = self._closed(load, ledger) if isinstance(load, ClosedLoop) else self._open(load, ledger)
        self.now_s += end_s
        return failures_at_deadline(ledger.requests(), self.deadline_s)

    def call(self, call: Call) -> Reply:
        """Send one request; the response is the request."""
        ledger = Ledger()
        self.now_s += self._send(ledger, 0.0)
        status = ledger.failed.get(0, OK)
        return Reply(status, "", call.body if status == OK else b"")

    def close(self) -> None:
        """Record that it was closed."""
        self.closed = True

    def _open(self, load: OpenLoop, ledger: Ledger) -> float:
        return max((self._send(ledger, due_s) for due_s in load.instants_s.tolist()), default=0.0)

    def _closed(self, load: ClosedLoop, ledger: Ledger) -> float:
        left = inf if load.requests is None else load.requests
        until_s = inf if load.duration_s is None else load.duration_s
        # A heap of the instants at which users are ready again; the first ones are spread as in ClosedPacer.
        back_s = [load.think_time_s * user / load.in_flight for user in range(load.in_flight)]
        last_s = 0.0
        while back_s and left > 0 and back_s[0] < until_s:
            done_s = self._send(ledger, heappop(back_s))
            heappush(back_s, done_s + load.think_time_s)
            last_s, left = max(last_s, done_s), left - 1
        return last_s

    def _send(self, ledger: Ledger, at_s: float) -> float:
        """Record one request sent at `at_s` of the series, and return when its response arrives, on the same axis."""
        index = ledger.open(at_s, at_s)
        arrived_s = self.now_s + at_s
        begun_s = max(arrived_s, self._free_s)
        expiry_s = arrived_s + self.deadline_s
        status, done_s = self.failures.get(self.sent, OK), expiry_s
        if begun_s < expiry_s:  # otherwise it was given up while waiting, and costs the server nothing
            self._free_s = done_s = self._finish(begun_s, self.service_ms[self.sent % len(self.service_ms)] / 1e3)
        self.sent += 1
        if done_s >= expiry_s:
            status, done_s = DEADLINE_EXCEEDED, expiry_s
        ledger.settle(index, done_s - self.now_s, status)
        return done_s - self.now_s

    def _finish(self, begun_s: float, work_s: float) -> float:
        """Return when work begun at that instant is done, skipping stalls."""
        for stall in self.stalls:
            if begun_s < stall.end_s:
                if begun_s + work_s <= stall.start_s:
                    break
                work_s -= max(0.0, stall.start_s - begun_s)
                begun_s = stall.end_s
        return begun_s + work_s
