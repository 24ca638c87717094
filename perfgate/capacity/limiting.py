"""What keeps a version from carrying more, with its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from perfgate.capacity.answer import Limit, Point
from perfgate.formatting import number, share

_BUSY = 0.85
"""Share of its CPUs from which a server has no more to give."""
_ONE_CORE = (0.85, 1.15)
_QUEUED = 0.5
_FULL = 0.8
_NEAR = 1.5
"""Times the capacity up to which a rate shows what limits it; far above, other limits come in."""
_SATURATED = 0.9
"""Achieved over offered rate below which a server does not keep up."""


@dataclass(frozen=True, slots=True)
class Batches:
    """How a server batches."""

    timeout_ms: float
    """How long a batch waits for more requests."""
    most_rows: int


def limit_of(points: Sequence[Point], rate_rps: float, cores: int, batches: Batches | None) -> Limit:
    """Name the limit from what the server showed at the capacity and above it."""
    above = [point for point in points if point.rate_rps >= 0.97 * rate_rps]
    if not above:
        return Limit("unknown", "no turn was made at the capacity")
    least = min(point.rate_rps for point in above)
    near = [point for point in above if point.rate_rps <= _NEAR * max(rate_rps, least)]
    top = max(near, key=lambda point: point.cpu_cores if isfinite(point.cpu_cores) else 0.0)
    at = f"at {number(top.rate_rps)} requests/s"
    if top.generator_cores + top.cpu_cores > _BUSY * cores and top.generator_cores > _BUSY:
        return Limit("generator", f"the load generator uses {number(top.generator_cores)} of {cores} cores {at}")
    if top.cpu_cores >= _BUSY * cores:
        return Limit("cpu", f"CPU: {_cpu_words(top, cores)} {at}")
    if batches and _waits_for_batches(points, rate_rps, batches):
        return Limit("batching", f"requests wait for batches to fill: up to {number(batches.timeout_ms)} ms each")
    uses = f"{_cpu_words(top, cores)} {at}{_waiting(top)}"
    if _queues(top):
        one = _ONE_CORE[0] <= top.cpu_cores <= _ONE_CORE[1]
        return Limit("queue", f"{'one execution at a time' if one else 'requests queue'}: {uses}")
    return Limit("unknown", uses)


def _cpu_words(point: Point, cores: int) -> str:
    """Say how much CPU a server uses; that of a server elsewhere is often unknown."""
    if not isfinite(point.cpu_cores):
        return "the server's CPU time is unknown"
    return f"the server uses {number(point.cpu_cores)} of {cores} cores"


def _queues(point: Point) -> bool:
    return point.queue_share >= _QUEUED or point.achieved_rps < _SATURATED * point.rate_rps or point.growth > 0.05


def _waiting(point: Point) -> str:
    if isfinite(point.queue_share):
        return f", and {share(point.queue_share)} of a request's time passes before its execution"
    return ""


def _waits_for_batches(points: Sequence[Point], rate_rps: float, batches: Batches) -> bool:
    """Return whether batches are not full and the time-out is most of the median response at the capacity."""
    near = min(points, key=lambda point: abs(point.rate_rps - rate_rps))
    return batches.timeout_ms > 0.5 * near.p50_ms and near.batch_size < _FULL * batches.most_rows
