"""The capacities of a run as its estimators take them: from a search over rates, not from trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from perfgate.stats.spread import Spread
from perfgate.trials import Arm


@dataclass(frozen=True, slots=True)
class KnownCapacity:
    """One arm's capacity, as the logarithm of a rate in requests per second."""

    spread: Spread
    values: tuple[float, ...]
    """As many as there are degrees of freedom, and one: Student's t over them is `spread`."""


@dataclass(frozen=True, slots=True)
class Capacities:
    """What a run's search found."""

    arms: Mapping[Arm, KnownCapacity] = field(default_factory=dict)
    """Arms whose capacity is estimated."""
    change: Spread | None = None
    """Candidate minus baseline, over pairs of servers; None unless both are estimated."""
    unknown: Mapping[Arm, str] = field(default_factory=dict)
    """Why an arm's capacity is not known."""
    objectives: str = ""
    """What holds at the capacity: with other objectives, capacities are not comparable."""
