"""The page of commands, options and environment variables, from click."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from docs.reference.make.markdown import code, prose, table
from perfgate.cli.app import app


def commands() -> str:
    """Describe every command with its options, then all environment variables."""
    found = tuple(_commands(app, ["perfgate"]))
    return "\n\n".join([*(_section(path, command) for path, command in found), _variables(found)])


def _commands(group: click.Group, path: list[str]) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _commands(command, [*path, name])
        elif command is not None:
            yield " ".join([*path, name]), command


def _section(path: str, command: click.Command) -> str:
    words = [each.make_metavar(click.Context(command)) for each in command.params if isinstance(each, click.Argument)]
    options = [each for each in command.params if isinstance(each, click.Option)]
    text = [
        f"## {path}",
        prose(inspect.cleandoc(command.help or "")),
        f"Usage: {code(' '.join([path, *words, '[OPTIONS]']))}",
        table(("option", "value", "default", "variable", "what it does"), map(_row, options)),
    ]
    return "\n\n".join(text)


def _row(option: click.Option) -> tuple[str, ...]:
    flags = ", ".join(code(each) for each in (*option.opts, *option.secondary_opts))
    return flags, _value(option), _default(option), _variable(option), prose(option.help or "")


def _value(option: click.Option) -> str:
    if option.is_flag:
        return ""
    if isinstance(option.type, click.Choice):
        return ", ".join(map(code, option.type.choices))
    if isinstance(option.type, click.IntRange):
        low, high = option.type.min, option.type.max
        return f"whole number, at least {low}" if high is None else f"whole number, {low} to {high}"
    return code(option.make_metavar(click.Context(click.Command("perfgate"))))


def _default(option: click.Option) -> str:
    default = option.to_info_dict()["default"]
    return "" if option.is_flag or default in {None, ""} else code(default)


def _variable(option: click.Option) -> str:
    return code(option.envvar) if option.envvar else ""


def _variables(found: tuple[tuple[str, click.Command], ...]) -> str:
    users: dict[tuple[str, str], list[str]] = {}
    for path, command in found:
        for option in command.params:
            if isinstance(option, click.Option) and option.envvar:
                users.setdefault((str(option.envvar), ", ".join(option.opts)), []).append(path)
    rows = ((code(name), code(flags), ", ".join(map(code, paths))) for (name, flags), paths in sorted(users.items()))
    return "## Variables\n\n" + table(("variable", "option", "commands"), rows)
