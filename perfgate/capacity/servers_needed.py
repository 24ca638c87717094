"""How many servers carry a demand: arithmetic on measured capacities, on their side of caution."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, inf, isfinite, nan

from perfgate.capacity.answer import (
    ArmCapacity,
    CapacityAnswer,
    CapacityChange,
    CapacityKind,
    Fleet,
    FleetChange,
    ServersNeeded,
)
from perfgate.trials import Arm

_HOURS_A_DAY = 24
_CPU_HOURS_A_DAY_PER_MS = 86_400 / 1e3 / 3_600
"""CPU-hours a day that one request per second takes for each millisecond of CPU time."""
_ROUNDING = 1e-9
"""A quotient this close above a whole number is that number: 300 / (100 * (1 - 0.4)) is 5 servers, not 6."""


def servers_needed(
    answer: CapacityAnswer, demand_rps: float, headroom: float, spare: int, cost_per_hour: float | None = None
) -> ServersNeeded:
    """Return the servers of each version for a demand, and how many more the candidate needs.

    `headroom` is the share of the capacity that stays unused, `spare` a number of servers beyond those that carry the
    demand, and `cost_per_hour` the price of one server.
    """
    needs = ServersNeeded(demand_rps, headroom, spare, cost_per_hour, answer.cores, ())
    fleets = tuple(_fleet(each, needs) for each in answer.arms)
    change = _change(answer, needs)
    return ServersNeeded(demand_rps, headroom, spare, cost_per_hour, answer.cores, fleets, change)


def safe_rps(arm: ArmCapacity) -> float:
    """Return a rate that a server carries with certainty; NaN if none is known."""
    if 0 < arm.lower_rps < inf:
        return arm.lower_rps
    return arm.holds_rps if arm.holds_rps > 0 else nan


def _fleet(arm: ArmCapacity, needs: ServersNeeded) -> Fleet:
    servers = _count(safe_rps(arm), needs)
    known = nan if servers is None else float(servers)
    estimated = arm.kind is CapacityKind.ESTIMATED
    price = nan if needs.cost_per_server_hour is None else needs.cost_per_server_hour
    return Fleet(
        arm=arm.arm,
        servers=servers,
        servers_at_estimate=_count(arm.rate_rps, needs) if estimated else None,
        servers_at_upper=_count(arm.upper_rps, needs),
        rate_rps=needs.demand_rps / known,
        cpu_hours_per_day=needs.demand_rps * arm.cpu_ms_per_request * _CPU_HOURS_A_DAY_PER_MS,
        reserved_cpu_hours_per_day=known * needs.cores * _HOURS_A_DAY,
        memory_mb=known * arm.memory_mb,
        cost_per_hour=known * price,
        cost_per_day=known * price * _HOURS_A_DAY,
    )


def _count(capacity_rps: float, needs: ServersNeeded) -> int | None:
    carrying = _carrying(capacity_rps, needs)
    return None if carrying is None else _whole(carrying) + needs.spare


def _carrying(capacity_rps: float, needs: ServersNeeded) -> float | None:
    """Return the servers that carry the demand, not rounded and without spare ones."""
    if not (isfinite(capacity_rps) and capacity_rps > 0):
        return None
    return needs.demand_rps / (capacity_rps * (1 - needs.headroom))


def _whole(servers: float) -> int:
    return max(1, ceil(servers * (1 - _ROUNDING)))


def _change(answer: CapacityAnswer, needs: ServersNeeded) -> FleetChange | None:
    """Apply the interval of the change, which compares pairs of servers, to the baseline's servers.

    The two intervals of the capacities would make it too wide: what all servers of this machine share cancels out.
    """
    baseline = answer.of(Arm.BASELINE)
    before = None if baseline is None else _carrying(safe_rps(baseline), needs)
    change = answer.change
    if before is None or change is None or not change.change > -1:
        return None
    share, lower, upper = (_more(each) for each in _ends(change))
    servers, servers_lower, servers_upper = (
        _whole(before * (1 + each)) - _whole(before) if isfinite(each) else None for each in (share, lower, upper)
    )
    if servers is None or servers_lower is None:
        return None
    return FleetChange(share, lower, upper, servers, servers_lower, servers_upper)


def _ends(change: CapacityChange) -> Sequence[float]:
    """Return the estimate, then the end with the fewest servers and that with the most."""
    upper = change.upper if change.upper > -1 else inf
    return change.change, upper, change.lower


def _more(change: float) -> float:
    """Return the share of servers that a change of the capacity adds: a tenth less capacity takes a ninth more."""
    if change == inf:
        return -1.0
    return 1 / (1 + change) - 1 if change > -1 else inf
