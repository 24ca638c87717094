"""A scenario's requests, as their senders see them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from perfgate.trials import Call


@dataclass(frozen=True, slots=True)
class RecordedPayload:
    """Requests made once and sent repeatedly, the same bytes in every run."""

    calls: tuple[Call, ...]
    """The distinct requests, as gRPC messages."""
    order: tuple[int, ...]
    """Cycle in which they are sent: indices into `calls`, each class in proportion to its weight."""
    classes: tuple[str, ...]
    """Names of the request classes, by `Call.kind`; one empty name if the scenario has none."""
    digest: str
    """`sha256:…` over all requests, their methods and their order."""

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of the traffic of each of `calls`."""
        counts = Counter(self.order)
        return tuple(counts[number] / len(self.order) for number in range(len(self.calls)))

    @property
    def cycle(self) -> tuple[Call, ...]:
        """The requests in the order in which they are sent."""
        return tuple(self.calls[index] for index in self.order)
