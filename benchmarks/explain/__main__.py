"""`python -m benchmarks.explain HOME GROUPS`: rows of explanations of pairs with a known cause, and their table.

Pairs that are missing below HOME are built first (tests/explain/faults). Each pair gets a seed of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click

from benchmarks.explain.measure import measure
from benchmarks.explain.table import table
from benchmarks.operating_curve.neighbour import busy
from tests.explain.faults.__main__ import asked


@click.command()
@click.argument("home", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1)
@click.option("--rows", type=click.Path(path_type=Path), help="File of JSON lines to which rows are appended.")
@click.option("--seconds", default=15.0, show_default=True, help="Most time for tracing.")
@click.option("--busy", "busy_share", default=0.0, show_default=True, help="Share of a core that a neighbour uses.")
@click.option("--seed", default=1, show_default=True, help="Of the first pair; the others follow.")
def main(  # noqa: PLR0913, PLR0917 - one parameter for each option
    home: Path, names: tuple[str, ...], rows: Path | None, seconds: float, busy_share: float, seed: int
) -> None:
    """Explain the pairs NAMES: names of pairs, or faults, equal, slower, same; without names, the rows' table only."""
    pairs = asked(names)
    if missing := [pair.name for pair in pairs if not (home / pair.name).is_dir()]:
        subprocess.run([sys.executable, "-m", "tests.explain.faults", str(home), *missing], check=True)
    with busy(busy_share):
        for number, pair in enumerate(pairs):
            row = measure(pair, home, seed + number, seconds)
            line = json.dumps({**row.as_dict(), "busy": busy_share})
            if rows is not None:
                with rows.open("a", encoding="utf-8") as file:
                    file.write(line + "\n")
            click.echo(f"{pair.name}: {', '.join(row.causes) or 'no cause'} ({row.trace_s:.1f} of {row.wall_s:.1f} s)")
    if rows is not None:
        click.echo(table([json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]))


if __name__ == "__main__":
    main()
