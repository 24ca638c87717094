"""What the user sees while a run goes on: a live bar on a terminal, one line a phase in a log, or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from perfgate.report import figures
from perfgate.report.plain import one_line
from perfgate.trials import Caution

Decided = Sequence[tuple[str, str]]
"""Metric, and its interval with a provisional word: `("execute_ms", "+4.8% [+4.1, +5.5] fail so far")`."""

_REFRESH_S = 0.5


class Progress(Protocol):
    """What the pipeline tells of its way."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop showing, whatever happened."""
        ...

    def phase(self, name: str, total_s: float | None) -> None:
        """Begin a phase; its length in seconds, or None where it is not known."""
        ...

    def update(self, done_s: float, decided: Decided) -> None:
        """Say how many seconds of the phase are done, and what is decided so far."""
        ...

    def tell(self, caution: Caution) -> None:
        """Say what had better be known before the end."""
        ...


def make_progress(console: Console, *, enabled: bool, quiet: bool) -> Progress:
    """Choose: nothing when quiet, a live bar on a terminal where enabled, else a plain line a phase."""
    if quiet:
        return SilentProgress()
    if enabled and console.is_terminal and not console.is_dumb_terminal:
        return LiveProgress(console)
    return LineProgress(console)


class SilentProgress:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def phase(self, name: str, total_s: float | None) -> None:
        """Ignore the phase."""

    def update(self, done_s: float, decided: Decided) -> None:
        """Ignore the update."""

    def tell(self, caution: Caution) -> None:
        """Ignore the caution; the result has it."""


class LineProgress(SilentProgress):
    """Prints one plain line at the beginning of each phase."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def phase(self, name: str, total_s: float | None) -> None:
        """Print the phase and how long it takes."""
        length = "" if total_s is None else f", about {figures.duration(total_s)}"
        self._console.print(Text(f"perfgate: {one_line(name)}{length}"), soft_wrap=True)

    def tell(self, caution: Caution) -> None:
        """Print the caution and its remedy in one line."""
        self._console.print(_told(caution), soft_wrap=True)


@dataclass
class RecordingProgress(SilentProgress):
    """Keeps what it was told, for tests."""

    phases: list[tuple[str, float | None]] = field(default_factory=list)
    updates: list[tuple[float, tuple[tuple[str, str], ...]]] = field(default_factory=list)
    cautions: list[Caution] = field(default_factory=list)

    def phase(self, name: str, total_s: float | None) -> None:
        """Keep the phase."""
        self.phases.append((name, total_s))

    def update(self, done_s: float, decided: Decided) -> None:
        """Keep the update."""
        self.updates.append((done_s, tuple(decided)))

    def tell(self, caution: Caution) -> None:
        """Keep the caution."""
        self.cautions.append(caution)


class LiveProgress:
    """Redraws one bar and the decisions below it, when told and twice a second at most.

    No thread of its own: a redraw in the middle of a trial would take the CPU that is being measured.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._console = console
        self._name, self._total_s = "", None  # type: tuple[str, float | None]
        self._drawn_s = -_REFRESH_S

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.update("", refresh=True)
        self._live.stop()

    def phase(self, name: str, total_s: float | None) -> None:
        """Show the new phase at once."""
        self._name, self._total_s = one_line(name), total_s
        self._drawn_s = -_REFRESH_S
        self.update(0.0, ())

    def update(self, done_s: float, decided: Decided) -> None:
        """Redraw, unless the last time was just now."""
        now_s = self._clock()
        if now_s - self._drawn_s < _REFRESH_S:
            return
        self._drawn_s = now_s
        self._live.update(Group(self._bar(done_s), *_decisions(decided)), refresh=True)

    def tell(self, caution: Caution) -> None:
        """Print the caution above the bar, where it stays."""
        self._live.console.print(_told(caution))

    def _bar(self, done_s: float) -> RenderableType:
        row = Table.grid(padding=(0, 1), expand=False)
        for _ in range(3):
            row.add_column(no_wrap=True)
        width = max(8, min(32, self._console.width - len(self._name) - 20))
        if self._total_s is None:
            row.add_row(Text(self._name), "", f"{figures.duration(done_s)} so far" if done_s else "")
        else:
            left_s = max(0.0, self._total_s - done_s)
            bar = ProgressBar(total=max(self._total_s, 1e-9), completed=min(done_s, self._total_s), width=width)
            row.add_row(Text(self._name), bar, f"{figures.duration(float(round(left_s)))} left")
        return row


def _told(caution: Caution) -> Text:
    remedy = f": {one_line(caution.remedy)}" if caution.remedy else ""
    return Text(f"perfgate: caution: {one_line(caution.message)}{remedy}")


def _decisions(decided: Decided) -> list[Text]:
    return [
        Text(f"  {one_line(metric)} {one_line(words)}", "dim", no_wrap=True, overflow="ellipsis")
        for metric, words in decided
    ]
