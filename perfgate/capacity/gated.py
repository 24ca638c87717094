"""Capacities as the gate's estimators take them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from perfgate.capacity.answer import ArmCapacity, Bound
from perfgate.capacity.estimate import Estimate, change_of, spread_of
from perfgate.capacity.sentences import bound_words, capacity_sentence
from perfgate.capacity.turn import Floats
from perfgate.stats.capacities import Capacities, KnownCapacity
from perfgate.trials import Arm


def gated(arms: Sequence[ArmCapacity], estimates: Mapping[Arm, Estimate], bounds: Sequence[Bound]) -> Capacities:
    """Return what is known of each arm, and the change if both are estimated; other arms have a sentence instead."""
    return Capacities(
        arms={arm: KnownCapacity(spread_of(found), values_of(found)) for arm, found in estimates.items()},
        change=change_of(*(estimates[arm] for arm in Arm)) if len(estimates) == len(Arm) else None,
        unknown={
            each.arm: capacity_sentence(each, bounds).removeprefix(f"{each.model}: ")
            for each in arms
            if each.arm not in estimates
        },
        objectives=" and ".join(_what_holds(bounds)),
    )


def values_of(found: Estimate) -> tuple[float, ...]:
    """Return one number for each server or part of the time, or as many as tell the degrees of freedom.

    Jackknife's pseudo-values where they are so many, else evenly spread ones, stretched so that Student's t over them
    is the interval of the capacity, which has other errors too: so stored numbers and other occasions need no rule of
    their own.
    """
    spread = spread_of(found)
    count = round(spread.freedom) + 1
    without = next((each for each in (found.without_pair, found.without_block) if each.size == count), np.arange(count))
    around = _standardised(-without.astype(np.float64))
    return tuple((spread.value + spread.error * around).tolist())


def _standardised(values: Floats) -> Floats:
    """Shift and scale to a mean of 0 whose standard error is 1."""
    apart = values - values.mean()
    if not apart.any():
        apart = np.arange(values.size) - (values.size - 1) / 2
    return np.asarray(apart / (apart.std(ddof=1) / np.sqrt(values.size)), np.float64)


def _what_holds(bounds: Iterable[Bound]) -> Iterable[str]:
    """Yield what was stated; what perfgate assumes follows the model."""
    return (bound_words(each) if each.stated else f"{each.metric} as assumed" for each in bounds)
