"""`perfgate config`: what `perfgate run` would use here, and who says so."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from perfgate.cli.options import verbose_option
from perfgate.errors import ExitCode


@click.command("config")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@verbose_option
def command(as_json: bool) -> int:  # noqa: FBT001 - click's
    """Show what `perfgate run` would use here: each setting, its value, and whether a variable or a file says so.

    A flag comes before a variable PERFGATE_*, a variable before perfgate.toml or [tool.perfgate] in pyproject.toml, the
    nearest of them in this directory or above it, and the file before the default.
    """
    from perfgate.cli.config_file import load_config  # noqa: PLC0415 - instant --help
    from perfgate.cli.run import command as run  # noqa: PLC0415

    config = load_config(Path.cwd())
    rows = settings(run, config.values, str(config.path), os.environ)
    if as_json:
        found = {key: {"value": value, "source": source} for key, value, source in rows}
        click.echo(json.dumps({"file": config.path and str(config.path), "settings": found}, indent=2, default=str))
        return ExitCode.PASS
    width = max(len(key) for key, _, _ in rows)
    shown = {key: "-" if value is None or value == [] else str(value) for key, value, _ in rows}
    longest = max(map(len, shown.values()))
    for key, _, source in rows:
        click.echo(f"{key:<{width}}  {shown[key]:<{longest}}  {source}")
    return ExitCode.PASS


def settings(
    run: click.Command, values: Mapping[str, Any], path: str, environ: Mapping[str, str]
) -> tuple[tuple[str, Any, str], ...]:
    """Give (key, value, source) for every key, in the order of precedence below flags."""
    from perfgate.cli.config_file import options_of  # noqa: PLC0415 - instant --help

    rows: list[tuple[str, Any, str]] = []
    for key, option in options_of(run):
        variable = option.envvar if isinstance(option.envvar, str) else ""
        if environ.get(variable):
            rows.append((key, environ[variable], variable))
        elif key in values:
            rows.append((key, values[key], path))
        else:
            default = option.get_default(click.Context(run), call=False)
            unset = default is None or type(default).__name__ == "Sentinel"
            rows.append((key, None if unset else default, "default"))
    return tuple(rows)
