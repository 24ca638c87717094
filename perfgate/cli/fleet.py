"""`perfgate fleet`: many models under many scenarios, on this machine or a Ray cluster."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from perfgate.cli.completing import paths
from perfgate.cli.options import fleet_options


@click.command("fleet")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), shell_complete=paths)
@click.option(
    "--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True, envvar="PERFGATE_ENGINE",
    help="Where measurements run: on this machine, or on the nodes of a Ray cluster (perfgate[ray]).",
)  # fmt: skip
@click.option("--address", metavar="ADDRESS", help="Ray cluster to use, such as 10.0.0.1:6379. Default: RAY_ADDRESS.")
@click.option("--fresh", is_flag=True, help="Measure everything again, even what has not changed.")
@click.option("--dry-run", is_flag=True, help="Open everything, and list what would be measured, without measuring.")
@fleet_options
def command(file: Path, *, engine: str, address: str | None, fresh: bool, dry_run: bool, **options: object) -> int:
    """Gate many models under many scenarios, at one error level for all of them.

    FILE lists models, scenarios, baselines, owners, priorities and budgets (docs/reference/fleet.md). Measurements have
    whole cores to themselves; undecided gates get the time that decided ones left. The command may be stopped and
    started again: what was measured is kept, unless its model, baseline or scenario has changed. Writes an index with a
    page for each model.
    """
    from perfgate.cli.consoles import redraws  # noqa: PLC0415 - instant --help
    from perfgate.cli.measuring import host_of, policy_of  # noqa: PLC0415
    from perfgate.pipeline.fleet_command import Question, answer  # noqa: PLC0415
    from perfgate.serving.fork_ahead import Ahead  # noqa: PLC0415

    given: dict[str, Any] = dict(options)
    config = given["config"]
    asked = {name: given[name] for name in ("explain", "on_inconclusive", "junit_file", "out", "as_json", "verbose")}
    host = host_of({**given, "ahead": Ahead()})
    quiet, live = given["quiet"], redraws(host.console) and not given["no_progress"]
    question = Question(file, engine, address, fresh=fresh, dry_run=dry_run, quiet=quiet, live=live, **asked)
    policy = policy_of(config, datetime.now(UTC).date())
    return answer(question, policy, dict(config.values) if config else {}, host)
