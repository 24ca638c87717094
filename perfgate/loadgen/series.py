"""One series in progress: send due requests, sleep until the next event, record responses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

from perfgate.loadgen.connection import Request, RequestOutcome
from perfgate.loadgen.pacing import Pacer
from perfgate.loadgen.poller import Waiter
from perfgate.loadgen.request_log import UNANSWERED_S, Ledger
from perfgate.loadgen.transports import Transport
from perfgate.protocols.grpc import DEADLINE_EXCEEDED, UNAVAILABLE

LATE = RequestOutcome(DEADLINE_EXCEEDED, "no answer within the deadline")
_TWICE = RequestOutcome(UNAVAILABLE, "the server closed two connections without looking at the request", lost=True)
_MOST_TOGETHER = 16
"""Largest batch of due requests handed to the kernel at once. Batches are quarters of what is in flight, so that the
server can work while the rest is written (docs/explanation/benchmarks.md).
"""


class RequestSeries:
    """One series in progress."""

    def __init__(
        self, transport: Transport, waiter: Waiter, requests: Sequence[Request], deadline_s: float, first_call: int
    ) -> None:
        self._transport, self._waiter, self._requests = transport, waiter, requests
        self._deadline_s, self._first_call = deadline_s, first_call
        self.ledger = Ledger()
        self.breaks = 0
        """Number of failed or broken connections reported to the pacer."""
        self._twice: set[int] = set()
        """Requests that were sent again."""
        self._oldest = 0
        """No request before this one is in flight."""

    def run(self, pacer: Pacer, clock: Callable[[], float], began_s: float) -> None:  # noqa: C901, PLR0912 - the hot loop
        """Send due requests, sleep until the next event, record responses."""
        first_call, requests, calls, ledger = self._first_call, self._requests, len(self._requests), self.ledger
        transport, outcomes, wait = self._transport, self._transport.outcomes, self._waiter.wait
        touch = self._waiter.touched.append
        scheduled_s, sent_s, done_s = ledger.scheduled_s, ledger.sent_s, ledger.done_s
        good, deadline_s, expiry_s, in_flight = outcomes.good, self._deadline_s, inf, 0
        while True:
            now_s, together, last = clock() - began_s, 0, None
            while (due_s := pacer.due(now_s, in_flight)) is not None:
                connection, number = transport.take(), len(sent_s)
                if last is not connection or (
                    together > 1 and (4 * together >= in_flight or together == _MOST_TOGETHER)
                ):
                    if last is not None:
                        last.flush()
                        touch(last)
                    last, together = connection, 0
                connection.send(number, requests[(first_call + number) % calls])
                scheduled_s.append(due_s)
                sent_s.append(now_s)
                done_s.append(UNANSWERED_S)
                in_flight += 1
                together += 1
                if expiry_s == inf:
                    expiry_s = now_s + deadline_s
                now_s = clock() - began_s
            if last is not None:
                last.flush()
                touch(last)
            if not (outcomes.others or outcomes.again):
                if not in_flight and pacer.exhausted(now_s):
                    return
                for connection in wait(transport.connections, min(pacer.wait_s(now_s, in_flight), expiry_s - now_s)):
                    now_s = clock() - began_s
                    connection.ready()
                    touch(connection)
                    for number in good:
                        done_s[number] = now_s
                    in_flight -= len(good)
                    good.clear()
                    if connection.wire is None:
                        transport.tidy()
            if outcomes.others or outcomes.again:
                in_flight -= self._settle(clock() - began_s, pacer)
            if (now_s := clock() - began_s) >= expiry_s:
                expiry_s = self._expire(now_s)

    def _settle(self, now_s: float, pacer: Pacer) -> int:
        """Record failures and responses with further information; return how many."""
        outcomes, transport, ledger = self._transport.outcomes, self._transport, self.ledger
        for number in outcomes.again:
            if number in self._twice:
                outcomes.others.append((number, _TWICE))
                continue
            self._twice.add(number)
            connection = transport.take()
            connection.send(number, self._requests[(self._first_call + number) % len(self._requests)])
            connection.flush()
            self._waiter.touched.append(connection)
        outcomes.again.clear()
        found, outcomes.others = outcomes.others, []
        for number, outcome in found:
            ledger.settle(number, now_s, outcome.status)
            if outcome.timing:
                ledger.timings[number] = outcome.timing
        if any(outcome.lost for _, outcome in found):
            self.breaks += 1
            pacer.broken(now_s)
        transport.tidy()
        return len(found)

    def _expire(self, now_s: float) -> float:
        """Give up requests whose time has run out; return when the next one's will."""
        sent_s, done_s, deadline_s, late = self.ledger.sent_s, self.ledger.done_s, self._deadline_s, -1
        number, sent = self._oldest, len(sent_s)
        while number < sent and (done_s[number] >= 0 or sent_s[number] + deadline_s <= now_s):
            if done_s[number] < 0:
                late = number
            number += 1
        if late >= 0:
            for connection in self._transport.connections:
                connection.give_up_through(late, LATE)
                if connection.wire is not None and connection.wire.unsent:
                    self._waiter.touched.append(connection)
            self._transport.tidy()
        self._oldest = number
        return sent_s[number] + deadline_s if number < sent else inf
