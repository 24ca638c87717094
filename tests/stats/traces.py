"""Recorded runs of equal models, made for this project by `benchmarks/traces`."""

from __future__ import annotations

from functools import cache
from math import log1p
from pathlib import Path

from scipy import stats

from benchmarks.traces.trace import Trace, read
from perfgate.metrics import BY_NAME
from perfgate.stats.estimate import estimate

HOME = Path(__file__).parents[1] / "data" / "traces"
NAMES = tuple(sorted(path.stem for path in HOME.glob("*.npz")))


@cache
def trace(name: str) -> Trace:
    return read(HOME / f"{name}.npz")


QUIET_SE = log1p(0.025) / float(stats.t.isf(0.01, 22) + stats.t.isf(0.05, 22))
"""Standard error, 0.58 %, at which 12 servers an arm decide correctly in 95 % of runs with a tolerance of 2.5 %."""


@cache
def quiet_enough() -> list[str]:
    """List the runs that were quiet enough to distinguish a 5 % change of execution time from none."""
    found = ((name, estimate(BY_NAME["execute_ms"], trace(name).table, 0.01, cross_check=False)) for name in NAMES)
    return [name for name, effect in found if effect is not None and effect.log_se < QUIET_SE]
