"""Servers for the scenario's rate, from the capacity of one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from perfgate.capacity.answer import ArmCapacity, CapacityAnswer, CapacityKind
from perfgate.capacity.servers_needed import servers_needed
from perfgate.planning.answer import CoresNeeded, ObjectiveAnswer, ObjectiveStatus
from perfgate.trials import Arm


def cores_needed(found: CapacityAnswer | None, rate_rps: float | None) -> CoresNeeded | None:
    """Return the servers for a mean rate, without headroom and spare ones; None if nothing is known of the capacity."""
    if found is None or rate_rps is None or not found.arms or found.arms[0].kind is CapacityKind.GENERATOR:
        return None
    (fleet,) = servers_needed(found, rate_rps, headroom=0.0, spare=0).fleets
    return CoresNeeded(rate_rps, found.cores, fleet.servers, fleet.servers_at_estimate, fleet.servers_at_upper)


def decided_by(
    found: CapacityAnswer | None, rate_rps: float | None, objectives: Iterable[ObjectiveAnswer]
) -> tuple[ObjectiveAnswer, ...]:
    """Decide by the capacity what the gate's test left open: whether the rate lies below its interval, or above.

    A few servers that differ widen the test of a percentile so much that it says nothing far from the bound; the search
    for the capacity saw them at many rates. The objective that is reached first breaks; all others are left open there.
    """
    arm = found.of(Arm.CANDIDATE) if found is not None else None
    if found is None or arm is None or rate_rps is None:
        return tuple(objectives)
    bounds = {bound.metric for bound in found.objectives if bound.stated}
    return tuple(_decided(each, arm, rate_rps) if each.metric in bounds else each for each in objectives)


def _decided(objective: ObjectiveAnswer, arm: ArmCapacity, rate_rps: float) -> ObjectiveAnswer:
    if objective.status is not ObjectiveStatus.OPEN or arm.kind is CapacityKind.GENERATOR:
        return objective
    if rate_rps <= arm.lower_rps and arm.kind in {CapacityKind.ESTIMATED, CapacityKind.ABOVE}:
        return replace(objective, status=ObjectiveStatus.HOLDS, by_capacity=True, more="")
    over = rate_rps > arm.upper_rps and arm.kind in {CapacityKind.ESTIMATED, CapacityKind.BELOW}
    if over and objective.metric == arm.objective:
        return replace(objective, status=ObjectiveStatus.BREAKS, by_capacity=True, more="")
    return objective
