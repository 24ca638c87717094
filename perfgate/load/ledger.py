"""The books of one series: when each request was due, sent and answered."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from perfgate.load.frames import OK, UNAVAILABLE
from perfgate.trials import Requests


@dataclass(slots=True)
class Ledger:
    """One entry a request, in order of sending; seconds since the series began."""

    scheduled_s: list[float] = field(default_factory=list)
    sent_s: list[float] = field(default_factory=list)
    done_s: list[float] = field(default_factory=list)
    status: list[int] = field(default_factory=list)

    def open(self, scheduled_s: float, sent_s: float) -> int:
        """Enter a request that is being sent and return its index; it counts as failed until it is settled."""
        self.scheduled_s.append(scheduled_s)
        self.sent_s.append(sent_s)
        self.done_s.append(sent_s)
        self.status.append(UNAVAILABLE)
        return len(self.status) - 1

    def settle(self, index: int, done_s: float, status: int) -> None:
        """Enter what became of a request."""
        self.done_s[index] = done_s
        self.status[index] = status

    def requests(self) -> Requests:
        """Return the records as arrays, times as they were, failures too."""
        scheduled, sent, done = (np.array(column, float) for column in (self.scheduled_s, self.sent_s, self.done_s))
        return Requests(
            scheduled_s=scheduled,
            response_ms=(done - scheduled) * 1e3,
            service_ms=(done - sent) * 1e3,
            send_lag_ms=(sent - scheduled) * 1e3,
            status=np.array(self.status, np.int8),
        )


def failures_at_deadline(requests: Requests, deadline_s: float) -> Requests:
    """Count each failed request as its deadline at least, so that a fast refusal never looks like a fast answer."""
    least_ms = np.where(requests.status == OK, 0.0, deadline_s * 1e3)
    return replace(
        requests,
        response_ms=np.maximum(requests.response_ms, least_ms),
        service_ms=np.maximum(requests.service_ms, least_ms),
    )
