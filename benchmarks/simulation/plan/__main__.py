"""`python -m benchmarks.simulation.plan`: how often the interval of `perfgate plan --scale` covers the true limit."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from math import inf, log

import click
import numpy as np

from benchmarks.simulation.capacity.__main__ import rate
from benchmarks.simulation.plan.worlds import HIGH, LOW, WORLDS, machine_of, true_value
from perfgate.planning.answer import ScaleLimit
from perfgate.planning.limit_search import LimitSearch, limit_of

_HEAD = (
    "world", "true limit", "covers, %", "too high, %", "too low, %", "holds: wrong, %", "breaks: wrong, %",
    "half-width, %: median", "90th percentile", "measurements",
)  # fmt: skip


def searched(name: str, seconds: float, seed: int) -> ScaleLimit:
    """Search once."""
    world = next(each for each in WORLDS if each.name == name)
    machine = machine_of(world, seed, seconds)
    search = LimitSearch(LOW, HIGH, machine.judge)
    for value in search.asks(lambda: machine.now_s / seconds):
        search.tell(machine.measure(value))
    return limit_of(search, {})


@click.command()
@click.argument("names", nargs=-1)
@click.option("--searches", default=500, show_default=True)
@click.option("--seed", default=20_000_000, show_default=True, help="First seed; each world has seeds of its own.")
@click.option("--seconds", default=165.0, show_default=True, help="Time of a search.")
@click.option("--processes", default=2, show_default=True)
def main(names: tuple[str, ...], searches: int, seed: int, seconds: float, processes: int) -> None:
    """Print one row for each world whose name contains one of NAMES."""
    print("| " + " | ".join(_HEAD) + " |\n|" + "---|" * len(_HEAD), flush=True)
    with ProcessPoolExecutor(processes) as pool:
        for number, world in enumerate(WORLDS):
            if names and not any(name in world.name for name in names):
                continue
            seeds = range(seed + 100_000 * number, seed + 100_000 * number + searches)
            found = list(pool.map(partial(searched, world.name, seconds), seeds, chunksize=10))
            true = true_value(world.name)
            halves = [100 * (log(each.upper / each.lower) / 2 if each.upper < inf else inf) for each in found]
            row = (
                world.name,
                f"{true:,.0f}",
                rate([each.lower <= true <= each.upper for each in found]),
                rate([true < each.lower for each in found]),
                rate([true > each.upper for each in found]),
                rate([each.holds is not None and each.holds > true for each in found]),
                rate([each.breaks is not None and each.breaks <= true for each in found]),
                f"{np.median(halves):.1f}",
                f"{np.quantile(halves, 0.9, method='higher'):.1f}",
                f"{np.mean([sum(point.measurements for point in each.points) for each in found]):.1f}",
            )
            print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
