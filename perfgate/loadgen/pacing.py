"""When the next request is due, for both kinds of load; pure bookkeeping over instants, no clock."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Protocol

from perfgate.loadgen.interface import ClosedLoop, OpenLoop

PAUSE_AFTER_BREAK_S = 0.02
"""A closed loop against a dead server would otherwise reconnect as fast as the machine can."""


class Pacer(Protocol):
    """Tells the event loop what to send and how long it may sleep; seconds since the series began."""

    def due(self, now_s: float, in_flight: int) -> float | None:
        """Return the scheduled instant of a request to send now, and count it as sent; None when there is none."""
        ...

    def wait_s(self, now_s: float, in_flight: int) -> float:
        """Return how long no request will be due; infinite when that takes an answer first, or never happens."""
        ...

    def exhausted(self, now_s: float) -> bool:
        """Return whether all requests are sent."""
        ...

    def broken(self, now_s: float) -> None:
        """Take note that the connection failed."""
        ...

    def answered(self, at_s: float) -> None:
        """Take note when an answer came, before it leaves `in_flight`; for callers who sleep in spite of answers.

        From any thread. Others need not: an answer then counts from the next look at `in_flight`.
        """
        ...


class ClosedPacer:
    """The next request is due when another one has come back and the think time is over.

    How many came back is what was sent less what is in flight. The first ones are spread evenly over the think time:
    users who think do not begin all at once.
    """

    def __init__(self, load: ClosedLoop) -> None:
        self._think_s = load.think_time_s
        self._left = inf if load.requests is None else load.requests
        self._end_s = inf if load.duration_s is None else load.duration_s
        self._not_before_s = 0.0
        self._in_flight = 0
        self._ready_s = deque(self._think_s * user / load.in_flight for user in range(load.in_flight))
        """When each user who waits for no answer sends again, ascending."""
        self._answered_s: deque[float] = deque()

    def due(self, now_s: float, in_flight: int) -> float | None:
        """Return the present instant while somebody is ready."""
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
        """Let those think whose answers have come since the last look."""
        while self._in_flight > in_flight:
            self._in_flight -= 1
            self._ready_s.append((self._answered_s.popleft() if self._answered_s else now_s) + self._think_s)

    def wait_s(self, now_s: float, in_flight: int) -> float:
        """Return what is left of the shortest think time, or of the pause after a break."""
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

    def answered(self, at_s: float) -> None:
        """Begin somebody's think time."""
        self._answered_s.append(at_s)


class OpenPacer:
    """Requests are due at instants fixed beforehand."""

    def __init__(self, load: OpenLoop) -> None:
        self._instants_s: list[float] = load.instants_s.tolist()
        self._next = 0

    def due(self, now_s: float, in_flight: int) -> float | None:  # noqa: ARG002 - an open loop looks at no answers
        """Return the next instant when it has come."""
        if self._next >= len(self._instants_s) or self._instants_s[self._next] > now_s:
            return None
        self._next += 1
        return self._instants_s[self._next - 1]

    def wait_s(self, now_s: float, in_flight: int) -> float:  # noqa: ARG002 - as above
        """Return the time to the next instant."""
        return inf if self._next >= len(self._instants_s) else max(0.0, self._instants_s[self._next] - now_s)

    def exhausted(self, now_s: float) -> bool:  # noqa: ARG002 - a schedule ends with its last request
        """Return whether the schedule is through."""
        return self._next >= len(self._instants_s)

    def broken(self, now_s: float) -> None:
        """Keep to the schedule: users do not wait for each other."""

    def answered(self, at_s: float) -> None:
        """Keep to the schedule: users do not wait for answers."""


def pacer_for(load: ClosedLoop | OpenLoop) -> Pacer:
    """Choose the pacer of a load."""
    return ClosedPacer(load) if isinstance(load, ClosedLoop) else OpenPacer(load)
