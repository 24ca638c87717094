"""Servers that each model with a demand needs, as a table of text."""

from __future__ import annotations

from collections.abc import Sequence

from perfgate import formatting
from perfgate.capacity.answer import Fleet
from perfgate.explain.tables import TextTable
from perfgate.fleet.answer import ModelDemand
from perfgate.fleet.portfolio import more_servers
from perfgate.trials import Arm

_UNKNOWN = "not known"


def demand_table(demands: Sequence[ModelDemand]) -> TextTable:
    """Return one row a model: the servers of each version by the estimate, and by both ends of the interval."""
    compared = any(len(each.arms) > 1 for each in demands)
    names = (">baseline", ">candidate", "difference (99%)") if compared else (">servers",)
    rows = tuple((each.model_name, *_given(each), *_servers(each, compared=compared)) for each in demands)
    note = "Whole servers: by the estimate of the capacity, and in brackets by the ends of its 95% interval."
    if compared:
        note += " Differences are not rounded, and have 99% intervals by pairs of servers."
    return TextTable("Servers by model", ("model", ">requests/s", ">headroom", *names), rows, note)


def _given(demand: ModelDemand) -> tuple[str, str]:
    headroom = formatting.share(demand.needed.headroom) if demand.needed else formatting.MISSING
    return formatting.rate(demand.demand_rps), headroom


def _servers(demand: ModelDemand, *, compared: bool) -> tuple[str, ...]:
    needed = demand.needed
    fleets = {fleet.arm: fleet for fleet in needed.fleets} if needed else {}
    candidate = _count(fleets.get(Arm.CANDIDATE))
    return (_count(fleets.get(Arm.BASELINE)), candidate, _difference(demand)) if compared else (candidate,)


def _count(fleet: Fleet | None) -> str:
    """Return `5 [5, 6]`; without an estimate, what is known."""
    if fleet is None:
        return _UNKNOWN
    most, least = fleet.servers, fleet.servers_at_upper
    if most is None:
        return _UNKNOWN if least is None else f"at least {least:,}"
    if fleet.servers_at_estimate is None:
        return f"at most {most:,}"
    return f"{fleet.servers_at_estimate:,} [{formatting.MISSING if least is None else f'{least:,}'}, {most:,}]"


def _difference(demand: ModelDemand) -> str:
    if (found := more_servers(demand)) is None:
        return _UNKNOWN
    change, lower, upper = found
    return f"{formatting.difference(change, 'servers')} {formatting.difference_interval(lower, upper, 'servers')}"
