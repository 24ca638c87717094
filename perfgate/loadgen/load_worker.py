"""What is known of a load worker on another node: how its clock was compared, and how punctually it began."""

from __future__ import annotations

from dataclasses import dataclass, replace

from perfgate.loadgen.clock_offset import ClockOffset


@dataclass(frozen=True, slots=True)
class LoadWorker:
    """One worker of the load generator, over all series of the run."""

    name: str
    """Its number and its node: `load worker 2 on node 10.0.0.7 (3f0c1a9b)`."""
    series: int = 0
    """Series in which it sent requests."""
    clock_offset_ms: float = 0.0
    """Its monotonic clock minus perfgate's, at the last comparison; any size, as both count from different instants."""
    clock_uncertainty_ms: float = 0.0
    """The offset is known to within this: half of the fastest of five round trips; the largest of all comparisons."""
    clock_moved_ms: float = 0.0
    """Largest change of the offset during a series that the two uncertainties do not explain."""
    late_series: int = 0
    """Series in which it began more than 2 ms after the common first instant."""
    late_ms: float = 0.0
    """How much later than that instant it began, at most."""

    def after(self, before: ClockOffset, later: ClockOffset, late_ms: float) -> LoadWorker:
        """Add one series, with comparisons of the clocks before it and after it."""
        uncertainty_ms = 1e3 * max(before.uncertainty_s, later.uncertainty_s)
        return replace(
            self,
            series=self.series + 1,
            clock_offset_ms=1e3 * later.offset_s,
            clock_uncertainty_ms=max(self.clock_uncertainty_ms, uncertainty_ms),
            clock_moved_ms=max(self.clock_moved_ms, 1e3 * before.moved_s(later)),
            late_series=self.late_series + (late_ms > LATE_MS),
            late_ms=max(self.late_ms, late_ms),
        )


LATE_MS = 2.0
"""Later than plain sleeping on a shared machine, as for the send lag (docs/explanation/benchmarks.md)."""
