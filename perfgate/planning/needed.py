"""Servers for the scenario's rate, from the capacity of one."""

from __future__ import annotations

from perfgate.capacity.answer import CapacityAnswer, CapacityKind, ServersNeeded
from perfgate.capacity.servers_needed import servers_needed
from perfgate.planning.answer import CoresNeeded
from perfgate.scenario.schema import Load


def rate_of(load: Load, trace_s: tuple[float, ...] = ()) -> float | None:
    """Return the highest mean rate that the load asks for, in requests per second; None for a closed loop."""
    if trace_s:
        return len(trace_s) / trace_s[-1] if trace_s[-1] > 0 else None
    rates = (load.rate_rps, load.from_rps, load.to_rps, *(load.steps_rps or ()))
    return max((rate for rate in rates if rate is not None), default=None)


def cores_needed(found: CapacityAnswer | None, rate_rps: float | None) -> CoresNeeded | None:
    """Return the servers for a rate, without headroom and spare ones; None if nothing is known of the capacity."""
    if found is None or rate_rps is None or not found.arms or found.arms[0].kind is CapacityKind.GENERATOR:
        return None
    (fleet,) = _needs(found, rate_rps).fleets
    return CoresNeeded(rate_rps, found.cores, fleet.servers, fleet.servers_at_estimate, fleet.servers_at_upper)


def _needs(found: CapacityAnswer, rate_rps: float) -> ServersNeeded:
    return servers_needed(found, rate_rps, headroom=0.0, spare=0)
