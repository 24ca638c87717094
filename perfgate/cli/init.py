"""`perfgate init`: the first files of a project."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from perfgate.cli.options import verbose_option
from perfgate.errors import ExitCode, UsageError


@click.command("init")
@click.argument("model")
@click.option("--ci", type=click.Choice(["github", "gitlab", "none"]), default="github", show_default=True,
              help="Whose CI file to write.")  # fmt: skip
@click.option("--install", "requirement", default="perfgate", show_default=True, metavar="REQUIREMENT",
              help="What the CI file has pip install: a name, a path or a URL.")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace files that are there.")
@verbose_option
def command(model: str, ci: str, requirement: str, *, force: bool) -> int:
    """Start a project for MODEL: perfgate.toml, a first scenario from its signature, a CI file.

    MODEL is a SavedModel directory, a TF-Serving base path or a .keras file, as the CI job will name it. Nothing that
    is there is replaced.
    """
    from perfgate.cli.starting import first_files, write_all  # noqa: PLC0415 - instant --help
    from perfgate.model.cache import cache_dir  # noqa: PLC0415
    from perfgate.model.saved_model import open_model  # noqa: PLC0415
    from perfgate.payload.record import record_scenario  # noqa: PLC0415
    from perfgate.scenario.files import load_scenario  # noqa: PLC0415

    opened = open_model(model, cache_dir(os.environ))
    files = first_files(opened, ci, requirement)
    write_all(files, Path.cwd(), force=force)
    for path in files:
        click.echo(f"wrote {path}")
    scenario = next(path for path in files if path.parent.name == "scenarios")
    try:
        record_scenario(opened, load_scenario(str(scenario), ()), 0)
    except UsageError as error:
        click.echo(f"{scenario} needs your hand first: {error.problem}. {error.remedy}")
    click.echo("next:")
    click.echo(f"  look at {scenario}: do its requests look like production's?")
    click.echo(f"  {shlex.join(['perfgate', 'baseline', 'record', model])}    # what later versions are compared with")
    click.echo(f"  {shlex.join(['perfgate', 'run', 'NEW_MODEL'])}    # the gate, as CI calls it")
    return ExitCode.PASS
