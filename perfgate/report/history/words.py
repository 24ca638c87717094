"""A history in words, shared by terminal and page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from perfgate import formatting
from perfgate.baseline.fingerprint import then_and_now
from perfgate.metrics import BY_NAME, Scale
from perfgate.results.history import Change, Group, History, MetricHistory
from perfgate.stats.change_points import FEWEST


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change point in words."""

    metric: str
    date: str
    record: str
    """The digits of the record's id that `--id` accepts."""
    change: str
    interval: str
    levels: str
    direction: str
    model: str


def change_rows(series: MetricHistory, *, small: bool) -> tuple[ChangeRow, ...]:
    """Describe change points, oldest first; with `small`, also those that the default tolerance accepts."""
    return tuple(_row(series, change) for change in series.changes if small or not change.is_small)


def _row(series: MetricHistory, change: Change) -> ChangeRow:
    return ChangeRow(
        metric=series.metric,
        date=change.point.created_utc[:10],
        record=short_id(change.point.record_id),
        change=amount(series, change.change),
        interval=interval(series, change),
        levels=f"{_without_unit(change.before, series.unit)} to {formatting.with_unit(change.after, series.unit)}",
        direction=change.direction,
        model="same model" if change.is_same_model else change.point.model_given,
    )


def _without_unit(value: float, unit: str) -> str:
    return formatting.share(value) if unit == "share" else formatting.number(value)


def short_id(record_id: str) -> str:
    """Return the part of a record's id that follows the time and distinguishes it from others."""
    return record_id.rpartition("-")[2]


def amount(series: MetricHistory, change: float) -> str:
    """Return a signed change: a share in percent, or a difference with its unit."""
    if series.scale is Scale.RATIO:
        return formatting.change(change)
    return formatting.difference(change, series.unit)


def interval(series: MetricHistory, change: Change) -> str:
    """Return a change's 95% interval, without units."""
    if series.scale is Scale.RATIO:
        return formatting.interval(change.lower, change.upper)
    return formatting.difference_interval(change.lower, change.upper, series.unit)


def last_against_level(series: MetricHistory) -> str:
    """Return the last value compared with the level since the last change point."""
    last, level = series.points[-1].value, series.levels[-1].value
    if series.scale is Scale.RATIO:
        return formatting.change(last / level - 1)
    return amount(series, last - level)


def described(metric: str) -> str:
    """Return the metrics table's description; empty for a metric that is not in the table."""
    return BY_NAME[metric].description if metric in BY_NAME else ""


def headline(history: History, *, small: bool) -> str:
    """Return a short summary of the findings."""
    if not any(series.is_long_enough for series in history.series):
        return f"{_counted(history.group.records, 'record')}: change points need at least {FEWEST}"
    counts = [len(change_rows(series, small=small)) for series in history.series]
    metrics, records = _counted(len(counts), "metric"), _counted(history.group.records, "record")
    if not sum(counts):
        return f"no change point in {metrics} over {records}"
    return f"{_counted(sum(counts), 'change point')} in {sum(map(bool, counts))} of {metrics} over {records}"


def subject(history: History) -> str:
    """Return which records the series contain."""
    group = history.group
    return (
        f"{_counted(group.records, 'record')} of scenario {group.scenario_name} {short_digest(group.scenario_digest)}, "
        f"{_span(group)}, environment {group.fingerprint}"
    )


def notes(history: History, *, small: bool) -> Iterator[str]:
    """Return what is not shown, and why."""
    if short := [series for series in history.series if not series.is_long_enough]:
        fewest = min(len(series.points) for series in short)
        which = "" if len(short) == len(history.series) else f" ({', '.join(series.metric for series in short)})"
        yield f"change points need at least {FEWEST} records of one scenario and environment; there are {fewest}{which}"
    hidden = sum(change.is_small for series in history.series for change in series.changes)
    if hidden and not small:
        yield f"{_counted(hidden, 'smaller change')} within the default tolerances: --all-changes lists them"
    for group in history.others:
        yield f"not included: {_other(group, history.group)}"
    if history.unreadable:
        yield f"{_counted(history.unreadable, 'record')} cannot be read: `perfgate baseline verify` lists them"


def short_digest(digest: str) -> str:
    """Return the first twelve digits of a digest."""
    return formatting.short_digest(digest).removeprefix("sha256:")


def _other(group: Group, shown: Group) -> str:
    if group.scenario_digest != shown.scenario_digest:
        same = group.scenario_name == shown.scenario_name
        what = f"{'an older ' if same else ''}scenario {group.scenario_name} {short_digest(group.scenario_digest)}"
        if group.fingerprint != shown.fingerprint:
            what += f", environment {group.fingerprint}"
    else:
        differs = then_and_now(group.environment, shown.environment) or "the server's settings"
        what = f"environment {group.fingerprint} ({differs})"
    return f"{_counted(group.records, 'record')} of {what}, {_span(group)}"


def _span(group: Group) -> str:
    first, last = group.first_utc[:10], group.last_utc[:10]
    return first if first == last else f"{first} to {last}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
