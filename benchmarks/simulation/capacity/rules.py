"""`python -m benchmarks.simulation.capacity.rules`: where a search is after some turns, by two rules.

Probabilistic bisection (Waeber, Frazier & Henderson, SIAM Journal on Control and Optimization 51, 2013, 2261) keeps a
distribution of the capacity, visits its median, and multiplies one side by the probability that a turn's verdict is
right. It looks for the rate at which half of the turns hold, and of each turn it uses one bit.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import exp, log

import click
import numpy as np

from benchmarks.simulation.capacity.runs import SHARE, arrivals, lengths, queue_of, searched, truth
from benchmarks.simulation.capacity.worlds import WORLDS, Machine, World
from perfgate.capacity.controlled import fitted_curve
from perfgate.trials import Arm

TURNS = (20, 40, 80, 120)
RIGHT = (0.6, 0.7)
"""Assumed probabilities that a turn's verdict is right."""


def bisection(world: World, seed: int, right: float) -> list[float]:
    """Return the logarithm of the median after each number of turns."""
    rng, found = np.random.default_rng((seed, 31)), []
    machine = Machine(world, np.random.default_rng((seed, 32)), 150.0)
    guess = log(world.closed_loop_rps) + rng.normal(0, 0.3)
    grid = np.linspace(guess + log(0.1), guess + log(3.0), 8_000)
    weights, length = np.ones(grid.size), lengths(world)
    for number in range(max(TURNS)):
        middle = float(grid[np.searchsorted(np.cumsum(weights), weights.sum() / 2)])
        if number in TURNS:
            found.append(middle)
        instants_s = arrivals(world, exp(middle), length.whole_s, rng)
        responses_s = machine.serve(instants_s, number % 12, number * length.whole_s, exp(middle))
        recorded = responses_s[instants_s >= length.lead_in_s]
        above = np.mean(recorded > world.bound_s) <= SHARE if recorded.size else True
        weights = weights * np.where((grid > middle) == above, right, 1 - right)
        weights /= weights.sum()
    return [*found, float(grid[np.searchsorted(np.cumsum(weights), 0.5)])]


def ours(world: World, seed: int) -> list[float]:
    """Return the logarithm of perfgate's estimate after searches of each length."""
    found = []
    for turns in TURNS:
        planner = searched(world, seed, seconds=turns * lengths(world).whole_s)
        start_rps = planner.start_rps(Arm.CANDIDATE)
        line = fitted_curve(planner.turns, 0, SHARE, queue_of(world), start_rps, final=True).line
        found.append(line.log_rate)
    return found


@click.command()
@click.argument("names", nargs=-1)
@click.option("--searches", default=200, show_default=True)
def main(names: tuple[str, ...], searches: int) -> None:
    """Print bias and standard deviation of the centre, in percent of the capacity."""
    print("| world | rule | " + " | ".join(f"{turns} turns" for turns in TURNS) + " |\n|---|---|" + "---|" * len(TURNS))
    for world in WORLDS:
        if not any(name in world.name for name in names or ("M/D/1", "linear")):
            continue
        rules: dict[str, Callable[[World, int], list[float]]] = {"perfgate": ours}
        rules |= {f"bisection, {right:.0%}": partial(bisection, right=right) for right in RIGHT}
        for name, rule in rules.items():
            errors = 100 * (np.array([rule(world, seed) for seed in range(searches)]) - truth(world))
            cells = [f"{column.mean():+.1f} ± {column.std():.1f}" for column in errors.T]
            print(f"| {world.name} | {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
