"""Pacing of both kinds of load: when the next request is due; pure bookkeeping of instants, without a clock."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Protocol

from perfgate.loadgen.interface import ClosedLoop, OpenLoop

PAUSE_AFTER_BREAK_S = 0.02
"""Without it a closed loop against a dead server would reconnect as fast as the machine can."""


class Pacer(Protocol):
    """Determines what the event loop sends and how long it may sleep; seconds since the series began."""

    def due(self, now_s: float, in_flight: int) -> float | None:
        """Return the scheduled instant of a request to send now, and count it as sent; None if none is due."""
        ...

    def wait_s(self, now_s: float, in_flight: int) -> float:
        """Return how long no request will be due; infinite if that depends on a response, or never happens."""
        ...

    def exhausted(self, now_s: float) -> bool:
        """Return whether all requests are sent."""
        ...

    def broken(self, now_s: float) -> None:
        """Record that the connection failed."""
        ...

    def end(self) -> None:
        """Let nothing more be due; may be called by another thread or a signal handler."""
        ...

    def answered(self, at_s: float) -> None:
        """Record a response before it leaves `in_flight`; for callers that sleep regardless of responses.

        Thread-safe. Without it, a response counts from the next look at `in_flight`.
        """
        ...


class ClosedPacer:
    """The next request is due when another one is answered and the think time is over.

    The number of answers is what was sent minus what is in flight. The first requests are spread evenly over the think
    time, since real users would not all begin at once.
    """

    def __init__(self, load: ClosedLoop) -> None:
        self._think_s = load.think_time_s
        self._left = inf if load.requests is None else load.requests
        self._end_s = inf if load.duration_s is None else load.duration_s
        self._not_before_s = 0.0
        self._in_flight = 0
        self._ready_s = deque(self._think_s * user / load.in_flight for user in range(load.in_flight))
        """Instants at which idle users send again, ascending."""
        self._answered_s: deque[float] = deque()

    def due(self, now_s: float, in_flight: int) -> float | None:
        """Return the present instant while a user is ready."""
        if self._in_flight != in_flight:
            self._take_back(now_s, in_flight)
        ready_s = self._ready_s
        if not ready_s or now_s < ready_s[0] or now_s < self._not_before_s or self.exhausted(now_s):
            return None
        ready_s.popleft()
        self._in_flight += 1
        self._left -= 1
        return now_s

    def _take_back(self, now_s: float, in_flight: int) -> None:
        """Begin the think time of users whose responses have arrived since the last look."""
        while self._in_flight > in_flight:
            self._in_flight -= 1
            self._ready_s.append((self._answered_s.popleft() if self._answered_s else now_s) + self._think_s)

    def wait_s(self, now_s: float, in_flight: int) -> float:
        """Return the rest of the shortest think time, or of the pause after a break."""
        if self._in_flight != in_flight:
            self._take_back(now_s, in_flight)
        if not self._ready_s or self.exhausted(now_s):
            return inf
        return max(0.0, min(max(self._ready_s[0], self._not_before_s), self._end_s) - now_s)

    def exhausted(self, now_s: float) -> bool:
        """Return whether one of the bounds is met."""
        return self._left <= 0 or now_s >= self._end_s

    def broken(self, now_s: float) -> None:
        """Begin a pause."""
        self._not_before_s = now_s + PAUSE_AFTER_BREAK_S

    def end(self) -> None:
        """Let the time be up."""
        self._end_s = -inf

    def answered(self, at_s: float) -> None:
        """Begin a user's think time."""
        self._answered_s.append(at_s)


class OpenPacer:
    """Requests are due at fixed instants."""

    def __init__(self, load: OpenLoop) -> None:
        self._instants_s: list[float] = load.instants_s.tolist()
        self._next = 0

    def due(self, now_s: float, in_flight: int) -> float | None:  # noqa: ARG002 - an open loop ignores responses
        """Return the next instant once it has come."""
        instants_s, number = self._instants_s, self._next  # another thread may end it in between
        if number >= len(instants_s) or instants_s[number] > now_s:
            return None
        self._next = number + 1
        return instants_s[number]

    def wait_s(self, now_s: float, in_flight: int) -> float:  # noqa: ARG002 - as above
        """Return the time to the next instant."""
        instants_s = self._instants_s
        return inf if self._next >= len(instants_s) else max(0.0, instants_s[self._next] - now_s)

    def exhausted(self, now_s: float) -> bool:  # noqa: ARG002 - a schedule ends with its last request
        """Return whether the schedule is finished."""
        return self._next >= len(self._instants_s)

    def broken(self, now_s: float) -> None:
        """Keep to the schedule: users do not wait for each other."""

    def end(self) -> None:
        """Forget the rest of the schedule."""
        self._instants_s = []

    def answered(self, at_s: float) -> None:
        """Keep to the schedule: users do not wait for responses."""


def pacer_for(load: ClosedLoop | OpenLoop) -> Pacer:
    """Choose the pacer of a load."""
    return ClosedPacer(load) if isinstance(load, ClosedLoop) else OpenPacer(load)
