"""`python -m benchmarks.change_points`: false alarms, power and coverage of the change points and of alternatives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click
import numpy as np

from benchmarks.change_points.methods import METHODS, Method, chosen
from benchmarks.change_points.noise import NOISES, Change, Noise, shifted
from perfgate.stats.change_points import find_levels

COUNTS = (20, 30, 50, 100, 200)
PLACES = ((20, 10), (30, 20), (30, 25), (50, 40), (100, 50), (100, 90), (200, 195))
SIZES = (1.0, 2.0, 3.0)
NEAR = 2
"""Distance in values within which a change counts as found."""


def false_alarms(method: Method, noise: Noise, count: int, series: int) -> float:
    """Return the share of change-free series in which the method finds a change."""
    return float(np.mean([bool(method(noise(np.random.default_rng((1, i)), count))) for i in range(series)]))


def power(method: Method, noise: Noise, true: Change, series: int, near: int = NEAR) -> float:
    """Return the share of series in which the method finds the only change."""
    runs = (method(shifted(noise, (2, i), true)) for i in range(series))
    return float(np.mean([any(abs(found - true.at) <= near for found in run) for run in runs]))


def coverage(noise: Noise, true: Change, series: int) -> tuple[float, float]:
    """Return, for the changes found, the share whose interval contains the true size, and the mean of the sizes."""
    runs = (find_levels(shifted(noise, (3, i), true)).steps for i in range(series))
    steps = [step for run in runs for step in run if abs(step.index - true.at) <= NEAR]
    if not steps:
        return float("nan"), float("nan")
    return float(np.mean([s.lower <= true.size <= s.upper for s in steps])), float(np.mean([s.size for s in steps]))


@click.command()
@click.option("--series", default=1000, show_default=True, help="Simulated series per cell.")
def main(series: int) -> None:
    """Print the tables of docs/explanation/change-points.md."""
    click.echo(_table(("no change", *(f"n = {count}" for count in COUNTS)), _alarm_rows(series)))
    places = (f"{at} of {count}" for count, at in PLACES)
    click.echo(_table(("noise", "change", *places), _power_rows(series)))
    click.echo(_table(("method", "normal", "AR(0.4)", "log-normal", "+2 sd", "+2 sd, AR(0.4)"), _method_rows(series)))
    click.echo(_table(("noise", "change", "exact place", "coverage of 95 %", "mean size"), _coverage_rows(series)))


def _alarm_rows(series: int) -> Iterator[tuple[str, ...]]:
    for name, noise in NOISES.items():
        yield name, *(_percent(false_alarms(chosen, noise, count, series)) for count in COUNTS)


def _power_rows(series: int) -> Iterator[tuple[str, ...]]:
    for name in ("normal", "AR(0.4)"):
        for size in SIZES:
            cells = (power(chosen, NOISES[name], Change(count, at, size), series) for count, at in PLACES)
            yield name, f"{size:g} sd", *map(_percent, cells)


def _method_rows(series: int) -> Iterator[tuple[str, ...]]:
    for name, method in METHODS.items():
        alarms = (false_alarms(method, NOISES[noise], 100, series) for noise in ("normal", "AR(0.4)", "log-normal"))
        hits = (power(method, NOISES[noise], Change(50, 40, 2.0), series) for noise in ("normal", "AR(0.4)"))
        yield name, *map(_percent, (*alarms, *hits))


def _coverage_rows(series: int) -> Iterator[tuple[str, ...]]:
    for name in ("normal", "AR(0.4)"):
        for size in SIZES:
            noise, true = NOISES[name], Change(100, 50, size)
            exact = power(chosen, noise, true, series, near=0)
            covered, mean = coverage(noise, true, series)
            yield name, f"{size:g} sd", _percent(exact), _percent(covered), f"{mean:.2f} sd"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    main()
