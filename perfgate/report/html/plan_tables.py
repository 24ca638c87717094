"""The numbers behind the charts of a plan, as tables for reading without them."""

from __future__ import annotations

from collections.abc import Sequence

from perfgate import formatting
from perfgate.explain.tables import TextTable
from perfgate.planning.answer import ObjectiveAnswer
from perfgate.report.charts.interval_rows import ratio
from perfgate.report.html.chart_tables import ChartTable


def behind_chart(table: TextTable) -> ChartTable:
    """Return a table of text as the table behind a chart."""
    return ChartTable(table.title, tuple(name.lstrip(">") for name in table.columns), table.rows, table.note)


def ratios_table(objectives: Sequence[ObjectiveAnswer]) -> ChartTable:
    """Return each objective's value and interval relative to its bound, as drawn in the chart."""
    rows = tuple(
        (each.metric, each.status.value, formatting.share(ratio(each, each.value)), *_ends(each)) for each in objectives
    )
    note = "Value divided by bound, or bound divided by value where more is better: above 100% it is missed."
    return ChartTable("Objectives relative to their bounds", ("metric", "status", "value", "from", "to"), rows, note)


def _ends(objective: ObjectiveAnswer) -> tuple[str, str]:
    low, high = sorted((ratio(objective, objective.lower), ratio(objective, objective.upper)))
    return formatting.share(low), formatting.share(high)
