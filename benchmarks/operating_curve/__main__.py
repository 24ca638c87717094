"""`python -m benchmarks.operating_curve --rows FILE`: run the table, one line per run, with all runs kept.

If started again, even after a kill or a power cut, it continues where the file ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from benchmarks.operating_curve.measure import Line, run_once
from benchmarks.operating_curve.models import HOME
from benchmarks.operating_curve.neighbour import busy
from benchmarks.operating_curve.row import Row
from benchmarks.operating_curve.rows import BY_NAME, ROWS
from benchmarks.operating_curve.table import read_rows
from perfgate.errors import UsageError

_INTERRUPTED = 130


def _numbers(_: click.Context, __: click.Parameter, given: Sequence[str]) -> dict[str, int]:
    wanted = {}
    for each in given:
        name, _sign, number = each.partition("=")
        if name not in BY_NAME or not (number or str(BY_NAME[name].runs)).isdigit():
            raise click.BadParameter(f"{each} is not NAME or NAME=NUMBER; names: {', '.join(BY_NAME)}")
        wanted[name] = int(number or BY_NAME[name].runs)
    return wanted or {row.name: row.runs for row in ROWS}


@click.command()
@click.option("--rows", "file", type=click.Path(path_type=Path), required=True, help="JSON lines; appended to.")
@click.option("--row", "wanted", multiple=True, callback=_numbers, metavar="NAME[=N]", help="Only these rows, N runs.")
@click.option("--max-minutes", type=float, default=float("inf"), help="Start no run after this many minutes.")
@click.option(
    "--busy", "share", default=0.5, show_default=True, help="Share of one core that a neighbour takes; 0: none."
)
@click.option("--models", type=click.Path(path_type=Path), default=HOME, show_default=True, help="Built if missing.")
def main(file: Path, wanted: dict[str, int], max_minutes: float, share: float, models: Path) -> None:
    """Compare models that differ by known amounts, repeatedly, beside a busy neighbour."""
    _build(models)
    wanted = {name: number for name, number in wanted.items() if _is_possible(BY_NAME[name])}
    began_s = time.monotonic()
    with _only_writer(file) as stream:
        done = read_rows(file)
        while (row := next_row(wanted, _counts(done))) and _minutes(began_s) < max_minutes:
            number = 1 + max((line["run"] for line in done if line["row"] == row.name), default=0)
            of_row = share if row.neighbour is None else row.neighbour
            with busy(of_row):
                line = run_once(row, number, models, half_way_s(row, done))
            if line["exit"] == _INTERRUPTED:
                raise click.Abort
            line |= {"busy": of_row, "commit": _commit()}
            _append(stream, line)
            done = (*done, line)
            left = sum(max(0, many - _counts(done)[name]) for name, many in wanted.items())
            click.echo(f"{row.name} {number}: {line['verdict']}, {line['wall_s']:.0f} s; {left} runs to go", err=True)


def next_row(wanted: Mapping[str, int], done: Mapping[str, int]) -> Row | None:
    """Return the row with the smallest part of its runs done, so that a table that stops early is balanced."""
    missing = [name for name, number in wanted.items() if done.get(name, 0) < number]
    return BY_NAME[min(missing, key=lambda name: done.get(name, 0) / wanted[name])] if missing else None


def half_way_s(row: Row, done: Sequence[Line]) -> float:
    """Return half of the expected measuring time: of the runs without a second neighbour, else of the budget."""
    alike = {
        each.name
        for each in ROWS
        if (each.kind, each.scenario_name) == (row.kind, row.scenario_name) and not each.second_neighbour
    }
    measured = [line["measured_s"] for line in done if line["row"] in alike and line.get("measured_s")]
    return (statistics.median(measured) if measured else row.scenario().budget.measure_s) / 2


def _counts(done: Sequence[Line]) -> Counter[str]:
    return Counter(line["row"] for line in done)


def _minutes(began_s: float) -> float:
    return (time.monotonic() - began_s) / 60


def _build(models: Path) -> None:
    """Build missing models in a separate process, since this one stays without TensorFlow."""
    command = [sys.executable, "-m", "benchmarks.operating_curve.models", "--home", str(models)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if built.returncode:
        raise click.ClickException(f"the models cannot be built: {built.stderr.strip()[-2000:]}")


def _is_possible(row: Row) -> bool:
    """Omit and report a row whose scenario this perfgate does not accept."""
    try:
        row.scenario()
    except UsageError as error:
        click.echo(f"left out: {row.name}, {error}", err=True)
        return False
    return True


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


@contextmanager
def _only_writer(file: Path) -> Iterator[IO[bytes]]:
    """Open the file for appending, exclusively; a partial line at its end, of a killed run, is cut off."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise click.ClickException(f"another process appends to {file}") from None
        stream.seek(0)
        stream.truncate(stream.read().rfind(b"\n") + 1)
        yield stream


def _append(stream: IO[bytes], line: Line) -> None:
    stream.write(json.dumps(line).encode() + b"\n")
    stream.flush()
    os.fsync(stream.fileno())


if __name__ == "__main__":
    main()
