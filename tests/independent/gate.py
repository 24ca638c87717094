"""Many simulated runs, each looked at eight times and judged: error rates, and coverage of the intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.independent.effect import Design, Effects, effects
from tests.independent.looks import FAIL, OPEN, PASS, decisions, levels
from tests.independent.machine import Machine, design, simulated, truth
from tests.independent.requests_mean import Floats, Visits, payload_means, replica_numbers, sampling

LOOKS = tuple(number / 8 for number in range(1, 9))
TWICE_AS_OFTEN = tuple(number / 16 for number in range(1, 17))
ENOUGH_FOR_EARLY = 12
ALPHA = 0.01
AT_ONCE = 250


def late(looks: tuple[float, ...]) -> tuple[float, ...]:
    """Leave out the looks that a run with few replicas an arm does not have."""
    return tuple(look for look in looks if look >= 3 / 8)


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of that many runs."""

    runs: int
    fail: float
    passed: float
    open: float
    covered: float
    """For the 95 % interval at the end."""


def estimated(visits: Visits, who: Design, shares: Floats, *, robust: bool = True) -> Effects:
    """Compare the arms; if not every payload was visited, the sampling of payloads is part of the error."""
    found = effects(replica_numbers(visits, shares, robust=robust), who)
    kinds = np.unique(visits.payload)
    if kinds.size == shares.size:
        return found
    more, more_df = sampling(payload_means(visits, robust=robust), shares[kinds], who.arm, shares.size)
    whole = found.se**2 + more
    df = whole**2 / (found.se**4 / found.df + more**2 / more_df)
    return Effects(found.difference, np.sqrt(whole), df)


def looked(
    visits: Visits, who: Design, shares: Floats, looks: tuple[float, ...] = LOOKS, *, robust: bool = True
) -> list[Effects]:
    """Return the estimate at each look; no look is omitted, and no run ends for futility."""
    parts = [visits.first(int(len(visits.payload) * fraction)) for fraction in looks]
    return [estimated(part, who, shares, robust=robust) for part in parts]


def rates(  # noqa: PLR0917 - the parts of a point
    machine: Machine,
    change: float,
    tolerance: float,
    runs: int,
    seed: int,
    looks: tuple[float, ...] = LOOKS,
    *,
    robust: bool = True,
) -> Rates:
    """Simulate and judge; `change` affects every payload, in addition to the changes of some."""
    rng, log_truth = np.random.default_rng(seed), np.log1p(truth(machine, change))
    shares = np.full(len(machine.cost), 1 / len(machine.cost))
    state: list[NDArray[np.int64]] = []
    covered: list[NDArray[np.bool_]] = []
    for begin in range(0, runs, AT_ONCE):
        visits = simulated(machine, change, min(AT_ONCE, runs - begin), rng)
        seen = looked(visits, design(machine), shares, looks, robust=robust)
        state.append(decisions(seen, levels(looks, ALPHA), tolerance))
        covered.append((seen[-1].lower(0.025) <= log_truth) & (log_truth <= seen[-1].upper(0.025)))
    fail, passed, undecided = (float(np.mean(np.concatenate(state) == one)) for one in (FAIL, PASS, OPEN))
    return Rates(runs, fail, passed, undecided, float(np.mean(np.concatenate(covered))))
