"""The numbers behind each chart, as tables for reading without it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from perfgate import formatting
from perfgate.explain.explanation import Attribution
from perfgate.explain.flame import bars
from perfgate.explain.sentences import difference
from perfgate.explain.tables import TextTable
from perfgate.gate.verdict import MetricVerdict
from perfgate.report.charts.downsample import Numbers
from perfgate.report.charts.ecdf import at_share
from perfgate.report.charts.percentiles import BEYOND
from perfgate.report.charts.series import Panel
from perfgate.report.charts.spans import Span, disturbed_blocks, lanes, parted
from perfgate.report.charts.tracks import Track
from perfgate.report.rows import in_tolerances, word_of
from perfgate.results.result import Result
from perfgate.stats.summary import Curve
from perfgate.trials import Arm

_SHARES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999)
_STRETCHES = 4
"""Columns of equal length."""


@dataclass(frozen=True, slots=True)
class ChartTable:
    """A table whose first column names its rows."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def behind_chart(table: TextTable) -> ChartTable:
    """Return a table of text as the table behind a chart."""
    return ChartTable(table.title, tuple(name.lstrip(">") for name in table.columns), table.rows, table.note)


def forest_table(verdicts: Sequence[MetricVerdict]) -> ChartTable:
    """Return each metric's change and bounds in tolerances, as drawn in the chart."""
    rows = tuple((v.metric, word_of(v), *_places(v)) for v in verdicts)
    columns = ("metric", "verdict", "change", "from", "to", "accepted")
    note = "Change divided by tolerance. Positive is worse; above 1 exceeds the tolerance."
    return ChartTable("Changes relative to tolerance", columns, rows, note)


def _places(verdict: MetricVerdict) -> tuple[str, ...]:
    effect = verdict.effect
    ends = sorted(in_tolerances(verdict, each) for each in (effect.lower, effect.upper))
    return (
        *(_signed(place) for place in (in_tolerances(verdict, effect.change), *ends)),
        formatting.limit(verdict.tolerance, verdict.metric),
    )


def _signed(place: float) -> str:
    return formatting.difference(place, "1")


def flame_table(found: Attribution) -> ChartTable:
    """Return each bar with its time in both arms and its change, each followed by the bars below it."""
    rows = tuple(
        (
            bar.name,
            str(bar.depth),
            bar.op,
            bar.kind.value if bar.op else "",
            *(formatting.with_unit(each, "ms") for each in bar.times_ms),
            difference(bar.change_ms) if bar.change_ms else "",
        )
        for bar in bars(found)
    )
    columns = ("scope or op", "row", "type", "status", "baseline", "candidate", "change")
    return ChartTable("Execution time by scope and op", columns, rows)


def percentile_table(curves: Sequence[Curve]) -> ChartTable:
    """Return each arm's time at each percentile that at least one request exceeds."""
    rows = [(formatting.share(share), *(_time(curve, share) for curve in curves)) for share in _SHARES]
    known = tuple(row for row in rows if set(row[1:]) != {formatting.MISSING})
    requests = ("requests", *(f"{curve.requests:,}" for curve in curves))
    note = f"\u201cFew\u201d: fewer than {BEYOND} requests were slower, so another run may give a very different time."
    return ChartTable(
        "Response times by percentile", ("percentile", *(curve.arm for curve in curves)), (*known, requests), note
    )


def _time(curve: Curve, share: float) -> str:
    beyond = curve.requests * (1 - share)
    if beyond < 1 or not curve.latency_ms:
        return formatting.MISSING
    if share > curve.share[-1]:
        return "no answer"
    return formatting.with_unit(at_share(curve, share), "ms") + ("" if beyond >= BEYOND else " (few)")


def aligned_table(result: Result, tracks: Sequence[Track]) -> ChartTable:
    """Return the typical value of each track in each quarter of each lane, one row an arm."""
    shown = [track for track in tracks if set(track.series) & set(Arm)]
    rows = [row for stretch in _stretches(lanes(result.blocks)) for row in _rows(result, shown, stretch)]
    names = tuple(f"{track.title}, {track.unit}" for track in shown)
    columns = ("lane", "from s", "to s", "arm", *names, "disturbed blocks")
    note = "Medians over the turns in each quarter; for failed requests, the mean share."
    return ChartTable("Each quarter of each lane", columns, tuple(rows), note)


def _stretches(measured: Sequence[Span]) -> Iterator[Span]:
    for span in measured:
        edges = np.linspace(span.begin_s, span.end_s, _STRETCHES + 1).tolist()
        yield from (Span(span.name, begin, end) for begin, end in pairwise(edges))


def _rows(result: Result, shown: Sequence[Track], stretch: Span) -> Iterator[tuple[str, ...]]:
    starts = np.array(result.blocks.start_s)
    here = (starts >= stretch.begin_s) & (starts < stretch.end_s)
    hit = np.array(disturbed_blocks(result.blocks))[here]
    times = (formatting.number(stretch.begin_s), formatting.number(stretch.end_s))
    for arm in Arm:
        cells = [_typical(track, arm, stretch) for track in shown]
        if set(cells) != {""}:
            yield stretch.name, *times, arm.value, *cells, f"{hit.sum():,} of {hit.size:,}"


def _typical(track: Track, arm: str, stretch: Span) -> str:
    t, values = track.series.get(arm, (np.empty(0), np.empty(0)))
    here = values[(t >= stretch.begin_s) & (t < stretch.end_s)]
    if not here.size:
        return ""
    value = float(track.typical(here))
    return formatting.share(value) if track.unit == "share" else formatting.number(value)


def panel_table(panel: Panel) -> ChartTable:
    """Return the median, lowest and highest of each arm in each stretch of one series."""
    times = np.concatenate([t for t, _ in panel.arms.values()])
    spans = list(_stretches([Span("", float(times.min()), float(times.max()))]))
    rows = [
        (formatting.number(span.begin_s), formatting.number(span.end_s), arm, *_extent(values[part]))
        for arm, (t, values) in panel.arms.items()
        for span, part in zip(spans, parted(t, spans), strict=True)
    ]
    unit = f", {panel.unit}"
    columns = ("from s", "to s", "arm", f"median{unit}", f"lowest{unit}", f"highest{unit}", "trials")
    return ChartTable(panel.title, columns, tuple(rows))


def _extent(values: Numbers) -> tuple[str, ...]:
    if not values.size:
        return ("", "", "", "0")
    return (*(formatting.number(float(v)) for v in np.quantile(values, [0.5, 0, 1])), f"{values.size:,}")
