"""A baseline name's records as one series a metric, split where its level changed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from perfgate.baseline.record import Record
from perfgate.gate.tolerance import tolerance_of
from perfgate.metrics import BY_NAME, METRICS, Direction, Metric, Scale
from perfgate.scenario.schema import Gate
from perfgate.stats.change_points import FEWEST, Step, find_levels


@dataclass(frozen=True, slots=True)
class Point:
    """One record's value of the metric, in the metric's unit."""

    record_id: str
    created_utc: str
    model_given: str
    model_digest: str
    value: float


@dataclass(frozen=True, slots=True)
class Level:
    """Points from `begin` up to `end`, exclusive, and their mean: on the log scale where the series compares ratios."""

    begin: int
    end: int
    value: float


@dataclass(frozen=True, slots=True)
class Change:
    """One change of level."""

    index: int
    """Index of the first point of the new level."""
    point: Point
    is_same_model: bool
    """Whether the point before is of the same model: if so, the machine or the software changed."""
    before: float
    after: float
    """Levels, in the metric's unit."""
    change: float
    """Change from before to after on the series' scale: a share, or a difference in the metric's unit."""
    lower: float
    upper: float
    """Its 95% interval."""
    direction: str
    """`worse` or `better`; `changed` if the metrics table does not say which direction is better."""
    is_small: bool
    """Whether the metric's default tolerance accepts a change of this size."""


@dataclass(frozen=True, slots=True)
class MetricHistory:
    """One metric over the records that have it, oldest first."""

    metric: str
    unit: str
    scale: Scale
    """The ratio; the difference if the table says so or a value is not positive."""
    points: tuple[Point, ...]
    levels: tuple[Level, ...]
    changes: tuple[Change, ...]

    @property
    def values(self) -> tuple[float, ...]:
        """Values of the records, in the metric's unit."""
        return tuple(point.value for point in self.points)

    @property
    def large(self) -> tuple[Change, ...]:
        """Changes that the metric's default tolerance does not accept."""
        return tuple(change for change in self.changes if not change.is_small)

    @property
    def is_long_enough(self) -> bool:
        """Whether there are enough points to look for changes."""
        return len(self.points) >= FEWEST


@dataclass(frozen=True, slots=True)
class Group:
    """Comparable records: one scenario and one environment."""

    scenario_name: str
    scenario_digest: str
    fingerprint: str
    environment: dict[str, Any]
    """Description of the newest record."""
    records: int
    first_utc: str
    last_utc: str


@dataclass(frozen=True, slots=True)
class History:
    """A baseline name over time."""

    name: str
    store: str
    group: Group
    series: tuple[MetricHistory, ...]
    """Metrics that some record of the group has, in the order of the metrics table."""
    others: tuple[Group, ...] = ()
    """Groups of comparable records, that of the newest record first."""
    unreadable: int = 0


def group_records(records: Iterable[Record]) -> tuple[tuple[Record, ...], ...]:
    """Group comparable records, each in order of time, the group of the newest record first.

    A run that was promoted twice counts once, at its first promotion.
    """
    groups: dict[tuple[str, str], dict[str, Record]] = {}
    for record in sorted(records, key=lambda each: each.id):
        groups.setdefault((record.scenario_digest, record.fingerprint), {}).setdefault(record.run_id, record)
    found = (tuple(group.values()) for group in groups.values())
    return tuple(sorted(found, key=lambda group: group[-1].id, reverse=True))


def group_of(records: Sequence[Record]) -> Group:
    """Describe a group."""
    newest = records[-1]
    return Group(
        newest.scenario_name,
        newest.scenario_digest,
        newest.fingerprint,
        newest.environment,
        len(records),
        records[0].created_utc,
        newest.created_utc,
    )


def series_of(records: Sequence[Record], metrics: Sequence[str] = ()) -> Iterator[MetricHistory]:
    """Return each metric's series over one group's records; all metrics if none is named."""
    named = dict.fromkeys(name for record in records for name in record.metrics)
    known = [metric.name for metric in METRICS if metric.name in named]
    for name in (*known, *(name for name in named if name not in BY_NAME)):
        if not metrics or name in metrics:
            points = tuple(_points(name, records))
            if points:
                yield _series(name, points)


def _points(name: str, records: Iterable[Record]) -> Iterator[Point]:
    for record in records:
        found = record.metrics.get(name)
        if found is not None and found.value is not None and math.isfinite(found.value):
            yield Point(record.id, record.created_utc, record.model.given, record.model.digest, found.value)


def _series(name: str, points: tuple[Point, ...]) -> MetricHistory:
    metric = BY_NAME.get(name)
    values = np.array([point.value for point in points], np.float64)
    by_difference = (metric is not None and metric.scale is Scale.DIFFERENCE) or float(np.min(values)) <= 0
    scale = Scale.DIFFERENCE if by_difference else Scale.RATIO
    found = find_levels(np.log(values) if scale is Scale.RATIO else values)
    levels = tuple(math.exp(each) if scale is Scale.RATIO else each for each in found.levels)
    bounds = (0, *(step.index for step in found.steps), len(points))
    return MetricHistory(
        name,
        metric.unit if metric else "",
        scale,
        points,
        tuple(Level(a, b, level) for (a, b), level in zip(pairwise(bounds), levels, strict=True)),
        tuple(
            _change(step, points[step.index - 1 : step.index + 1], metric, scale, around)
            for step, around in zip(found.steps, pairwise(levels), strict=True)
        ),
    )


def _change(
    step: Step, points: Sequence[Point], metric: Metric | None, scale: Scale, levels: tuple[float, float]
) -> Change:
    (last, first), (before, after) = points, levels
    return Change(
        index=step.index,
        point=first,
        is_same_model=first.model_digest == last.model_digest,
        before=before,
        after=after,
        change=scale.change_of(step.size),
        lower=scale.change_of(step.lower),
        upper=scale.change_of(step.upper),
        direction=_direction(step.size, metric),
        is_small=abs(step.size) <= _tolerance(metric, scale, before),
    )


def _direction(size: float, metric: Metric | None) -> str:
    if metric is None:
        return "changed"
    return "worse" if (size > 0) == (metric.direction is Direction.LOWER) else "better"


def _tolerance(metric: Metric | None, scale: Scale, before: float) -> float:
    """Return the default gate's tolerance on the series' scale; 0 for a metric that is not in the table."""
    if metric is None:
        return 0.0
    tolerance = tolerance_of(metric, Gate(), before)
    if scale is metric.scale:
        return tolerance.log
    return max(tolerance.share * abs(before), metric.min_change)  # of a ratio, for values that reach down to 0
