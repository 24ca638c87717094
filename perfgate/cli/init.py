"""`perfgate init`: the first files of a project."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from perfgate.cli.completing import paths
from perfgate.cli.options import verbose_option
from perfgate.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from perfgate.model.interface import Model


@click.command("init")
@click.argument("model", metavar="MODEL|NAME", shell_complete=paths)
@click.option("--objectives-first", is_flag=True, help="There is no model yet: write objectives and a sketch for NAME.")
@click.option("--ci", type=click.Choice(["github", "gitlab", "none"]), default="github", show_default=True,
              help="CI system to write a file for.")  # fmt: skip
@click.option(
    "--install", "requirement", metavar="REQUIREMENT",
    help=(
        "Package that the CI file installs with pip: a name, a path or a URL; default: where this perfgate was "
        "installed from."
    ),
)  # fmt: skip
@click.option("--force", is_flag=True, help="Replace existing files.")
@verbose_option
def command(model: str, ci: str, requirement: str | None, *, objectives_first: bool, force: bool) -> int:
    """Set up a project for MODEL: perfgate.toml, a scenario made from its signature, a CI file.

    With --objectives-first, for a model that does not exist yet: what it must hold, and a sketch of it.

    MODEL is a SavedModel directory, a TF-Serving base path or a .keras file, with the path that the CI job will use.
    Existing files are not replaced.
    """
    from perfgate.model.cache import cache_dir  # noqa: PLC0415
    from perfgate.model.saved_model import open_model  # noqa: PLC0415
    from perfgate.project.init_files import after_objectives, first_files, objective_files, recording  # noqa: PLC0415
    from perfgate.project.requirement import how_to_bring, installed_requirement  # noqa: PLC0415
    from perfgate.version import __version__  # noqa: PLC0415 - instant --help

    if objectives_first:
        _write(objective_files(model), force=force)
        click.echo("next:")
        for line in after_objectives(model):
            click.echo(f"  {line}")
        return ExitCode.PASS
    opened = open_model(model, cache_dir(os.environ))
    found = requirement or installed_requirement(Path.cwd())
    files = first_files(opened, ci, found or f"perfgate=={__version__}")
    _write(files, force=force)
    scenario = next(path for path in files if path.parent.name == "scenarios")
    _complain(opened, scenario)
    click.echo("next:")
    click.echo(f"  check {scenario}: do its requests look like production's?")
    click.echo(f"  {recording(opened)}    # records the baseline for later versions; commit baselines/")
    click.echo(f"  {shlex.join(['perfgate', 'run', 'NEW_MODEL'])}    # the gate, as CI runs it")
    if found is None and ci != "none":
        for line in how_to_bring(next(path for path in files if path.suffix == ".yml")):
            click.echo(f"  {line}")
    return ExitCode.PASS


def _write(files: Mapping[Path, str], *, force: bool) -> None:
    """Write the first files, and say so."""
    from perfgate.project.init_files import write_all  # noqa: PLC0415 - instant --help

    write_all(files, Path.cwd(), force=force)
    for path in files:
        click.echo(f"wrote {path}")


def _complain(model: Model, scenario: Path) -> None:
    """Print what the user must edit in the scenario before it can make requests."""
    from perfgate.payload.record import record_scenario  # noqa: PLC0415 - instant --help
    from perfgate.scenario.files import load_scenario  # noqa: PLC0415

    try:
        record_scenario(model, load_scenario(str(scenario), ()), 0)
    except UsageError as error:
        click.echo(f"edit {scenario} first: {error.problem}. {error.remedy}")
