"""The numbers behind the charts of a capacity, as tables for reading without them."""

from __future__ import annotations

from perfgate import formatting
from perfgate.capacity.answer import CapacityAnswer
from perfgate.report.html.chart_tables import ChartTable


def times_table(answer: CapacityAnswer) -> ChartTable:
    """Return the response times of each version at each rate."""
    rows = tuple(
        (
            formatting.rate(each.rate_rps),
            arm.arm.value,
            each.status.value,
            *(formatting.with_unit(value, "ms") for value in (each.p50_ms, each.p90_ms, each.p99_ms)),
            f"{each.requests:,}",
        )
        for arm in answer.arms
        for each in arm.points
    )
    columns = ("requests/s", "arm", "status", "p50", "p90", "p99", "requests")
    return ChartTable("Response times by rate", columns, rows)


def misses_table(answer: CapacityAnswer) -> ChartTable:
    """Return the share that misses the objective that breaks first, by rate, with its interval."""
    rows = tuple(
        (
            formatting.rate(each.rate_rps),
            arm.arm.value,
            *(formatting.share(value) for value in (each.share, each.low, each.high)),
        )
        for arm in answer.arms
        for each in arm.curve
    )
    note = "95% intervals over servers. The curve never falls as the rate grows: centred isotonic regression."
    return ChartTable(
        "Share of requests that miss the objective", ("requests/s", "arm", "share", "from", "to"), rows, note
    )
