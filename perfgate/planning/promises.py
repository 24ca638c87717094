"""What a trained model of the same architecture is expected to show, from what the untrained one showed."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, hypot, inf, log, log1p, sqrt

from perfgate.capacity.answer import CapacityAnswer, CapacityKind
from perfgate.gate.objectives import candidate_interval
from perfgate.metrics import BY_NAME
from perfgate.planning.answer import Promise
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm

PROMISED = (
    "execute_ms", "cpu_ms_per_request", "service_mean_ms", "latency_p50_ms", "latency_p90_ms", "latency_p99_ms",
    "cpu_cores", "rss_peak_mb", "load_time_s", "first_request_ms", "cold_start_s", "model_size_mb", "capacity_rps",
)  # fmt: skip
"""Metrics that are promised, where they were measured."""
LEVEL = 0.95
_LARGEST_LOG = 600.0
"""Beyond it an end of an interval says nothing, and soon is no number."""
_ANOTHER_EXPORT = log1p(0.02)
"""Exports of one model differ in their times by up to 0.7 % (docs/explanation/method.md), because of where code and
weights lie in memory; two of them differ by less than 1.96 times the square root of 2 times that.
"""


Shown = tuple[float, float, float]
"""A value, and both ends of its 95 % interval."""


def promises_of(table: TrialTable, capacity: CapacityAnswer | None) -> tuple[Promise, ...]:
    """Return the prediction interval of each metric for another run like this one."""
    return tuple(_promises(table, capacity))


def _promises(table: TrialTable, capacity: CapacityAnswer | None) -> Iterator[Promise]:
    for name in PROMISED:
        found = shown(name, table, capacity, Arm.CANDIDATE)
        if found is not None and found[0] > 0:
            yield predicted(name, *found)


def predicted(metric: str, value: float, lower: float, upper: float) -> Promise:
    """Widen a value's interval to that of another run's value: both runs err, and the other has another export.

    Prediction interval: the error of a difference of two equally precise estimates is the square root of 2 times that
    of one (Hahn & Meeker, Statistical Intervals, 1991, section 4.3), on the scale of logarithms.
    """
    below = log(value / lower) if 0 < lower < value else 0.0 if lower == value else inf
    above = log(upper / value) if value < upper < inf else 0.0 if upper == value else inf
    low, high = (hypot(sqrt(2) * each, _ANOTHER_EXPORT) for each in (below, above))
    return Promise(metric, value, value * exp(-low), value * exp(high) if high < _LARGEST_LOG else inf)


def shown(name: str, table: TrialTable, capacity: CapacityAnswer | None, arm: Arm) -> Shown | None:
    """Return what the table's candidate shows of a metric, and `arm` of the capacity; None if it was not measured."""
    if name != "capacity_rps":
        return candidate_interval(BY_NAME[name], table, (1 - LEVEL) / 2)
    known = capacity.of(arm) if capacity else None
    if known is None or known.kind is not CapacityKind.ESTIMATED:
        return None
    return known.rate_rps, known.lower_rps, known.upper_rps
