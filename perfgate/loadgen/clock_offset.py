"""How far another machine's clock is from this one's, from round trips as in NTP."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """What to add to an instant of this clock to have it on the other one."""

    offset_s: float = 0.0
    uncertainty_s: float = 0.0
    """The true offset is within this of `offset_s`, as long as neither clock is set in between."""

    def there(self, instant_s: float) -> float:
        """Return the other clock's reading at an instant of this one."""
        return instant_s + self.offset_s

    def moved_s(self, later: ClockOffset) -> float:
        """Return how far the clocks have certainly moved against each other until a later comparison."""
        return max(0.0, abs(later.offset_s - self.offset_s) - self.uncertainty_s - later.uncertainty_s)


SAME_CLOCK = ClockOffset()
"""That of a process on this machine: CLOCK_MONOTONIC is the same in all of them."""


def clock_offset(round_trips: Iterable[tuple[float, float, float]]) -> ClockOffset:
    """Return the offset by the fastest of several round trips: sent here, read there, received here.

    The other clock was read at some instant of the round trip, so half of it is the uncertainty (RFC 5905, section 8).
    """
    sent_s, there_s, received_s = min(round_trips, key=lambda trip: trip[2] - trip[0])
    return ClockOffset(there_s - (sent_s + received_s) / 2, (received_s - sent_s) / 2)
