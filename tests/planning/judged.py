"""Sketches whose measurements are drawn: a time that grows with a dimension, in servers that differ a little."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import exp, log, sqrt

import numpy as np

from perfgate.planning.answer import ObjectiveStatus
from perfgate.planning.evaluation import Evaluation, Ratio
from perfgate.planning.limit_search import LimitSearch

METRIC = "latency_p99_ms"
_SURE = 2.6
"""Standard errors that an interval reaches, at the gate's level."""


def ratio_of(log_value: float, error: float) -> Ratio:
    """Return a ratio with its interval, and what that proves."""
    low, high = log_value - _SURE * error, log_value + _SURE * error
    status = ObjectiveStatus.HOLDS if high <= 0 else ObjectiveStatus.BREAKS if low > 0 else ObjectiveStatus.OPEN
    return Ratio(exp(log_value), exp(low), exp(high), status)


def measured(value: int, log_value: float, error: float = 0.01) -> Evaluation:
    return Evaluation(value, {METRIC: ratio_of(log_value, error)}, 10 * value, log_value)


@dataclass
class Sketch:
    """A sketch whose time reaches its bound at `limit`, and grows with that power of the dimension."""

    limit: float
    power: float = 1.5
    noise: float = 0.0
    """Standard error of the logarithm of one measurement; the search knows it."""
    seed: int = 1
    asked: list[int] = field(default_factory=list)
    odd: dict[int, float] = field(default_factory=dict)
    """Measurements, by their number, that are off by so much."""

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)

    def measure(self, value: int) -> Evaluation:
        error = self._rng.normal(0, self.noise) if self.noise else 0.0
        truth = self.power * log(value / self.limit)
        self.asked.append(value)
        return measured(value, truth + error + self.odd.get(len(self.asked), 0.0), max(self.noise, 1e-9))

    def judge(self, group: Sequence[Evaluation]) -> ObjectiveStatus:
        """Test the mean of several measurements, as their requests taken together would be."""
        logs = [float(each.evidence) for each in group]
        return ratio_of(float(np.mean(logs)), max(self.noise, 1e-9) / sqrt(len(logs))).status

    def searched(self, low: int, high: int, most: int = 30) -> LimitSearch:
        """Search until it ends by itself, or so much was measured."""
        search = LimitSearch(low, high, self.judge)
        for value in search.asks(lambda: len(self.asked) / most):
            search.tell(self.measure(value))
        return search


def asked_by(search: LimitSearch, tell: Callable[[int], Evaluation], most: int) -> Iterator[int]:
    """Yield what a search asks for, and tell it what is measured."""
    for count, value in enumerate(search.asks(lambda: 0.0)):
        if count == most:
            return
        search.tell(tell(value))
        yield value


NEVER = 1e-9
"""Limit of a sketch that holds nowhere."""
