"""What runs measurements: this machine, or a cluster. It places and starts them, and says how they ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

OVERDUE = "it did not end in time"
"""Why a measurement was lost that is not begun again: it would hang again."""


@dataclass(frozen=True, slots=True)
class Order:
    """One measurement: a command line of perfgate, and what it needs to itself."""

    order_id: str
    """Unique among all orders of a fleet."""
    arguments: tuple[str, ...]
    """Of perfgate, beginning with the command."""
    cwd: str
    environ: Mapping[str, str]
    """The whole environment."""
    log: str
    """File for what the command prints, as seen from where it runs."""
    cores: int
    """Whole cores, all on one machine."""
    most_s: float
    """Seconds after which it is stopped."""
    memory_mib: float = 0.0
    resources: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a measurement ended."""

    order_id: str
    node: str
    """Where it ran."""
    cpus: tuple[int, ...]
    """CPUs that it had to itself; empty if it never began."""
    began_s: float
    """When it had its cores, Unix time."""
    ended_s: float
    """When it ended, Unix time."""
    exit_code: int | None
    """Its exit code; None if it was lost."""
    lost: str = ""
    """Why nothing is known of it, such as a node that died; empty if it ended by itself."""


class Engine(Protocol):
    """Runs measurements; several at a time, if there are cores for them."""

    @property
    def description(self) -> str:
        """Where measurements run, for people."""

    def refusal(self, order: Order) -> str:
        """Return why this order can never run here; empty if it can."""

    def has_room(self, order: Order) -> bool:
        """Return whether the order would begin at once, or soon: nothing more urgent should be held back for it."""

    def start(self, order: Order) -> None:
        """Begin a measurement as soon as its cores are free."""

    def waiting(self) -> tuple[str, ...]:
        """Return the orders (`order_id`) that were started, and wait for cores that others have, as far as known."""

    def withdraw(self) -> tuple[str, ...]:
        """Stop the orders that have not begun, as far as known, and return them (`order_id`)."""

    def wait(self, seconds: float) -> tuple[Ended, ...]:
        """Return what ended, after the first ending or so many seconds."""

    def stop(self) -> None:
        """End everything that runs; idempotent."""
