"""Progress on a terminal: the current phase, the state of the gate, and the most time that is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.live import Live
from rich.measure import Measurement
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from perfgate import formatting
from perfgate.gate.stopping import Standing
from perfgate.gate.verdict import MetricVerdict, ObjectiveVerdict, Verdict
from perfgate.report.html.interval_bar import gauge
from perfgate.report.rows import gate_row, objective_row, word_of
from perfgate.report.terminal.progress import LineProgress, caution_text
from perfgate.report.terminal.result import STYLES
from perfgate.report.terminal.tables import add_row, plain_table
from perfgate.results.progress import Done, Phase, Progress, SilentProgress
from perfgate.sanitize import one_line
from perfgate.trials import Caution

_REFRESH_S = 0.5
_LONGEST_BAR, _SHORTEST_BAR = 32, 6
_BESIDE_ROWS = 4
"""Screen lines other than rows: bar, count, the table's head, and the cursor's."""


def make_progress(console: Console, *, live: bool, quiet: bool) -> Progress:
    """Choose the display: nothing when quiet, a live view on a suitable terminal, else one plain line a phase."""
    if quiet:
        return SilentProgress()
    return LiveProgress(console) if live else LineProgress(console)


class LiveProgress:
    """Live view, redrawn on demand and at most twice a second.

    It has no thread of its own: a redraw in the middle of a trial would take the CPU that is being measured.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._console = clock, console
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._phase, self._standing = Phase(""), Standing()
        self._measure: Done = lambda: 0.0
        self._before_s = 0.0
        self._drawn_s = -_REFRESH_S

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.update("", refresh=True)
        self._live.stop()

    def phase(self, phase: Phase) -> None:
        """Show the new phase at once."""
        self._before_s += self._measure() if self._phase.most_s is not None else 0.0
        self._phase, self._measure = phase, lambda: 0.0
        self._draw()

    def update(self, done: Done) -> None:
        """Redraw, unless it was just redrawn."""
        self._measure = done
        if self._clock() - self._drawn_s >= _REFRESH_S:
            self._draw()

    def stands(self, standing: Standing) -> None:
        """Show the state of the gate with the next redraw."""
        self._standing = standing

    def tell(self, caution: Caution) -> None:
        """Print the caution above the live view, where it stays."""
        self._live.console.print(caution_text(caution))

    def _draw(self) -> None:
        self._drawn_s = self._clock()
        view = View(self._phase, self._measure(), self._before_s, self._standing)
        self._live.update(view, refresh=True)


