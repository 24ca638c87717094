"""`python -m benchmarks.simulation.capacity`: coverage, width, false alarms and power over seeded searches."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from math import expm1

import click
import numpy as np
from scipy import stats

from benchmarks.simulation.capacity.runs import Outcome, search, truth
from benchmarks.simulation.capacity.worlds import BEYOND, WORLDS, World

SLOWER = 1 / 0.9
"""A version whose service takes as much longer that the capacity is about 10 % lower."""
_CHUNK = 25


def rate(hits: Sequence[bool]) -> str:
    """Write a rate in percent with its exact 95 % interval."""
    interval = stats.binomtest(int(np.sum(hits)), len(hits)).proportion_ci(0.95)
    return f"{100 * np.mean(hits):.1f} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


def capacity_row(world: World, found: Sequence[Outcome]) -> tuple[str, ...]:
    """Describe one version's capacity: coverage of the 95 % interval, misses on each side, and its half-width."""
    true = truth(world)
    spreads = [each.capacities[0] for each in found]
    ends = [each.ends(0.95) for each in spreads]
    errors = np.array([each.value - true for each in spreads])
    halves = [expm1(each.reach(0.95)) for each in spreads]
    return (
        rate([low <= true <= high for low, high in ends]),
        rate([true < low for low, _ in ends]),
        rate([true > high for _, high in ends]),
        f"{100 * np.median(halves):.1f}",
        f"{100 * np.quantile(halves, 0.9):.1f}",
        f"{100 * np.median(errors):+.2f}",
        f"{100 * np.std(errors):.2f}",
    )


def change_row(world: World, slow: float, found: Sequence[Outcome]) -> tuple[str, ...]:
    """Describe the change between two versions: how often the 99 % interval excludes 0, and covers the truth."""
    true = truth(world, slow, 2) - truth(world, 1.0, 2) if slow != 1 else 0.0
    ends = [each.change.ends(0.99) for each in found if each.change]
    halves = [expm1(each.change.reach(0.99)) for each in found if each.change]
    return (
        f"{100 * expm1(true):+.1f}",
        rate([low > 0 or high < 0 for low, high in ends]),
        rate([low <= true <= high for low, high in ends]),
        f"{100 * np.median(halves):.1f}",
    )


def _search(name: str, slow: float | None, seconds: float | None, seed: int) -> Outcome:
    """Search in a process of its own, which knows the worlds by name."""
    return search(next(world for world in (*WORLDS, *BEYOND) if world.name == name), seed, slow, seconds)


@click.command()
@click.argument("names", nargs=-1)
@click.option("--searches", default=500, show_default=True)
@click.option("--seed", default=0, show_default=True, help="First seed; each world has seeds of its own.")
@click.option("--slow", type=float, multiple=True, help="Compare two versions, the second this much slower (1: equal).")
@click.option("--beyond", is_flag=True, help="Worlds that the intervals do not cover.")
@click.option("--seconds", type=float, help="Time to measure, instead of perfgate's default.")
@click.option("--processes", default=2, show_default=True)
def main(  # noqa: PLR0913 - one parameter for each option
    names: tuple[str, ...],
    searches: int,
    seed: int,
    slow: tuple[float, ...],
    *,
    beyond: bool,
    seconds: float | None,
    processes: int,
) -> None:
    """Print one row for each world whose name contains one of NAMES."""
    head = ["world", "covers %", "too high %", "too low %", "half-width %", "90th", "bias %", "sd %"]
    pair = ["world", "slower", "true change %", "differs %", "covers %", "half-width %"]
    shown = pair if slow else head
    print("| " + " | ".join(shown) + " |\n|" + "---|" * len(shown), flush=True)
    worlds = BEYOND if beyond else WORLDS
    with ProcessPoolExecutor(processes) as pool:
        for number, world in enumerate(worlds):
            if names and not any(name in world.name for name in names):
                continue
            seeds = range(seed + 100_000 * (number + 1), seed + 100_000 * (number + 1) + searches)
            for factor in slow or (None,):
                found = list(pool.map(partial(_search, world.name, factor, seconds), seeds, chunksize=_CHUNK))
                row = change_row(world, factor, found) if factor is not None else capacity_row(world, found)
                first = (world.name, *(() if factor is None else (f"{factor:.3f}",)))
                print("| " + " | ".join((*first, *row)) + " |", flush=True)


if __name__ == "__main__":
    main()
