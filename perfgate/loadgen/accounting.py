"""Where the requests of a series went that lost one of its workers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from perfgate.loadgen.interface import ClosedLoop, OpenLoop
from perfgate.trials import Requests


@dataclass(frozen=True, slots=True)
class Account:
    """Every request of a series once: planned = answered + failed + lost + not sent."""

    planned: int | None
    """None for a closed loop that is bounded by time alone: it plans no number."""
    answered: int
    failed: int
    lost: int
    """Those of workers that did not send their records, whether they were sent or not; where no number is planned, as
    many as they had sent when they last said so.
    """
    unsent: int
    """Those of other workers that were not due yet when the load ended."""

    @property
    def sentence(self) -> str:
        """The account in words."""
        known = f"{self.answered:,} were answered, {self.failed:,} failed"
        if self.planned is None:
            lost = f"at least {self.lost:,} requests were" if self.lost else "an unknown number of requests was"
            return f"{lost} lost with it; of those of the other workers, {known}"
        return (
            f"{self.lost:,} requests were lost with it; of the {self.planned:,} of the series, {known}, and "
            f"{self.unsent:,} were not sent"
        )


def account(shares: Iterable[tuple[ClosedLoop | OpenLoop, Requests | int]]) -> Account:
    """Count the requests of all workers; in place of a lost one's records, how many it had sent, as far as known."""
    planned, answered, failed, lost, unsent, known = 0, 0, 0, 0, 0, True
    for load, requests in shares:
        mine = requests_of(load)
        known = known and mine is not None
        planned += mine or 0
        if isinstance(requests, int):
            lost += requests if mine is None else mine
            continue
        good = int(np.count_nonzero(requests.status == 0))
        answered += good
        failed += requests.status.size - good
        unsent += (mine or 0) - requests.status.size
    return Account(planned, answered, failed, lost, unsent) if known else Account(None, answered, failed, lost, 0)


def requests_of(load: ClosedLoop | OpenLoop) -> int | None:
    """Return how many requests a load plans; None if it may end before it has sent them all."""
    if isinstance(load, OpenLoop):
        return int(load.instants_s.size)
    return load.requests if load.duration_s is None else None
