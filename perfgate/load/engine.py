"""The load engine: unary gRPC calls over HTTP/2 through libcurl's multi interface, in one thread, no busy waiting."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from math import inf
from types import TracebackType
from typing import Any, Self

import pycurl

from perfgate.load.frames import OK, frame, framed, unframe
from perfgate.load.interface import Answer, ClosedLoop, OpenLoop
from perfgate.load.ledger import Ledger, failures_at_deadline
from perfgate.load.pacing import Pacer, pacer_for
from perfgate.load.sockets import Sockets
from perfgate.load.transfers import Transfers, drop_body, keep_body, open_multi, outcome
from perfgate.load.undisturbed import undisturbed
from perfgate.trials import Call, Requests

PREDICT = "/tensorflow.serving.PredictionService/Predict"
_HEALTH = "/grpc.health.v1.Health/Check"
_INTERNAL = 13
_LONGEST_OPENING_S = 1.0


class GrpcDriver:
    """Drives one method of one server over persistent connections, each request ended by its deadline.

    The deadline counts from the send. A request without an answer has status 4 (deadline) or 14 (no connection, or
    a connection that broke); an error that the server returns keeps its own status.
    """

    def __init__(
        self,
        address: str,
        method: str = PREDICT,
        deadline_s: float = 5.0,
        connections: int = 1,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._deadline_s, self._connections, self._clock = deadline_s, connections, clock
        self._multi = open_multi()
        self._sockets = Sockets(self._multi, clock)
        self._transfers = Transfers(address, method, deadline_s, connections)
        self._probes = Transfers(address, _HEALTH, min(deadline_s, _LONGEST_OPENING_S), connections)
        self._busy: set[Any] = set()
        self._connected = False
        self._closed = False

    @property
    def cpu_ms(self) -> float:
        """CPU time of this process so far: the engine runs in it."""
        return time.process_time() * 1e3

    def connect(self) -> bool:
        """Open the connections with a health check on each; return whether the server answered, whatever it said.

        Takes no longer than a second each. `drive` does it too, ahead of its first instant; here to do it earlier.
        """
        if not self._connected:
            probes = [self._probes.take() for _ in range(self._connections)]
            answered = [self._exchange(probe, frame(b"")) for probe in probes]
            for probe in probes:
                self._probes.put(probe)
            self._connected = all(answered)
        return self._connected

    def drive(self, calls: Sequence[Call], load: ClosedLoop | OpenLoop, first_call: int = 0) -> Requests:
        """Send a series and record every request; those that failed count as the deadline at least."""
        return failures_at_deadline(self.record(calls, load, first_call), self._deadline_s)

    def record(self, calls: Sequence[Call], load: ClosedLoop | OpenLoop, first_call: int = 0) -> Requests:
        """Send a series as `drive` does, and leave the times of failed requests as they were."""
        if not calls:
            msg = "no calls to send"
            raise ValueError(msg)
        frames = framed(tuple(calls))
        self.connect()
        pacer, ledger = pacer_for(load), Ledger()
        with undisturbed():
            try:
                self._loop(frames, first_call, pacer, ledger)
            finally:
                self._abandon()
        return ledger.requests()

    def call(self, call: Call) -> Answer:
        """Send one request and keep its answer."""
        easy = self._transfers.take()
        pieces = keep_body(easy)
        try:
            self._exchange(easy, frame(call.body))
            status, text = easy.outcome
        finally:
            drop_body(easy)
            self._transfers.put(easy)
        if status != OK:
            return Answer(status, text, b"")
        if (body := unframe(b"".join(pieces))) is None:
            return Answer(_INTERNAL, "the answer is not one uncompressed gRPC message", b"")
        return Answer(status, text, body)

    def close(self) -> None:
        """Close the connections; calling it twice does no harm."""
        if not self._closed:
            self._closed = True
            self._transfers.close()
            self._probes.close()
            self._multi.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _loop(self, frames: tuple[bytes, ...], first_call: int, pacer: Pacer, ledger: Ledger) -> None:
        """Send what is due, let libcurl work, book what has come back, sleep until the next event."""
        clock, multi, sockets, busy, take = self._clock, self._multi, self._sockets, self._busy, self._transfers.take
        began, call = clock(), first_call
        while True:
            now = clock() - began
            while (due := pacer.due(now, len(busy))) is not None:
                easy = take()
                easy.setopt(pycurl.POSTFIELDS, frames[call % len(frames)])
                easy.index = ledger.open(due, now)
                multi.add_handle(easy)
                busy.add(easy)
                call += 1
                now = clock() - began
            sockets.work()
            settled = self._settle(ledger, pacer, began)
            if not busy and pacer.exhausted(clock() - began):
                return
            if not settled:
                sockets.wait(pacer.wait_s(clock() - began, len(busy)))

    def _settle(self, ledger: Ledger, pacer: Pacer, began: float) -> int:
        """Book all transfers that have come to an end; return how many."""
        _, answered, broken = self._multi.info_read()
        now = self._clock() - began
        for easy in answered:
            ledger.settle(easy.index, now, outcome(easy)[0])
            self._retire(easy)
        for easy, error, text in broken:
            ledger.settle(easy.index, now, outcome(easy, error, text)[0])
            self._retire(easy)
            if error != pycurl.E_OPERATION_TIMEDOUT:
                self._connected = False
                pacer.broken(now)
        return len(answered) + len(broken)

    def _exchange(self, easy: Any, body: bytes) -> bool:  # noqa: ANN401 - pycurl publishes no types for its handles
        """Carry out one transfer, leave its status and message in `easy.outcome`; return whether an answer came."""
        easy.setopt(pycurl.POSTFIELDS, body)
        self._multi.add_handle(easy)
        try:
            while True:
                self._sockets.work()
                _, answered, broken = self._multi.info_read()
                if answered or broken:
                    break
                self._sockets.wait(inf)
            _, error, text = broken[0] if broken else (easy, None, "")
            easy.outcome = outcome(easy, error, text)
        finally:
            self._multi.remove_handle(easy)
        return not broken

    def _retire(self, easy: Any) -> None:  # noqa: ANN401 - as above
        self._multi.remove_handle(easy)
        self._busy.remove(easy)
        self._transfers.put(easy)

    def _abandon(self) -> None:
        """Take back what is still in flight: nothing, unless the series was interrupted."""
        for easy in tuple(self._busy):
            self._retire(easy)
