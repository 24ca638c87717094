"""An estimate that comes with its own standard error, such as a jackknife's."""

from __future__ import annotations

from dataclasses import dataclass

from scipy import special


@dataclass(frozen=True, slots=True)
class Spread:
    """An estimate on the scale of logarithms, with its standard error and degrees of freedom."""

    value: float
    error: float
    freedom: float

    def reach(self, level: float) -> float:
        """Return the half-width of the two-sided interval."""
        return float(special.stdtrit(self.freedom, (1 + level) / 2)) * self.error

    def ends(self, level: float) -> tuple[float, float]:
        """Return the two-sided interval."""
        return self.value - self.reach(level), self.value + self.reach(level)
