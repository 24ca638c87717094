"""The numbers of an answer about capacities as tables of text, for all renderers."""

from __future__ import annotations

from collections.abc import Collection, Iterator
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
    return TextTable(f"{arm.model} at each rate", CURVE_COLUMNS, rows, curve_note(arm))


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


def curve_note(arm: ArmCapacity, columns: Collection[str] = CURVE_COLUMNS) -> str:
    """Return what the columns mean of which a name does not say it, without those that are not shown or empty."""
    missed = arm.objective or "the objective that most of them miss"
    off = any(map(breaks_little, arm.points))
    parts = {
        ">missed": f"missed: share of requests that miss {missed}.",
        ">queue": "queue: share of the response time before the execution." if _queue_known(arm) else "",
        ">Little": f"{_FLAG} more than {share(LITTLE)} off Little's law." if off else "",
    }
    return " ".join(words for name, words in parts.items() if words and name in columns)


def _queue_known(arm: ArmCapacity) -> bool:
    return any(isfinite(each.queue_share) for each in arm.points)


def needs_table(answer: CapacityAnswer) -> TextTable | None:
    """Return what the servers for a demand are and cost, a column for each version; None without a demand."""
    needs = answer.needs
    if needs is None:
        return None
    names = {arm.arm: arm.model for arm in told_apart(answer)}
    cells = zip(*(_cells(fleet) for fleet in needs.fleets), strict=True)
    rows = ((name, *each) for name, each in zip(_ROWS, cells, strict=False) if set(each) != {MISSING})
    columns = ("what", *(f">{names[fleet.arm]}" for fleet in needs.fleets))
    return TextTable("Servers needed", columns, tuple(rows), _needs_note(answer))


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
    bound = "at most " if fleet.servers_at_estimate is None else ""
    yield MISSING if fleet.servers is None else f"{bound}{fleet.servers:,}"
    for count in (fleet.servers_at_estimate, fleet.servers_at_upper):
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
