"""`python -m benchmarks.simulation.ops`: coverage, error rates and power over thousands of seeded runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import click
import numpy as np
from scipy import stats

from benchmarks.simulation.ops.models import Pair
from benchmarks.simulation.ops.outcomes import Attributed, Explained, Gated, attributed, explained, gated, truth
from benchmarks.simulation.ops.points import ERRORS, GATE, INTERVALS, POWER, Point
from benchmarks.simulation.ops.worlds import World
from perfgate.gate.verdict import Verdict

PARTS = ("added", "removed", "changed", "same", "rest", "sum")


def rate(hits: Sequence[bool]) -> str:
    """Write a rate in percent with its exact 95 % interval."""
    interval = stats.binomtest(sum(hits), len(hits)).proportion_ci(0.95)
    return f"{100 * np.mean(hits):.1f} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


def _intervals(_: Point, found: Sequence[Attributed]) -> Iterator[str]:
    for part in PARTS:
        yield rate([not each.covered[part] for each in found])
    for part in ("added", "sum"):
        yield f"{1000 * np.median([each.halves_ms[part] for each in found]):.2f}"


def _errors(_: Point, found: Sequence[Explained]) -> Iterator[str]:
    yield rate([each.same_differs for each in found])
    yield rate([each.same_named for each in found])
    yield rate([bool(each.sure) for each in found])
    names = sorted({code for each in found for code in each.sure})
    yield ", ".join(f"{code} {sum(code in each.sure for each in found)}" for code in names)


def _power(_: Point, found: Sequence[Explained]) -> Iterator[str]:
    yield rate([each.new_named for each in found])
    yield rate(["op added" in each.sure for each in found])
    yield rate([each.same_named for each in found])


def _gate(point: Point, found: Sequence[Gated]) -> Iterator[str]:
    yield f"{truth(point.pair, point.world.requests):+.2%}"
    for verdict in (Verdict.FAIL, Verdict.PASS):
        yield rate([each.verdict is verdict for each in found])
    yield rate([not each.lower_holds for each in found])
    yield rate([not each.upper_holds for each in found])
    yield f"{100 * np.median([each.half for each in found]):.3f}"


_SAMPLE = ("machine", "rounds", "models", "runs")


@dataclass(frozen=True, slots=True)
class Table:
    """Columns, rows, what is simulated of each, and how it is counted."""

    heads: tuple[str, ...]
    points: tuple[Point, ...]
    one: Callable[[World, Pair, tuple[int, ...]], Any]
    cells: Callable[[Point, Sequence[Any]], Iterator[str]]


TABLES: dict[str, Table] = {
    "intervals": Table(
        (*(f"99 % interval of {part} misses, %" for part in PARTS), "± µs, added", "± µs, sum"),
        INTERVALS,
        attributed,
        _intervals,
    ),
    "errors": Table(
        ("an equal operation differs (Holm), %", "and is named, %", "a false cause, %", "which, runs"),
        ERRORS,
        explained,
        _errors,
    ),
    "power": Table(
        ("new operation named, %", "cause named, %", "an equal operation named, %"), POWER, explained, _power
    ),
    "gate": Table(
        ("true change", "fails, %", "passes, %", "lower bound misses, %", "upper bound misses, %", "± %"),
        GATE,
        gated,
        _gate,
    ),
}


def one(table: str, point: Point, seed: int, run: int) -> Any:  # noqa: ANN401 - each table has its own
    """Return the outcome of one run of a point."""
    return TABLES[table].one(point.world, point.pair, (seed, point.seed, run))


def row(table: str, point: Point, found: Sequence[Any]) -> list[str]:
    """Return the cells of a point."""
    return [*_sample(point, len(found)), *TABLES[table].cells(point, found)]


def _line(cells: Sequence[str]) -> None:
    click.echo("| " + " | ".join(cells) + " |")


def _sample(point: Point, runs: int) -> list[str]:
    return [point.machine, f"{point.world.rounds}", point.pair.name, f"{runs:,}"]


@click.command()
@click.option("--runs", default=1000, show_default=True, help="Seeded runs of each point.")
@click.option("--table", "tables", type=click.Choice(tuple(TABLES)), multiple=True, help="Only these.")
@click.option("--only", default="", help="Only points whose machine, rounds and models contain this.")
@click.option("--seed", default=1, show_default=True, help="Each point has its own seeds, derived from this one.")
@click.option("--processes", default=1, show_default=True)
def main(runs: int, tables: tuple[str, ...], only: str, seed: int, processes: int) -> None:
    """Print Markdown tables, one line for each machine and pair of models."""
    with ProcessPoolExecutor(processes) as pool:
        for name in tables or tuple(TABLES):
            head = (*_SAMPLE, *TABLES[name].heads)
            _line(head)
            _line(["---"] * len(head))
            for point in TABLES[name].points:
                if only in " ".join(_sample(point, runs)):
                    _line(row(name, point, list(pool.map(partial(one, name, point, seed), range(runs), chunksize=20))))
            click.echo()


if __name__ == "__main__":
    main()