@dataclass(frozen=True, slots=True)
class View:
    """The screen at one moment; it fits the terminal's current width and height."""

    phase: Phase
    done: float
    """Progress of the phase, in seconds or servers."""
    before_s: float
    """Seconds measured in earlier phases."""
    standing: Standing

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Draw phase, count and intervals."""
        yield _line(self, options.max_width)
        standing = self.standing
        if standing.metrics or standing.objectives:
            yield Text(_count(standing), "dim", no_wrap=True, overflow="ellipsis")
            room = max(1, (options.height or console.height) - _BESIDE_ROWS)
            yield _fitting(console, options, standing, room)


def _line(view: View, width: int) -> RenderableType:
    """Put phase, bar and time in one line; what does not fit is omitted, the bar first."""
    name, left = one_line(view.phase.name), _left(view)
    row = Table.grid(padding=(0, 1), expand=False)
    for overflow in ("ellipsis", "crop", "ellipsis"):
        row.add_column(no_wrap=True, overflow=overflow)
    bar_width = min(_LONGEST_BAR, width - len(name) - len(left) - 3)
    bar: RenderableType = ""
    if bar_width >= _SHORTEST_BAR:
        done, total = _share(view)
        bar = ProgressBar(total=max(total, 1e-9), completed=min(done, total), width=bar_width)
    row.add_row(Text(name), bar, Text(left))
    return row


def _share(view: View) -> tuple[float, float]:
    """Return progress and total, of the measuring time or of the servers."""
    phase = view.phase
    if phase.most_s is None:
        return view.done, float(phase.servers)
    left_s = max(0.0, phase.most_s - view.done) + phase.later_s
    return view.before_s + view.done, view.before_s + view.done + left_s


def _left(view: View) -> str:
    """Return the most time that is left: lanes end early once everything that they decide is decided."""
    phase = view.phase
    if phase.most_s is None:
        then = f", then at most {_whole(phase.later_s)}" if phase.later_s else ""
        return f"{view.done:.0f} of {phase.servers}{then}" if phase.servers else then.removeprefix(", ")
    left_s = max(0.0, phase.most_s - view.done) + phase.later_s
    return f"at most {_whole(left_s)} left" if left_s else "about to end"


def _whole(seconds: float) -> str:
    """Round up, because it is an upper limit."""
    return formatting.duration(float(-(-seconds // 1)))


def _count(standing: Standing) -> str:
    kinds = [word for word, some in (("metrics", standing.metrics), ("objectives", standing.objectives)) if some]
    return f"{standing.decided} of {standing.total} {' and '.join(kinds)} decided"


@dataclass(frozen=True, slots=True)
class _Layout:
    limit: bool = True
    gauge: bool = False
    change: bool = True
    gap: int = 2


_LAYOUTS = (
    _Layout(gauge=True),
    _Layout(),
    _Layout(gap=1),
    _Layout(limit=False, gap=1),
    _Layout(limit=False, change=False, gap=1),
)
"""Layouts, the fullest first; the first one that fits is used."""


def _fitting(console: Console, options: ConsoleOptions, standing: Standing, room: int) -> RenderableType:
    shown, hidden = _shown(standing, room)
    for layout in _LAYOUTS:
        table = _table(shown, layout, ascii_only=options.ascii_only)
        if Measurement.get(console, options.update(max_width=10_000), table).maximum <= options.max_width:
            break
    if not hidden:
        return table
    return Group(table, Text(f"and {hidden} more", "dim", no_wrap=True, overflow="ellipsis"))


Row = MetricVerdict | ObjectiveVerdict


def _shown(standing: Standing, room: int) -> tuple[tuple[Row, ...], int]:
    """Return the rows that fit, undecided ones first, and how many are omitted."""
    rows: tuple[Row, ...] = (*standing.metrics, *standing.objectives)
    if len(rows) <= room:
        return rows, 0
    ordered = sorted(rows, key=lambda row: row.verdict is not Verdict.INCONCLUSIVE)
    return tuple(ordered[: room - 1]), len(rows) - room + 1


def _table(rows: tuple[Row, ...], layout: _Layout, *, ascii_only: bool) -> Table:
    columns = [">change"] if layout.change else []
    columns += [">interval", *([">limit"] if layout.limit else []), *(["vs tolerance"] if layout.gauge else []), ""]
    table = plain_table("metric", *columns, gap=layout.gap)
    for row in rows:
        change, interval, limit, drawn = _cells(row, ascii_only=ascii_only)
        cells = [*([change] if layout.change else []), interval, *([limit] if layout.limit else [])]
        cells += [drawn] if layout.gauge else []
        add_row(table, row.metric, *cells, _verdict(word_of(row)))
    return table


def _cells(row: Row, *, ascii_only: bool) -> tuple[str, str, str, str]:
    if isinstance(row, ObjectiveVerdict):
        bound = objective_row(row)
        return bound.value, bound.interval, bound.bound, ""
    metric = gate_row(row)
    return metric.change, metric.interval, metric.tolerance, gauge(row, ascii_only=ascii_only)


def _verdict(word: str) -> Text:
    if word == Verdict.INCONCLUSIVE:
        return Text("undecided", "dim", no_wrap=True)
    return Text(word, STYLES[word], no_wrap=True)
