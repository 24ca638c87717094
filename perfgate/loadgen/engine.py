"""The load engine: one thread that sends due requests, records responses, and sleeps in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from perfgate.loadgen.closing import Closing
from perfgate.loadgen.connection import ClientConnection, Request, RequestOutcome
from perfgate.loadgen.interface import ClosedLoop, OpenLoop, Reply
from perfgate.loadgen.low_jitter import undisturbed
from perfgate.loadgen.pacing import Pacer, pacer_for
from perfgate.loadgen.poller import Waiter
from perfgate.loadgen.request_classes import kinds
from perfgate.loadgen.request_log import failures_at_deadline
from perfgate.loadgen.series import LATE, RequestSeries
from perfgate.loadgen.transports import GrpcTransport, RestTransport, Transport
from perfgate.protocols.grpc import INTERNAL, OK
from perfgate.protocols.tls import Tls
from perfgate.trials import Call, Requests

_LONGEST_OPENING_S = 1.0
_GOOD = RequestOutcome()


class Engine(Closing):
    """A `Driver`: persistent connections to one server; each request ends by its deadline, counted from sending.

    A request without a response has status 4 (deadline) or 14 (no connection, or a broken one); an error that the
    server returns keeps its own status.
    """

    def __init__(self, transport: Transport, deadline_s: float, clock: Callable[[], float] = time.perf_counter) -> None:
        self._transport, self._deadline_s, self._clock = transport, deadline_s, clock
        self._waiter = Waiter()
        self._connected = False
        self._closed = False
        self._pauses = 0
        self._pacer: Pacer | None = None
        self._ended = False
        self._series: RequestSeries | None = None
        self._prepared: tuple[Sequence[Call], Sequence[Request]] = ((), ())

    @property
    def pauses(self) -> int:
        """Number of pauses of a closed loop, 20 ms each, because a connection broke."""
        return self._pauses

    @property
    def sent(self) -> int:
        """Requests sent so far in the series in progress; may be read by another thread or a signal handler."""
        series = self._series
        return 0 if series is None else len(series.ledger.sent_s)

    @property
    def cpu_ms(self) -> float:
        """CPU time of this process so far, in which the engine runs."""
        return time.process_time() * 1e3

    def connect(self) -> bool:
        """Open the connections with a probe on each; return whether the server answered, with any status.

        Takes at most a second. `drive` does this too, before its first instant; call this to do it earlier.
        """
        if not self._connected:
            found, _ = self._exchange(self._transport.probes(), min(self._deadline_s, _LONGEST_OPENING_S))
            self._connected = not any(outcome.lost or outcome is LATE for outcome in found)
        return self._connected

    def drive(self, calls: Sequence[Call], load: ClosedLoop | OpenLoop, first_call: int = 0) -> Requests:
        """Send a series and record every request; failed ones count with the deadline at least."""
        return failures_at_deadline(self.record(calls, load, first_call), self._deadline_s)

    def record(
        self, calls: Sequence[Call], load: ClosedLoop | OpenLoop, first_call: int = 0, begin_s: float | None = None
    ) -> Requests:
        """Send a series like `drive`, without changing the times of failed requests.

        Begins at `begin_s` of the clock, or immediately.
        """
        if not calls:
            raise ValueError("no calls to send")
        requests = self._requests(calls)
        self._look()
        self.connect()
        series = RequestSeries(self._transport, self._waiter, requests, self._deadline_s, first_call)
        try:
            with undisturbed(punctual=_sleeps(load)):
                if begin_s is None:
                    begin_s = self._clock()
                elif (early_s := begin_s - self._clock()) > 0:
                    time.sleep(early_s)
                self._pacer = pacer_for(load)
                if self._ended:
                    self._pacer.end()
                self._series = series
                series.run(self._pacer, self._clock, begin_s)
        except BaseException:  # interrupted: requests in flight would be mistaken for the next series'
            self._transport.close()
            self._connected = False
            raise
        finally:
            self._series = None
        self._connected = self._connected and not series.breaks
        if isinstance(load, ClosedLoop):
            self._pauses += series.breaks
        return replace(series.ledger.requests(), kind=kinds(calls, first_call, len(series.ledger.done_s)))

    def end_sending(self) -> None:
        """Send nothing more: a series in progress ends when its requests in flight have ended.

        May be called by another thread or a signal handler.
        """
        self._ended = True
        if self._pacer is not None:
            self._pacer.end()

    def call(self, call: Call) -> Reply:
        """Send one request and return its response."""
        (request,) = self._transport.prepare((call,))
        (outcome,), pieces = self._exchange([(self._transport.take(), request)], self._deadline_s)
        if outcome.status != OK:
            return Reply(outcome.status, outcome.message, b"")
        if (body := self._transport.body(pieces)) is None:
            return Reply(INTERNAL, "the answer is not one uncompressed gRPC message", b"")
        return Reply(OK, outcome.message, body)

    def close(self) -> None:
        """Close the connections; idempotent."""
        if not self._closed:
            self._closed = True
            self._transport.close()
            self._waiter.close()

    def _requests(self, calls: Sequence[Call]) -> Sequence[Request]:
        """Make the requests, unless they are the last series': reading 100,000 calls takes a tenth of a second."""
        if calls is not self._prepared[0] or not isinstance(calls, tuple):
            self._prepared = (calls, self._transport.prepare(calls))
        return self._prepared[1]

    def _look(self) -> None:
        """Process events since the last series: the server may have closed connections."""
        self._waiter.look_at_all()
        for connection in self._waiter.wait(self._transport.connections, 0.0):
            connection.ready()
        self._transport.tidy()

    def _exchange(
        self, requests: Sequence[tuple[ClientConnection, Request]], limit_s: float
    ) -> tuple[list[RequestOutcome], list[bytes]]:
        """Send each request on its connection; return the outcomes, and the pieces of the responses' bodies."""
        transport, outcomes, end_s = self._transport, self._transport.outcomes, self._clock() + limit_s
        found: dict[int, RequestOutcome] = {}
        pieces: list[bytes] = []
        sent = list(requests)
        for number, (connection, request) in enumerate(requests):
            connection.kept = pieces
            connection.send(number, request)
            connection.flush()
        try:
            while True:
                for number in outcomes.again:  # on a connection that the server had closed in the meantime
                    sent.append((transport.take(), requests[number][1]))
                    sent[-1][0].kept = pieces
                    sent[-1][0].send(number, requests[number][1])
                    sent[-1][0].flush()
                found |= dict.fromkeys(outcomes.good, _GOOD) | dict(outcomes.others)
                outcomes.clear()
                if len(found) == len(requests):
                    break
                if (left_s := end_s - self._clock()) <= 0:
                    for connection, _ in sent:
                        connection.give_up_through(len(requests), LATE)
                    continue
                self._waiter.look_at_all()
                for connection in self._waiter.wait(transport.connections, left_s):
                    connection.ready()
        finally:
            for connection, _ in sent:
                connection.kept = None
            transport.tidy()
        return [found[number] for number in range(len(requests))], pieces


class GrpcDriver(Engine):
    """gRPC, over a fixed number of connections."""

    def __init__(  # noqa: PLR0913 - one for each setting
        self,
        address: str,
        deadline_s: float = 5.0,
        *,
        method: str = "",
        connections: int = 1,
        tls: Tls | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Send all calls to `method`, `/package.Service/Method`, if given, instead of their own."""
        super().__init__(
            GrpcTransport(address, deadline_s, connections=connections, tls=tls, metadata=metadata, path=method),
            deadline_s,
        )


class RestDriver(Engine):
    """TF-Serving's REST: JSON over HTTP/1.1."""

    def __init__(  # noqa: PLR0913 - one for each setting
        self,
        address: str,
        model: str = "default",
        *,
        deadline_s: float = 5.0,
        connections: int = 1,
        tls: Tls | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Open `connections` in advance, and as many more as the requests in flight need."""
        super().__init__(RestTransport(address, f"/v1/models/{model}", connections, tls, metadata or {}), deadline_s)


def _sleeps(load: ClosedLoop | OpenLoop) -> bool:
    """Return whether the engine is idle most of the time: with one request in flight, while the server works."""
    return isinstance(load, OpenLoop) or load.in_flight == 1
