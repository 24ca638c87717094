"""Recorded runs of equal models, of this project's own: `benchmarks/traces` makes them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from benchmarks.traces.trace import Trace, read
from perfgate.metrics import BY_NAME
from perfgate.stats.estimate import estimate

HOME = Path(__file__).parents[1] / "data" / "traces"
NAMES = tuple(sorted(path.stem for path in HOME.glob("*.npz")))


@cache
def trace(name: str) -> Trace:
    return read(HOME / f"{name}.npz")


@cache
def quiet_enough() -> list[str]:
    """Name the runs that were quiet enough to tell 5 % of execution time from nothing."""
    found = ((name, estimate(BY_NAME["execute_ms"], trace(name).table, 0.01, cross_check=False)) for name in NAMES)
    return [name for name, effect in found if effect is not None and effect.log_se < 0.005]
