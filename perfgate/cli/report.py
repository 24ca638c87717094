"""`perfgate report`: a stored run, rendered again in any format."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from perfgate.cli.options import verbose_option
from perfgate.errors import ExitCode, UsageError

FORMATS = (
    "html", "json", "junit", "github", "markdown", "openmetrics", "benchmark-action", "benchmark-action-bigger",
    "trials-csv", "trials-parquet", "samples-csv", "samples-parquet",
)  # fmt: skip
"""Formats of `perfgate.report.formats.choose`, which is slow to import."""


@click.command("report")
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@click.option("-f", "--format", "name", type=click.Choice(FORMATS), default="html", show_default=True,
              help="Output format.")  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), metavar="FILE",
    help="Output file; default: RUN/report.html for html, standard output for the others.",
)  # fmt: skip
@verbose_option
def command(run: Path, name: str, output: Path | None) -> int:
    """Render a stored run or fleet again, from its directory, result.json or fleet.json.

    html is the report page and json is result.json; junit is for CI servers, github (annotations) and markdown (job
    summary) are for GitHub Actions, openmetrics is for GitLab's metrics reports, benchmark-action is the JSON of
    github-action-benchmark; trials and samples are tables. Of a fleet there are html (its index), json, junit, github
    and markdown. The exit code says whether rendering succeeded, not what the verdict was.
    """
    from perfgate.fleet.document import is_fleet  # noqa: PLC0415 - instant --help
    from perfgate.report.formats import choose, choose_fleet  # noqa: PLC0415

    made = (choose_fleet if is_fleet(run) else choose).written(name, run)
    if output is None and name == "html":
        output = (run if run.is_dir() else run.parent) / made.page_name
    if output is None or str(output) == "-":
        if made.is_binary and sys.stdout.isatty():
            raise UsageError(f"{name} is a binary format", "choose a file with --output, or pipe the output")
        click.echo(made.content, nl=False)
        return ExitCode.PASS
    _write(output, made.content)
    click.echo(f"REPORT {output}", err=True)
    return ExitCode.PASS


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}", "choose another --output") from error
