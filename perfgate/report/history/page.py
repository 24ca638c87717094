"""A history as one self-contained page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup

from perfgate import formatting
from perfgate.report.charts.course import Course, Mark, course
from perfgate.report.history.words import (
    ChangeRow,
    change_rows,
    described,
    headline,
    last_against_level,
    notes,
    subject,
)
from perfgate.report.html.frame import drawn, template
from perfgate.results.history import Change, History, MetricHistory
from perfgate.sanitize import one_line
from perfgate.stats.change_points import FEWEST, SHORTEST, clip_outliers
from perfgate.version import __version__
from perfgate.whole_file import write_whole

TONES = {"worse": "fail", "better": "pass", "changed": "inconclusive"}
"""Classes of the style sheet."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric on the page."""

    metric: str
    description: str
    last: str
    against: str
    svg: Markup
    rows: tuple[ChangeRow, ...]


def render_history(history: History, *, small: bool) -> str:
    """Render one self-contained page; the same history gives the same bytes."""
    ordered = sorted(history.series, key=lambda series: not series.large)  # those with large changes first
    rows = [pair for series in history.series for pair in enumerate(change_rows(series, small=small), 1)]
    return template("history.html.j2").render(
        history=history,
        headline=headline(history, small=small),
        subject=subject(history),
        notes=tuple(notes(history, small=small)),
        rows=rows,
        tones=TONES,
        figures=[_figure(f"course-{number}", series, small=small) for number, series in enumerate(ordered, 1)],
        fewest=FEWEST,
        shortest=SHORTEST,
        version=__version__,
    )


def write_history(history: History, path: Path, *, small: bool) -> Path:
    """Write the page to a path atomically."""
    return write_whole(path, render_history(history, small=small))


def _figure(slug: str, series: MetricHistory, *, small: bool) -> Figure:
    rows = change_rows(series, small=small)
    return Figure(
        metric=series.metric,
        description=described(series.metric),
        last=formatting.with_unit(series.values[-1], series.unit),
        against=last_against_level(series),
        svg=drawn(course(_course(slug, series, rows, small=small))),
        rows=rows,
    )


def _course(slug: str, series: MetricHistory, rows: Iterable[ChangeRow], *, small: bool) -> Course:
    values = np.array(series.values, np.float64)
    marked = [change for change in series.changes if small or not change.is_small]
    said = [f"change {number} on {row.date}: {row.change}, {row.direction}" for number, row in enumerate(rows, 1)]
    ends = f"first {formatting.with_unit(values[0], series.unit)}, last {formatting.with_unit(values[-1], series.unit)}"
    return Course(
        slug=slug,
        title=one_line(series.metric),
        unit=series.unit,
        description="; ".join([ends, *(said or ["no change point"])]),
        dates=[point.created_utc[:10] for point in series.points],
        values=values,
        shown=clip_outliers(values),
        levels=[(level.begin, level.end, level.value) for level in series.levels],
        marks=[_mark(number, change) for number, change in enumerate(marked, 1)],
    )


def _mark(number: int, change: Change) -> Mark:
    return Mark(change.index, number, change.direction)
