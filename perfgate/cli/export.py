"""`perfgate export`: all runs as Parquet files, for DuckDB, Polars or Spark."""

from __future__ import annotations

import time

import click

from perfgate.cli.all_runs import opened, place_argument, reporting, runs_in
from perfgate.cli.options import verbose_option
from perfgate.errors import ExitCode


@click.command("export")
@place_argument
@click.option(
    "--parquet", "target", required=True, metavar="DIR|URL", help="Where to write the tables runs and metrics."
)
@verbose_option
def command(place: str, target: str) -> int:
    """Write all runs to Parquet files, partitioned by model, scenario and day.

    Runs are found at any depth in a directory (default: reports) or below a URL. There are two tables: runs has a row
    for each run, metrics one for each of its metrics. Another export to the same place adds new runs and replaces
    changed ones.
    """
    from perfgate.report.terminal.runs import export_line, unreadable_line  # noqa: PLC0415 - instant --help
    from perfgate.results.runs.export import COLUMNS, export  # noqa: PLC0415
    from perfgate.results.runs.places import place_of  # noqa: PLC0415

    where, into = opened(place), place_of(target)
    found = runs_in(where, COLUMNS)
    done = export(found.table, into, where.shown, reporting("exported", time.monotonic))
    if found.unreadable:
        click.echo(unreadable_line([(where.shown(name), why) for name, why in found.unreadable]), err=True)
    click.echo(export_line(where.url, into.url, done), err=True)
    return ExitCode.PASS
