"""The log of one series: when each request was due, sent and answered."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from perfgate.loadgen.timing import stages_of
from perfgate.protocols.grpc import OK, UNAVAILABLE
from perfgate.trials import Requests

UNANSWERED_S = -1.0
"""Placeholder for an instant in the future."""


@dataclass(slots=True)
class Ledger:
    """One entry a request, in order of sending; seconds since the series began."""

    scheduled_s: list[float] = field(default_factory=list)
    sent_s: list[float] = field(default_factory=list)
    done_s: list[float] = field(default_factory=list)
    """Below 0: not yet."""
    failed: dict[int, int] = field(default_factory=dict)
    """Status of failed requests, by index."""
    timings: dict[int, str] = field(default_factory=dict)
    """The server's stage times, by index."""

    def open(self, scheduled_s: float, sent_s: float) -> int:
        """Record a request that is being sent and return its index; it counts as failed until it is settled."""
        self.scheduled_s.append(scheduled_s)
        self.sent_s.append(sent_s)
        self.done_s.append(UNANSWERED_S)
        return len(self.done_s) - 1

    def settle(self, index: int, done_s: float, status: int = OK) -> None:
        """Record the outcome of a request."""
        self.done_s[index] = done_s
        if status != OK:
            self.failed[index] = status

    def requests(self) -> Requests:
        """Return the records as arrays, with unchanged times, including failures."""
        scheduled, sent, done = (np.array(column, float) for column in (self.scheduled_s, self.sent_s, self.done_s))
        unanswered = done < 0
        done = np.where(unanswered, sent, done)
        status = np.where(unanswered, UNAVAILABLE, OK).astype(np.int8)
        status[list(self.failed)] = list(self.failed.values())
        return Requests(
            scheduled_s=scheduled,
            response_ms=(done - scheduled) * 1e3,
            service_ms=(done - sent) * 1e3,
            send_lag_ms=(sent - scheduled) * 1e3,
            status=status,
            stages=stages_of(self.timings, scheduled.size),
        )


def failures_at_deadline(requests: Requests, deadline_s: float) -> Requests:
    """Count each failed request with its deadline at least, so that a fast refusal never looks like a fast response."""
    least_ms = np.where(requests.status == OK, 0.0, deadline_s * 1e3)
    return replace(
        requests,
        response_ms=np.maximum(requests.response_ms, least_ms),
        service_ms=np.maximum(requests.service_ms, least_ms),
    )
