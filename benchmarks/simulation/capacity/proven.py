"""`python -m benchmarks.simulation.capacity.proven`: what is said to hold and to break, and how often that is wrong.

With --decide, two settings as `--tune` compares them in the end: how often one is said to beat the other.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from math import exp

import click
import numpy as np

from benchmarks.simulation.capacity.__main__ import rate
from benchmarks.simulation.capacity.runs import BOUND, searched, truth
from benchmarks.simulation.capacity.worlds import WORLDS
from perfgate.capacity.answer import RateStatus, SettingsCompared
from perfgate.capacity.assemble import Judged, capacities_of
from perfgate.trials import Arm

_JUDGED = Judged((BOUND,), alpha=0.01, tolerance=0.05, cores=1, batches=None, unloaded_ms={})
_COMPARED_S = 84.0
"""What is left of the default time of `--tune` for the comparison."""
_CALLED = ("world", "holds: said %", "wrong %", "breaks: said %", "wrong %", "rates called", "of them wrong %")
_COMPARED = ("world", "times as fast", "said to be better %", "by one rate %")


@dataclass(frozen=True, slots=True)
class Said:
    """What one search said of an arm, relative to its true capacity; NaN if nothing."""

    holds: float
    breaks: float
    rates: int
    """Rates that it called one or the other."""
    wrong: int
    """Of them, those on the other side of the capacity."""


def said(name: str, seed: int) -> Said:
    """Search the capacity of one version."""
    world = next(each for each in WORLDS if each.name == name)
    true_rps = exp(truth(world))
    (arm,) = capacities_of(searched(world, seed), {Arm.CANDIDATE: name}, _JUDGED).arms
    called = [point for point in arm.points if point.status is not RateStatus.OPEN]
    wrong = [point for point in called if (point.status is RateStatus.HOLDS) != (point.rate_rps <= true_rps)]
    return Said(arm.holds_rps / true_rps, arm.breaks_rps / true_rps, len(called), len(wrong))


def better(name: str, slow: float, seed: int) -> tuple[bool, bool]:
    """Compare settings with others `slow` times as fast; return whether these are better, and whether by one rate."""
    world = next(each for each in WORLDS if each.name == name)
    planner = searched(world, seed, 1 / slow, _COMPARED_S, decides=True)
    known = capacities_of(planner, dict.fromkeys(Arm, name), _JUDGED)
    current, other = known.arms
    compared = SettingsCompared("other", current, other, known.change)
    return compared.better, compared.proven


@click.command()
@click.argument("names", nargs=-1)
@click.option("--searches", default=200, show_default=True)
@click.option("--seed", default=11_000_000, show_default=True, help="First seed; each world has seeds of its own.")
@click.option("--decide", "factors", type=float, multiple=True, help="Compare settings this many times as fast.")
@click.option("--processes", default=2, show_default=True)
def main(names: tuple[str, ...], searches: int, seed: int, factors: tuple[float, ...], processes: int) -> None:
    """Print one row for each world whose name contains one of NAMES."""
    head = _COMPARED if factors else _CALLED
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head), flush=True)
    with ProcessPoolExecutor(processes) as pool:
        for number, world in enumerate(WORLDS):
            if names and not any(name in world.name for name in names):
                continue
            seeds = range(seed + 100_000 * number, seed + 100_000 * number + searches)
            for factor in factors:
                both = zip(*pool.map(partial(better, world.name, factor), seeds, chunksize=10), strict=True)
                print(f"| {world.name} | {factor:.2f} | " + " | ".join(map(rate, both)) + " |", flush=True)
            if not factors:
                found = list(pool.map(partial(said, world.name), seeds, chunksize=10))
                print(f"| {world.name} | " + " | ".join(_cells(found)) + " |", flush=True)


def _cells(found: list[Said]) -> tuple[str, ...]:
    holds, breaks = (np.array([getattr(each, name) for each in found]) for name in ("holds", "breaks"))
    called, wrong = (sum(getattr(each, name) for each in found) for name in ("rates", "wrong"))
    return (
        f"{100 * np.isfinite(holds).mean():.0f}",
        rate((holds > 1).tolist()),
        f"{100 * np.isfinite(breaks).mean():.0f}",
        rate((breaks < 1).tolist()),
        f"{called / len(found):.0f}",
        f"{100 * wrong / max(called, 1):.1f}",
    )


if __name__ == "__main__":
    main()
