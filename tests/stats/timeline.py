"""Simulated records of one model over hours and days, a later candidate, and two rules that compare them."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy import stats

from perfgate.metrics import BY_NAME
from perfgate.stats.contrast import Contrast
from perfgate.stats.prediction import Occasion, OccasionSpread, occasion_spread, predict, prior_spread

PRIOR = prior_spread(BY_NAME["execute_ms"])
REPLICAS = 12
REPLICA_SD = 0.01
_RECORDS_ENOUGH = 5


@dataclass(frozen=True, slots=True)
class Timeline:
    """When records were made, and how the machine's level moves."""

    records: int = 5
    spacing_h: float = 1.0
    distance_h: float = 72.0
    """Hours from the newest record to the candidate."""
    length_h: float = 24.0
    """Levels have correlation exp(-hours / this); 0: independent."""
    sd: float = 0.05
    drift: float = 0.0
    """Trend of the level a day."""
    cycle: float = 0.0
    """Amplitude of a daily rise and fall, from a random hour."""

    def draw(self, rng: np.random.Generator) -> tuple[Occasion, list[Occasion]]:
        """Return the candidate and the records of an equal model."""
        hours = np.append(np.arange(self.records) * self.spacing_h, 0.0)
        hours[-1] = (self.records - 1) * self.spacing_h + self.distance_h
        daily = self.cycle * np.sin(2 * np.pi * (hours / 24 + rng.uniform())) if self.cycle else 0.0
        levels = self._levels(hours, rng) + self.drift * hours / 24 + daily
        values = levels[:, None] + REPLICA_SD * rng.standard_normal((hours.size, REPLICAS))
        occasions = [Occasion(tuple(row), hour) for row, hour in zip(values.tolist(), hours.tolist(), strict=True)]
        return occasions[-1], occasions[:-1]

    def _levels(self, hours: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Step from each instant to the next: an Ornstein-Uhlenbeck process."""
        noise = rng.standard_normal(hours.size) * self.sd
        for place in range(1, hours.size):
            alike = np.exp(-(hours[place] - hours[place - 1]) / self.length_h) if self.length_h else 0.0
            noise[place] = alike * noise[place - 1] + sqrt(1 - alike**2) * noise[place]
        return noise


def by_days(candidate: Occasion, baseline: list[Occasion]) -> Contrast:
    """Compare like the program."""
    return predict(candidate, baseline, occasion_spread(baseline, (), PRIOR))


def by_records(candidate: Occasion, baseline: list[Occasion]) -> Contrast:
    """Treat records an hour apart as independent draws: the program's former rule, which is wrong."""
    count = len(baseline)
    means = np.array([each.mean for each in baseline])
    own, df = (float(means.var(ddof=1)) if count > 1 else 0.0), count - 1.0
    if count < _RECORDS_ENOUGH:
        own, df = (df * own + PRIOR.df * PRIOR.sd**2) / (df + PRIOR.df), df + PRIOR.df
    alone = [Occasion(each.values, 1000.0 * number) for number, each in enumerate(baseline)]
    return predict(candidate, alone, OccasionSpread(sqrt(own), df, "records"))


@dataclass(frozen=True, slots=True)
class Missed:
    """Outcome of many comparisons of equal models."""

    low: float
    """Share in which the lower bound is above the truth: a model exactly at the tolerance would fail."""
    high: float
    """The same for the upper bound: it would pass."""
    failed: float
    """Share in which equal models fail."""
    half: float
    """Median half-width of the one-sided bound, log scale."""

    @staticmethod
    def of(found: list[Contrast], alpha: float, tolerance: float) -> Missed:
        """Count with one-sided bounds at `alpha`, and a tolerance on the log scale."""
        difference, se, df = (np.array([getattr(each, name) for each in found]) for name in ("difference", "se", "df"))
        half = stats.t.isf(alpha, df) * se
        return Missed(
            float(np.mean(difference > half)),
            float(np.mean(difference < -half)),
            float(np.mean(difference - tolerance > half)),
            float(np.median(half)),
        )

    @property
    def worse(self) -> float:
        """Misses of the side that misses more often."""
        return max(self.low, self.high)
