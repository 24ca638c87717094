"""The scenario's objectives as shares of requests that may miss them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from perfgate.capacity.answer import Bound
from perfgate.gate.objectives import judged_objectives
from perfgate.gate.validity import MOST_FAILED
from perfgate.metrics import BY_NAME
from perfgate.scenario.schema import Objective
from perfgate.stats.per_trial import quantile_of
from perfgate.trials import Requests

_ITSELF = "capacity_rps"
ASSUMED_TIMES = 10.0
"""A p99 of ten times the unloaded median is assumed where the scenario has no objective for requests."""
_LEAST_SHARE = 1e-5
"""What an error rate of 0 is tested as: no number of requests proves 0."""


def bounds_of(objectives: Mapping[str, Objective], unloaded_ms: float) -> tuple[tuple[Bound, ...], tuple[str, ...]]:
    """Return what has to hold at a rate, and notes on what was assumed or left out.

    Percentiles of response and service times and `error_rate` depend on the rate and are used. Failed requests miss
    every bound. Without an error rate, at most 1 % may fail.
    """
    judged = judged_objectives(objectives)
    found = [bound for name, each in judged.items() if (bound := _bound(name, each)) is not None]
    others = [name for name, each in judged.items() if name != _ITSELF and _bound(name, each) is None]
    notes = []
    if others:
        notes.append(f"Not part of the capacity, because it is no share of requests: {', '.join(others)}")
    if not any(bound.bound_ms for bound in found):
        assumed = ASSUMED_TIMES * unloaded_ms
        found.insert(0, Bound("latency_p99_ms", 0.01, assumed, stated=False))
    if min(bound.share for bound in found) > MOST_FAILED and "error_rate" not in judged:
        found.append(Bound("error_rate", MOST_FAILED, stated=False))
    return tuple(found), tuple(notes)


def _bound(name: str, objective: Objective) -> Bound | None:
    if objective.max is None:
        return None
    if name == "error_rate":
        return Bound(name, min(max(objective.max, _LEAST_SHARE), 1 - _LEAST_SHARE))
    quantile = quantile_of(BY_NAME[name].statistic)
    return Bound(name, round(1 - quantile[1], 6), objective.max) if quantile else None


def missed(bounds: tuple[Bound, ...], requests: Requests) -> Iterator[NDArray[np.bool_]]:
    """Return for each bound which requests missed it: slower, or failed."""
    for bound in bounds:
        failed = requests.status != 0
        if bound.bound_ms is None:
            yield failed
            continue
        quantile = quantile_of(BY_NAME[bound.metric].statistic)
        of_service = quantile is not None and quantile[0].startswith("service")
        yield failed | ((requests.service_ms if of_service else requests.response_ms) > bound.bound_ms)
