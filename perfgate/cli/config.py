"""`perfgate config`: the settings of `perfgate run` here, and their sources."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from perfgate.cli.options import verbose_option
from perfgate.errors import ExitCode

if TYPE_CHECKING:
    from perfgate.cli.config_file import Config


@click.command("config")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document to stdout.")
@click.option(
    "--schema",
    type=click.Choice(["perfgate.toml", "scenario", "fleet"]),
    help="Print only the JSON Schema of such a file, for editors.",
)
@verbose_option
def command(as_json: bool, schema: str | None) -> int:  # noqa: FBT001 - click's
    """Show the settings `perfgate run` would use here, with the source of each value.

    Flags override PERFGATE_* variables, which override perfgate.toml or [tool.perfgate] in pyproject.toml (the nearest
    one in this directory or above), which overrides the defaults. Severities and accepted regressions follow if the
    file sets them.
    """
    from perfgate.cli.config_file import load_config  # noqa: PLC0415 - instant --help
    from perfgate.cli.measuring import policy_of  # noqa: PLC0415
    from perfgate.cli.run import command as run  # noqa: PLC0415

    if schema is not None:
        click.echo(json.dumps(_schema(schema), indent=2))
        return ExitCode.PASS
    config = load_config(Path.cwd())
    rows = settings(run, config, click.get_current_context().parent)
    policy = policy_of(config, datetime.now(UTC).date())
    if as_json:
        found = {key: {"value": value, "source": source} for key, value, source in rows}
        file = {"file": config.path and str(config.path)}
        click.echo(json.dumps({**file, "settings": found, **policy.shown()}, indent=2, default=str))
        return ExitCode.PASS
    shown = [(key, _shown(value), source) for key, value, source in rows]
    _print([*shown, *policy.rows()])
    return ExitCode.PASS


def _shown(value: Any) -> str:  # noqa: ANN401 - of any option
    """Format a setting as in the file; `-` for none."""
    if value is None or value == ():
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _schema(name: str) -> dict[str, Any]:
    from perfgate.cli import config_schema  # noqa: PLC0415 - instant --help
    from perfgate.fleet import file as fleet_file  # noqa: PLC0415
    from perfgate.scenario import files as scenario_files  # noqa: PLC0415

    made = {
        "perfgate.toml": config_schema.json_schema,
        "scenario": scenario_files.json_schema,
        "fleet": fleet_file.json_schema,
    }
    return made[name]()


def _print(rows: list[tuple[str, str, str]]) -> None:
    width = max(len(key) for key, _, _ in rows)
    longest = max(len(value) for key, value, _ in rows if not key.startswith("accept"))  # those are sentences
    for key, value, source in rows:
        click.echo(f"{key:<{width}}  {value:<{longest}}  {source}")


def settings(run: click.Command, config: Config, parent: click.Context | None) -> tuple[tuple[str, Any, str], ...]:
    """Return (key, value, source) for every key as `run` itself would read it; click.BadParameter as raised there."""
    from click.core import ParameterSource  # noqa: PLC0415 - instant --help

    from perfgate.cli.config_file import defaults_of, options_of  # noqa: PLC0415

    taken = run.make_context("run", ["MODEL"], parent=parent, default_map=defaults_of(run, config))
    named = {ParameterSource.DEFAULT_MAP: str(config.path), ParameterSource.DEFAULT: "default"}
    return tuple(
        (key, taken.params[str(option.name)], named.get(source, str(option.envvar)))
        for key, option in options_of(run)
        if (source := taken.get_parameter_source(str(option.name))) is not None
    )
