"""A queue whose answers are known exactly, and with them the luck of a turn's arrivals."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, floor, log, sqrt

import numpy as np
from numpy.typing import NDArray

from perfgate.capacity.turn import Floats

Flags = NDArray[np.bool_]
Arrivals = Callable[[float, np.random.Generator], Floats]
"""Draws one turn's arrivals at a rate, its start included; seconds, ascending."""

RATE_STEP, _LOAD_STEP = 0.04, 0.02
"""Distances of the table's points, in logarithms of the rate and of the load (rate times service time)."""
_LIGHTEST, _HEAVIEST = 0.02, 1.6
"""Loads between which the table is used."""
_LEAST_SHARE = 1e-7
_BATCHES = 20
"""Parts of the simulated turns that show how exact a share is."""
_KEPT = 20
"""Rates whose turns are kept; others are drawn again, equally, when they are needed."""


class ReferenceQueue:
    """One server with a constant service time, visited by the turns of an arrival process.

    The share of its requests that take longer than a bound is a control variate for that of the real server: it
    fluctuates with the arrivals of the turns, and its mean is known, here by simulating many turns (Lavenberg & Welch,
    Management Science 27, 1981, 322). Waiting times follow Lindley's recursion (Proceedings of the Cambridge
    Philosophical Society 48, 1952, 277). It need not resemble the server: where it does not, it removes less noise, and
    adds no bias.
    """

    def __init__(
        self, bound_s: float, lead_in_s: float, arrivals: Arrivals, seed: int, requests: int = 1_000_000
    ) -> None:
        """Make an empty table, which is filled where it is looked at; `requests`: those simulated for each point."""
        self._bound_s, self._lead_in_s, self._arrivals = bound_s, lead_in_s, arrivals
        self._seed, self._requests = seed, requests
        self._turns: dict[int, tuple[Floats, Flags]] = {}
        self._points: dict[tuple[int, int], tuple[float, float]] = {}

    def missed(self, instants_s: Floats, service_s: float) -> int:
        """Return how many requests of one turn take longer than the bound, without those of its start."""
        slow = responses_s(instants_s, service_s) > self._bound_s
        return int(np.count_nonzero(slow & (instants_s >= self._lead_in_s)))

    def share(self, log_rate: float, service_s: float) -> float:
        """Return the expected share of requests that take longer than the bound."""
        x, y = _place(log_rate, service_s)
        i, j = floor(x), floor(y)
        u, v = x - i, y - j
        corners = ((i, j, (1 - u) * (1 - v)), (i + 1, j, u * (1 - v)), (i, j + 1, (1 - u) * v), (i + 1, j + 1, u * v))
        return exp(sum(weight * log(self.point(row, column)[0]) for row, column, weight in corners if weight))

    def relative_error(self, log_rate: float, service_s: float) -> float:
        """Return the relative standard error of the share there, that of the nearest point of the table."""
        x, y = _place(log_rate, service_s)
        return self.point(round(x), round(y))[1]

    def service_s(self, log_rate: float, share: float) -> float:
        """Return the service time with which this share misses the bound at a rate."""
        low, high = log(_LIGHTEST), log(_HEAVIEST)
        for _ in range(12):
            middle = (low + high) / 2
            low, high = (low, middle) if self.share(log_rate, exp(middle - log_rate)) > share else (middle, high)
        return exp((low + high) / 2 - log_rate)

    def point(self, row: int, column: int) -> tuple[float, float]:
        """Return the share at a point of the table, and its relative standard error (method of batch means)."""
        if (row, column) not in self._points:
            self._points[row, column] = self.simulate(row, column)
        return self._points[row, column]

    def simulate(self, row: int, column: int) -> tuple[float, float]:
        """Simulate a point of the table."""
        instants_s, recorded = self._turns_at(row)
        service_s = exp(column * _LOAD_STEP - row * RATE_STEP)
        slow = (responses_s(instants_s, service_s) > self._bound_s) & recorded
        parts = zip(np.array_split(slow, _BATCHES), np.array_split(recorded, _BATCHES), strict=True)
        counts = np.array([(np.count_nonzero(miss), np.count_nonzero(all_)) for miss, all_ in parts], np.float64)
        share = max(float(counts[:, 0].sum() / max(counts[:, 1].sum(), 1.0)), _LEAST_SHARE)
        shares = counts[:, 0] / np.maximum(counts[:, 1], 1.0)
        return share, min(float(shares.std(ddof=1)) / sqrt(_BATCHES) / share, 1.0)

    def _turns_at(self, row: int) -> tuple[Floats, Flags]:
        """Draw many turns at one rate, one after another with pauses in which the queue empties."""
        if row not in self._turns:
            rate_rps, rng = exp(row * RATE_STEP), np.random.default_rng((self._seed, row + 1_000_000))
            parts: list[Floats] = []
            recorded: list[Flags] = []
            begin_s, count = 0.0, 0
            while count < self._requests and len(parts) < self._requests:
                instants_s = self._arrivals(rate_rps, rng)
                count += max(1, instants_s.size)
                parts.append(instants_s + begin_s)
                recorded.append(instants_s >= self._lead_in_s)
                last_s = float(instants_s[-1]) if instants_s.size else 0.0
                begin_s += last_s + (instants_s.size + 1) * _HEAVIEST / rate_rps * 1.1
            if len(self._turns) >= _KEPT:
                del self._turns[next(iter(self._turns))]
            self._turns[row] = np.concatenate(parts), np.concatenate(recorded)
        return self._turns[row]


def _place(log_rate: float, service_s: float) -> tuple[float, float]:
    """Return where a rate and a service time lie in the table, in steps."""
    load = min(max(exp(log_rate) * service_s, _LIGHTEST), _HEAVIEST)
    return log_rate / RATE_STEP, log(load) / _LOAD_STEP


def responses_s(instants_s: Floats, service_s: float) -> Floats:
    """Return the response times of a queue with one server and a constant service time (Lindley, in closed form)."""
    served_s = np.arange(1, instants_s.size + 1) * service_s
    return np.asarray(np.maximum.accumulate(instants_s - (served_s - service_s)) + served_s - instants_s, np.float64)
