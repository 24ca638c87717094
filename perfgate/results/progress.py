"""Progress of a run; shown by `report/terminal/`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from perfgate.gate.stopping import Standing
from perfgate.trials import Caution

Done = Callable[[], float]
"""A number that is evaluated only where it is shown: reading a clock at every visit would cost too much."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of a run."""

    name: str
    most_s: float | None = None
    """Most seconds that it takes; it may end early. None: unknown."""
    later_s: float = 0.0
    """Most seconds of what is measured after it."""
    servers: int = 0
    """Number of servers that it goes through, if its duration is unknown."""


class Progress(Protocol):
    """What the pipeline reports as it goes."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop showing; always called."""
        ...

    def phase(self, phase: Phase) -> None:
        """Show that a phase begins."""
        ...

    def update(self, done: Done) -> None:
        """Offer the phase's seconds or servers so far; called often, between trials."""
        ...

    def stands(self, standing: Standing) -> None:
        """Show the state of the gate after a look."""
        ...

    def tell(self, caution: Caution) -> None:
        """Show a caution that should be known before the end."""
        ...


class SilentProgress:
    """Progress that shows nothing."""

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
        """Ignore the state of the gate."""

    def tell(self, caution: Caution) -> None:
        """Ignore the caution; it is in the result."""


@dataclass
class RecordingProgress(SilentProgress):
    """Progress that keeps everything, for tests."""

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
        """Keep the state of the gate."""
        self.standings.append(standing)

    def tell(self, caution: Caution) -> None:
        """Keep the caution."""
        self.cautions.append(caution)
