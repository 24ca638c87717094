"""What a run tells of its way while it goes on; `report/terminal/` shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from perfgate.gate.stopping import Standing
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
        """Show how the gate stands after a look."""
        ...

    def tell(self, caution: Caution) -> None:
        """Show a caution that should be known before the end."""
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
