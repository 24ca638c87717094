"""Servers that all models of a fleet need together, with intervals of the sums."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite, sqrt

from perfgate.capacity.answer import CapacityKind
from perfgate.fleet.answer import ModelDemand, TotalDemand
from perfgate.trials import Arm

Interval = tuple[float, float, float]
"""Estimate, lower and upper end."""
_WIDER = 2.5758 / 1.96
"""Of a capacity's interval of 95 %, to 99 %: quantiles of the normal distribution."""


def total_of(demands: Sequence[ModelDemand]) -> TotalDemand | None:
    """Add up the servers of all models whose capacity is known; None if no model has a demand.

    The intervals of sums are by the method of variance estimates recovery: Zou, Huang & Zhang, Computational Statistics
    and Data Analysis 53 (2009) 1080. Models are measured one after the other, so their errors are independent; what all
    measurements share, such as a slow machine, is not in them.
    """
    if not demands:
        return None
    counted = [each for each in demands if _servers(each, Arm.CANDIDATE) is not None]
    candidates = [found for each in counted if (found := _servers(each, Arm.CANDIDATE)) is not None]
    baselines = [found for each in counted if (found := _servers(each, Arm.BASELINE)) is not None]
    changes = [found for each in counted if (found := more_servers(each)) is not None]
    whole = len(baselines) == len(counted)
    return TotalDemand(
        models=len(counted),
        left_out=tuple(each.model_name for each in demands if each not in counted),
        demand_rps=sum(each.demand_rps for each in counted),
        baseline=_sum(baselines) if whole and counted else None,
        candidate=_sum(candidates) if counted else None,
        change=_sum(changes) if len(changes) == len(counted) and counted else None,
    )


def _sum(parts: Sequence[Interval]) -> Interval:
    estimate = sum(each for each, _, _ in parts)
    below = sqrt(sum((each - lower) ** 2 for each, lower, _ in parts))
    above = sqrt(sum((upper - each) ** 2 for each, _, upper in parts))
    return estimate, estimate - below, estimate + above


def _servers(demand: ModelDemand, arm: Arm) -> Interval | None:
    """Return the servers of one version, not rounded; None if its capacity is not known."""
    found = next((each for each in demand.arms if each.arm is arm), None)
    if found is None or found.kind is not CapacityKind.ESTIMATED or demand.needed is None:
        return None
    if not (found.lower_rps > 0 and isfinite(found.upper_rps)):
        return None
    return _carrying(demand, found.rate_rps), _carrying(demand, found.upper_rps), _carrying(demand, found.lower_rps)


def _carrying(demand: ModelDemand, capacity_rps: float) -> float:
    headroom = demand.needed.headroom if demand.needed else 0.0
    return demand.demand_rps / (capacity_rps * (1 - headroom))


def more_servers(demand: ModelDemand) -> Interval | None:
    """Return how many more servers the candidate needs, with a 99 % interval; None if that is not known.

    The change of the capacity, by pairs of servers, is applied to the baseline's servers. The errors of both are added,
    and not in quadrature: if the candidate is better, they go together.
    """
    before, change = _servers(demand, Arm.BASELINE), demand.change
    if before is None or change is None or not change.lower > -1:
        return None
    servers, *ends = before
    more, least, most = (_more(each) for each in (change.change, change.upper, change.lower))
    fewer, further = (_WIDER * abs(end - servers) * abs(more) for end in (ends if more > 0 else reversed(ends)))
    return servers * more, servers * least - fewer, servers * most + further


def _more(change: float) -> float:
    return -1.0 if change == inf else 1 / (1 + change) - 1
