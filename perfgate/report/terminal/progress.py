"""What the user sees while a run goes on: one line a phase in a log, or nothing; on a terminal see `live.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.text import Text

from perfgate import formatting
from perfgate.gate.looking import Standing
from perfgate.plain import one_line
from perfgate.trials import Caution

Done = Callable[[], float]
"""Asked only where it is shown: a clock read at every visit would be one too many."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of a run."""

    name: str
    most_s: float | None = None
    """How long it takes at most; it may end early. None: not known."""
    later_s: float = 0.0
    """How long what is measured after it takes at most."""
    servers: int = 0
    """Where it is not known how long it takes: how many servers it goes through."""


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

    def phase(self, phase: Phase) -> None:
        """Begin a phase."""
        ...

    def update(self, done: Done) -> None:
        """Offer to show how many seconds of the phase are done, or servers; called between trials, often."""
        ...

    def stands(self, standing: Standing) -> None:
        """Say how the gate stands after a look."""
        ...

    def tell(self, caution: Caution) -> None:
        """Say what had better be known before the end."""
        ...


class SilentProgress:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def phase(self, phase: Phase) -> None:
        """Ignore the phase."""

    def update(self, done: Done) -> None:
        """Ignore the update."""

    def stands(self, standing: Standing) -> None:
        """Ignore how the gate stands."""

    def tell(self, caution: Caution) -> None:
        """Ignore the caution; the result has it."""


class LineProgress(SilentProgress):
    """Prints one plain line at the beginning of each phase."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def phase(self, phase: Phase) -> None:
        """Print the phase and how long it takes at most."""
        length = "" if phase.most_s is None else f", at most {formatting.duration(phase.most_s)}"
        self._console.print(Text(f"perfgate: {one_line(phase.name)}{length}"), soft_wrap=True)

    def tell(self, caution: Caution) -> None:
        """Print the caution and its remedy in one line."""
        self._console.print(told(caution), soft_wrap=True)


@dataclass
class RecordingProgress(SilentProgress):
    """Keeps what it was told, for tests."""

    phases: list[Phase] = field(default_factory=list)
    updates: int = 0
    standings: list[Standing] = field(default_factory=list)
    cautions: list[Caution] = field(default_factory=list)

    def phase(self, phase: Phase) -> None:
        """Keep the phase."""
        self.phases.append(phase)

    def update(self, done: Done) -> None:  # noqa: ARG002 - the protocol's
        """Count the update."""
        self.updates += 1

    def stands(self, standing: Standing) -> None:
        """Keep how the gate stands."""
        self.standings.append(standing)

    def tell(self, caution: Caution) -> None:
        """Keep the caution."""
        self.cautions.append(caution)


def told(caution: Caution) -> Text:
    """Word a caution as it is told beforehand."""
    remedy = f": {one_line(caution.remedy)}" if caution.remedy else ""
    return Text(f"perfgate: caution: {one_line(caution.message)}{remedy}")
