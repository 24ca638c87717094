"""`perfgate history`: a baseline's metrics over all its records."""

from __future__ import annotations

from pathlib import Path

import click

from perfgate.cli.completing import baselines, metrics, scenarios
from perfgate.cli.consoles import output_console
from perfgate.cli.options import store_option, verbose_option
from perfgate.errors import ExitCode

REPORTS = Path("reports")


@click.command("history")
@click.argument("name", shell_complete=baselines)
@click.option(
    "-m",
    "--metric",
    "metrics",
    multiple=True,
    metavar="METRIC",
    shell_complete=metrics,
    help="Show only this metric; may be repeated.",
)
@click.option(
    "-s",
    "--scenario",
    metavar="NAME|DIGEST",
    shell_complete=scenarios,
    help="Records of this scenario; default: that of the newest record.",
)
@click.option("--fingerprint", metavar="F", help="Records of this environment; default: that of the newest record.")
@click.option("--last", type=click.IntRange(1), metavar="N", help="Only the newest N records.")
@click.option("--all-changes", is_flag=True, help="Also list changes within the default tolerances.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.html", help="Path of the page.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document to stdout.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", envvar="PERFGATE_COLOR",
              show_default=True, help="Colours; auto: on a terminal, subject to NO_COLOR and FORCE_COLOR.")  # fmt: skip
@store_option
@verbose_option
def command(  # noqa: PLR0913, PLR0917 - one parameter for each option
    name: str,
    metrics: tuple[str, ...],
    scenario: str | None,
    fingerprint: str | None,
    last: int | None,
    all_changes: bool,  # noqa: FBT001 - click's
    out: Path | None,
    as_json: bool,  # noqa: FBT001
    color: str,
    store: str,
) -> int:
    """Show a baseline's metrics over all its records, with change points.

    For information only, not a verdict: the exit code is 0 whatever is found. Writes a page, reports/history-NAME.html.
    """
    from perfgate.baseline.store import Store  # noqa: PLC0415 - instant --help
    from perfgate.report.history.document import to_json  # noqa: PLC0415
    from perfgate.report.history.page import write_history  # noqa: PLC0415
    from perfgate.report.history.terminal import final_line, print_history  # noqa: PLC0415
    from perfgate.results.choose_history import Choice, choose_history  # noqa: PLC0415

    history = choose_history(Store(store), name, Choice(scenario, fingerprint, metrics, last))
    if as_json:
        click.echo(to_json(history))
    else:
        print_history(output_console(color), history, small=all_changes)
    page = write_history(history, out or REPORTS / f"history-{name}.html", small=all_changes)
    click.echo(final_line(history, page, small=all_changes), err=True)
    return ExitCode.PASS
