"""Objectives relative to their bounds: above 1 on the bad side, whichever side that is."""

from __future__ import annotations

import math
from collections.abc import Sequence

from perfgate.explain.tables import TextTable
from perfgate.formatting import share
from perfgate.planning.answer import ObjectiveAnswer


def ratio(objective: ObjectiveAnswer, value: float) -> float:
    """Return a value relative to the bound, above 1 on the bad side; NaN if one of them is 0 where it divides."""
    above, below = (value, objective.bound) if objective.is_maximum else (objective.bound, value)
    if math.isinf(below):
        return 0.0
    return above / below if below else math.nan


def ratios_table(objectives: Sequence[ObjectiveAnswer]) -> TextTable:
    """Return each objective's value and interval relative to its bound."""
    rows = tuple((each.metric, each.status.value, share(ratio(each, each.value)), *_ends(each)) for each in objectives)
    note = "Value divided by bound, or bound divided by value where more is better: above 100% it is missed."
    return TextTable("Objectives relative to their bounds", ("metric", "status", ">value", ">from", ">to"), rows, note)


def _ends(objective: ObjectiveAnswer) -> tuple[str, str]:
    low, high = sorted((ratio(objective, objective.lower), ratio(objective, objective.upper)))
    return share(low), share(high)
