"""`python -m benchmarks.traces RUN NAME`: make a small trace of a run, for the tests that replay it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from benchmarks.traces.trace import Trace, write
from perfgate.errors import PerfgateError
from perfgate.results.loader import read_run
from perfgate.results.result import Result

_ENVIRONMENT = ("cpu_model", "cores", "tensorflow", "transparent_huge_pages", "load_average")


@click.command()
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@click.argument("name")
@click.option("--note", default="", help="A line to keep: what else was running.")
@click.option("--requests", type=click.IntRange(1), default=800, show_default=True, help="Of each server in a lane.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("tests/data/traces"), show_default=True)
def main(run: Path, name: str, note: str, requests: int, out: Path) -> None:
    """Make OUT/NAME.npz from RUN, the directory of a run of equal models."""
    try:
        result, table = read_run(run)
        path = write(Trace(name, _about(result, note), table), out, requests)
    except PerfgateError as error:
        raise click.ClickException(f"{error.problem}; {error.remedy}") from error
    click.echo(f"{path}: {path.stat().st_size / 1024:.0f} KiB")


def _about(result: Result, note: str) -> dict[str, Any]:
    """Keep the conditions of the recording, and nothing that identifies the machine."""
    return {
        "scenario": result.scenario["name"],
        "date": result.created_utc[:10],
        "measure_s": result.scenario["budget"]["measure_s"],
        "requests": sum(result.trials.requests),
        "note": note,
        **{key: result.environment.get(key) for key in _ENVIRONMENT},
    }


if __name__ == "__main__":
    main()
