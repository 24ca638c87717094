"""`perfgate runs`: all runs in a directory or below a URL."""

from __future__ import annotations

from datetime import datetime

import click

from perfgate.cli.all_runs import Moment, opened, place_argument, runs_in
from perfgate.cli.completing import scenarios
from perfgate.cli.consoles import output_console
from perfgate.cli.options import verbose_option
from perfgate.errors import ExitCode

_IN_A_TABLE = 50
_VERDICTS = ("pass", "fail", "inconclusive", "invalid", "interrupted", "running")


@click.command("runs")
@place_argument
@click.option("-m", "--model", default="", metavar="TEXT|DIGEST", help="Only models whose name as given contains this.")
@click.option("-s", "--scenario", default="", metavar="NAME|DIGEST", shell_complete=scenarios,
              help="Only runs of this scenario.")  # fmt: skip
@click.option("--verdict", "verdicts", type=click.Choice(_VERDICTS), multiple=True,
              help="Only runs that ended so; may be repeated.")  # fmt: skip
@click.option("--since", type=Moment(), metavar="TIME", help="Begun then or later, in UTC: 2026-03-01, or 7d (ago).")
@click.option("--until", type=Moment(), metavar="TIME", help="Begun before; of a date, before the end of that day.")
@click.option("--limit", type=click.IntRange(0), metavar="N",
              help="Only the newest N; 0: all. Default: 50 in a table, all with --json or --csv.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document to stdout.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV to stdout.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", envvar="PERFGATE_COLOR",
              show_default=True, help="Colours; auto: on a terminal, subject to NO_COLOR and FORCE_COLOR.")  # fmt: skip
@verbose_option
def command(  # noqa: PLR0913 - one parameter for each option
    place: str,
    *,
    model: str,
    scenario: str,
    verdicts: tuple[str, ...],
    since: tuple[datetime, datetime] | None,
    until: tuple[datetime, datetime] | None,
    limit: int | None,
    as_json: bool,
    as_csv: bool,
    color: str,
) -> int:
    """List all runs in a directory or below a URL, the newest first, with what moved most in each.

    The default is reports. Runs are found at any depth. An index, DIR/.perfgate-runs.parquet, saves reading a result
    again; it can be deleted at any time. The exit code is 0 whatever the verdicts are.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    from perfgate.report.terminal import runs as shown  # noqa: PLC0415 - instant --help
    from perfgate.results.runs.chosen import NEEDED, Choice, choose  # noqa: PLC0415
    from perfgate.results.runs.schema import RUNS  # noqa: PLC0415

    where = opened(place)
    found = runs_in(where, RUNS.names if as_json or as_csv else list(dict.fromkeys((*NEEDED, *shown.SHOWN))))
    choice = Choice(model, scenario, verdicts, since[0] if since else None, until[1] if until else None)
    fitting = choose(found.table, choice)
    chosen = fitting.slice(
        0, (limit if limit is not None else len(fitting) if as_json or as_csv else _IN_A_TABLE) or None
    )
    if as_csv:
        click.echo(shown.as_csv(chosen, where.shown), nl=False)
    elif as_json:
        click.echo(shown.as_json(chosen, where.shown))
    elif chosen:
        shown.print_runs(output_console(color), shown.rows(chosen, where.shown))
    if found.unreadable:
        click.echo(shown.unreadable_line([(where.shown(name), why) for name, why in found.unreadable]), err=True)
    click.echo(shown.final_line(where.url, len(found.table), len(fitting), len(chosen)), err=True)
    return ExitCode.PASS
