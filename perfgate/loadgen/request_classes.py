"""The request class of each request of a series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from perfgate.trials import Call


def kinds(calls: Sequence[Call], first_call: int, requests: int) -> NDArray[np.int8] | None:
    """Return the number of each request's class; None if all are of class 0."""
    cycle = np.array([call.kind for call in calls], np.int8)
    if not cycle.any():
        return None
    return np.asarray(cycle[(first_call + np.arange(requests)) % len(cycle)], np.int8)
