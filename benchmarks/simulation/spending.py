"""`python -m benchmarks.simulation.spending`: cost and benefit of spending functions, with eight planned looks.

Brownian motion with an estimated standard error, so Student's t, as in the gate.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import click
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tests.independent import looks

ALPHA = 0.01
AWAY = (7.0, 5.1, 4.0, 3.3)
"""Distance of the tolerance from the truth, in standard errors of the whole time."""
Function = Callable[[float, float], float]
FUNCTIONS: dict[str, Function] = {
    "O'Brien-Fleming type": lambda t, alpha: float(2 * stats.norm.sf(stats.norm.isf(alpha / 2) / np.sqrt(t))),
    "t⁴": lambda t, alpha: alpha * t**4,
    "t³ (today's)": looks.spent,
    "t²": lambda t, alpha: alpha * t**2,
    "t": lambda t, alpha: alpha * t,
}


def p_values(away: float, df: int, times: NDArray[np.float64], runs: int, seed: int) -> NDArray[np.float64]:
    """Return runs x looks, one-sided; the run's deviation of the standard error is the same at all its looks."""
    rng = np.random.default_rng(seed)
    motion = np.cumsum(rng.normal(size=(runs, times.size)) * np.sqrt(np.diff(times, prepend=0.0)), axis=1)
    error = np.sqrt(rng.chisquare(df, size=(runs, 1)) / df)
    return np.asarray(stats.t.sf((motion + away * times) / np.sqrt(times) / error, df), np.float64)


def row(name: str, away: float, count: int, df: int, runs: int) -> str:
    """Return one row of the table: how many runs are decided, and after which share of the time."""
    times = np.arange(1, count + 1) / count
    levels = np.array(looks.levels(tuple(times.tolist()), ALPHA, FUNCTIONS[name]))
    decides = p_values(away, df, times, runs, zlib.crc32(f"{name} {away} {count} {df}".encode())) <= levels
    decided = decides.any(axis=1)
    ended = np.where(decided, times[decides.argmax(axis=1)], 1.0)
    cells = (name, f"{away:g}", f"{decided.mean():.1%}", f"{np.median(ended):.3f}", f"{ended.mean():.3f}")
    return "| " + " | ".join(cells) + " |"


@click.command()
@click.option("--runs", default=20_000, show_default=True)
@click.option("--looks", "count", default=8, show_default=True)
@click.option("--df", default=20, show_default=True, help="Degrees of freedom of the standard error.")
def main(runs: int, count: int, df: int) -> None:
    """Print a Markdown table; each row has its own seeds."""
    click.echo(
        "| spending function | distance to the tolerance, standard errors | decided | time used, median | mean |"
    )
    click.echo("| --- | --- | --- | --- | --- |")
    for name in FUNCTIONS:
        for away in AWAY:
            click.echo(row(name, away, count, df, runs))


if __name__ == "__main__":
    main()
