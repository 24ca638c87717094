"""Response times by rate as a small plot of characters, with each version's capacity below it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite, log
from operator import attrgetter
from typing import NamedTuple

from rich.text import Text

from perfgate.capacity.answer import ArmCapacity, Bound, CapacityAnswer, CapacityKind, Point
from perfgate.formatting import rate, with_unit
from perfgate.trials import Arm

ROWS = 9
_WIDEST = 78
_LABEL = 10
"""Columns left of the axis, for times and names of arms."""
_BEYOND = 5.0
"""The plot ends at this many times the objective; what is slower is marked at its upper edge."""
_VALUES: dict[str, Callable[[Point], float]] = {
    name: attrgetter(name.removeprefix("latency_")) for name in ("latency_p99_ms", "latency_p90_ms", "latency_p50_ms")
}
STYLES = {Arm.BASELINE: "blue", Arm.CANDIDATE: "dark_orange"}


class _Signs(NamedTuple):
    arms: dict[Arm, str]
    both: str
    beyond: str
    bound: str
    interval: str
    side: str
    corner: str
    floor: str


_UNICODE = _Signs({Arm.BASELINE: "○", Arm.CANDIDATE: "●"}, "◉", "▲", "┄", "━", "│", "└", "─")
_ASCII = _Signs({Arm.BASELINE: "o", Arm.CANDIDATE: "x"}, "*", "^", "-", "=", "|", "+", "-")


@dataclass(frozen=True, slots=True)
class _Plot:
    metric: str
    bound_ms: float | None
    columns: int
    most_rps: float
    low_ms: float
    high_ms: float
    signs: _Signs

    def column(self, rate_rps: float) -> int:
        return round((self.columns - 1) * min(rate_rps / self.most_rps, 1.0))

    def row(self, time_ms: float) -> int:
        """Return the row on a logarithmic scale, from 0 at the bottom."""
        place = log(time_ms / self.low_ms) / log(self.high_ms / self.low_ms)
        return round((ROWS - 1) * min(max(place, 0.0), 1.0))


def capacity_plot(answer: CapacityAnswer, width: int, *, ascii_only: bool) -> tuple[Text, ...]:
    """Return the lines of the plot; none if fewer than two rates have a response time."""
    plot = _plot(answer, width, _ASCII if ascii_only else _UNICODE)
    lines = tuple(_lines(plot, answer)) if plot else ()
    for line in lines:
        line.rstrip()
    return lines


def _plot(answer: CapacityAnswer, width: int, signs: _Signs) -> _Plot | None:
    for metric in _metrics(answer):
        shown = [(each.rate_rps, _VALUES[metric](each)) for arm in answer.arms for each in arm.points]
        times = [time_ms for _, time_ms in shown if isfinite(time_ms) and time_ms > 0]
        if len(times) > 1:
            bound_ms = _bound_ms(metric, answer.objectives)
            low, high = min(times), max(times)
            if bound_ms is not None:
                low, high = min(low, bound_ms), max(min(high, _BEYOND * bound_ms), bound_ms)
            most_rps = max(rate_rps for rate_rps, _ in shown)
            columns = min(width, _WIDEST) - _LABEL - 1
            return _Plot(metric, bound_ms, columns, most_rps, low, max(high, 1.1 * low), signs)
    return None


def _metrics(answer: CapacityAnswer) -> Iterator[str]:
    """Yield what could be plotted: the objective that breaks first, others, and what needs fewer requests."""
    for metric in (*(arm.objective for arm in answer.arms), *(each.metric for each in answer.objectives), *_VALUES):
        if metric in _VALUES:
            yield metric


def _bound_ms(metric: str, objectives: tuple[Bound, ...]) -> float | None:
    return next((each.bound_ms for each in objectives if each.metric == metric), None)


def _lines(plot: _Plot, answer: CapacityAnswer) -> Iterator[Text]:
    signs = plot.signs
    named = [(f"{signs.arms[arm.arm]} {arm.arm.value}", STYLES[arm.arm]) for arm in answer.arms]
    legend = [part for each in named for part in ("  ", each)] if len(answer.arms) > 1 else []
    yield Text.assemble((f"{plot.metric} by requests/s", "bold"), *legend)
    cells = _cells(plot, answer)
    for row in reversed(range(ROWS)):
        yield _line(_time(plot, row), signs.side, cells[row])
    yield _line("", signs.corner, [(signs.floor, "dim")] * plot.columns)
    most = rate(plot.most_rps)
    yield _line("", " ", [("0" + most.rjust(plot.columns - 1), "")])
    for arm in answer.arms:
        if arm.kind is CapacityKind.ESTIMATED and isfinite(arm.rate_rps):
            yield _line(arm.arm.value if len(answer.arms) > 1 else "capacity", " ", _interval(plot, arm))


def _time(plot: _Plot, row: int) -> str:
    """Return the label of a row: both ends of the scale, and the objective."""
    labels = {ROWS - 1: plot.high_ms, 0: plot.low_ms}
    if plot.bound_ms is not None:
        labels[plot.row(plot.bound_ms)] = plot.bound_ms
    return with_unit(labels[row], "ms") if row in labels else ""


def _line(label: str, side: str, cells: list[tuple[str, str]]) -> Text:
    return Text.assemble((label.rjust(_LABEL - 1) + " ", "dim"), (side, "dim"), *cells, no_wrap=True)


def _cells(plot: _Plot, answer: CapacityAnswer) -> list[list[tuple[str, str]]]:
    cells = [[(" ", "")] * plot.columns for _ in range(ROWS)]
    if plot.bound_ms is not None:
        cells[plot.row(plot.bound_ms)] = [(plot.signs.bound, "dim")] * plot.columns
    seen: dict[tuple[int, int], Arm] = {}
    for arm in answer.arms:
        for point in arm.points:
            time_ms = _VALUES[plot.metric](point)
            if not (isfinite(time_ms) and time_ms > 0):
                continue
            place = plot.row(time_ms), plot.column(point.rate_rps)
            sign = plot.signs.arms[arm.arm] if seen.setdefault(place, arm.arm) is arm.arm else plot.signs.both
            beyond = time_ms > plot.high_ms
            cells[place[0]][place[1]] = (plot.signs.beyond if beyond else sign, STYLES[arm.arm])
    return cells


def _interval(plot: _Plot, arm: ArmCapacity) -> list[tuple[str, str]]:
    """Draw a capacity: its interval as far as it is within the plot, and the estimate."""
    first = plot.column(arm.lower_rps)
    last = plot.column(arm.upper_rps) if isfinite(arm.upper_rps) else plot.columns - 1
    line = [plot.signs.interval if first <= column <= last else " " for column in range(plot.columns)]
    line[plot.column(arm.rate_rps)] = plot.signs.arms[arm.arm]
    return [("".join(line).rstrip(), STYLES[arm.arm])]
