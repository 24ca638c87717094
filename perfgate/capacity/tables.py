"""The numbers of an answer about capacities as tables of text, for all renderers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isfinite

from perfgate.capacity.answer import ArmCapacity, CapacityAnswer, Fleet, Point
from perfgate.capacity.sentences import LITTLE, breaks_little, told_apart
from perfgate.explain.tables import TextTable
from perfgate.formatting import MISSING, number, rate, share, with_unit

_GIBIBYTE_MB = 1024
_FLAG = "!"
CURVE_COLUMNS = (
    ">requests/s", "status", ">p50", ">p90", ">p99", ">missed", ">achieved", ">CPUs", ">memory", ">batch", ">queue",
    ">in flight", ">Little",
)  # fmt: skip
"""Columns of the curve; a renderer with little room leaves some out."""


def curve_table(arm: ArmCapacity) -> TextTable:
    """Return one row for each rate that was tried: response times, and how the server carried it."""
    rows = tuple(_point(each, arm.objective) for each in arm.points)
    return TextTable(f"{arm.model} at each rate", CURVE_COLUMNS, rows, _curve_note(arm))


def _point(point: Point, objective: str) -> tuple[str, ...]:
    missed = point.missed.get(objective, max(point.missed.values(), default=float("nan")))
    return (
        rate(point.rate_rps),
        point.status.value,
        *(with_unit(each, "ms") for each in (point.p50_ms, point.p90_ms, point.p99_ms)),
        share(round(missed, 6)),
        rate(point.achieved_rps),
        number(point.cpu_cores),
        with_unit(point.memory_mb, "MiB"),
        number(point.batch_size),
        share(point.queue_share),
        number(point.in_flight),
        f"{number(point.little)}{_FLAG if breaks_little(point) else ''}",
    )


def _curve_note(arm: ArmCapacity) -> str:
    missed = (
        f"missed: share of requests that miss {arm.objective}."
        if arm.objective
        else ("missed: share of requests that miss the objective that most miss.")
    )
    parts = (
        missed,
        "queue: share of the response time before the execution." if _any(arm, lambda p: p.queue_share) else "",
        f"{_FLAG} more than {share(LITTLE)} off Little's law." if any(map(breaks_little, arm.points)) else "",
    )
    return " ".join(filter(None, parts))


def _any(arm: ArmCapacity, value: Callable[[Point], float]) -> bool:
    return any(isfinite(value(each)) for each in arm.points)


def needs_table(answer: CapacityAnswer) -> TextTable | None:
    """Return what the servers for a demand are and cost, a column for each version; None without a demand."""
    needs = answer.needs
    if needs is None:
        return None
    names = {arm.arm: arm.model for arm in told_apart(answer)}
    cells = zip(*(_cells(fleet) for fleet in needs.fleets), strict=True)
    rows = ((name, *each) for name, each in zip(_ROWS, cells, strict=False) if set(each) != {MISSING})
    columns = ("what", *(f">{names[fleet.arm]}" for fleet in needs.fleets))
    return TextTable(f"Servers for {rate(needs.demand_rps)} requests/s", columns, tuple(rows), _needs_note(answer))


_ROWS = (
    "servers",
    "by the estimate",
    "by the upper end",
    "requests/s each",
    "CPU-hours a day, requests",
    "CPU-hours a day, reserved",
    "memory",
    "cost an hour",
    "cost a day",
)


def _cells(fleet: Fleet) -> Iterator[str]:
    for count in (fleet.servers, fleet.servers_at_estimate, fleet.servers_at_upper):
        yield MISSING if count is None else f"{count:,}"
    yield rate(fleet.rate_rps)
    yield number(fleet.cpu_hours_per_day)
    yield number(fleet.reserved_cpu_hours_per_day)
    yield _memory(fleet.memory_mb)
    yield number(fleet.cost_per_hour)
    yield number(fleet.cost_per_day)


def _memory(size_mb: float) -> str:
    large = size_mb >= 10 * _GIBIBYTE_MB
    return with_unit(size_mb / _GIBIBYTE_MB, "GiB") if large else with_unit(size_mb, "MiB")


def _needs_note(answer: CapacityAnswer) -> str:
    """Return which lines of the table are bounds, where a version has no estimate."""
    needs = answer.needs
    unknown = needs is not None and any(fleet.servers is None for fleet in needs.fleets)
    return f"{MISSING}: no rate is known that the version carries." if unknown else ""
