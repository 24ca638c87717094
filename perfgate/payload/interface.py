"""What a scenario's requests look like to those who send them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from perfgate.trials import Call


@dataclass(frozen=True, slots=True)
class RecordedPayload:
    """Requests made once and sent again and again, the same bytes in every run."""

    calls: tuple[Call, ...]
    """The different requests, as gRPC messages."""
    order: tuple[int, ...]
    """In which order they are sent, again and again: indices into `calls`, each class as often as its weight says."""
    classes: tuple[str, ...]
    """Names of the request classes, by `Call.kind`; one empty name where the scenario has none."""
    digest: str
    """`sha256:…` over all requests, their methods and their order."""

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of the traffic that each of `calls` has."""
        counts = Counter(self.order)
        return tuple(counts[number] / len(self.order) for number in range(len(self.calls)))

    @property
    def cycle(self) -> tuple[Call, ...]:
        """The requests in the order they are sent."""
        return tuple(self.calls[index] for index in self.order)
