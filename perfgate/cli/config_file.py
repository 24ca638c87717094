"""`perfgate.toml`, or `[tool.perfgate]` of pyproject.toml: values for options without a flag or a variable."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from perfgate.errors import UsageError
from perfgate.nearest import nearest

if TYPE_CHECKING:
    from perfgate.gate.policy import PolicyTables

FILE_NAME = "perfgate.toml"
CONFIG = "perfgate.config"
"""Key in click's context under which the file is kept."""

KEYS: dict[str, str] = {
    "baseline": "--baseline",
    "store": "--store",
    "scenario": "--scenario",
    "budget": "--budget",
    "replicas": "--replicas",
    "seed": "--seed",
    "out": "--out",
    "intra_op_threads": "--intra-op-threads",
    "inter_op_threads": "--inter-op-threads",
    "cpus": "--cpus",
    "driver_cpus": "--driver-cpus",
    "on_inconclusive": "--on-inconclusive",
    "junit": "--junit",
    "metrics": "--metrics",
    "color": "--color",
    "quiet": "--quiet",
    "no_progress": "--no-progress",
}
"""Keys of the file, and the options whose defaults they are."""

TABLES = ("severity", "accept")
"""Tables of the file (perfgate.gate.policy)."""

_PLACES = ("store", "out", "junit", "metrics")
_SAME = {"--baseline": ("--baseline", "--name")}
"""`baseline record` and `promote` have `--name` for what `run` calls `--baseline`."""


@dataclass(frozen=True, slots=True)
class Config:
    """Content of a file; empty if there is none."""

    path: Path | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    """By key; paths are relative to the working directory."""
    tables: PolicyTables | None = None
    """Severities and accepted regressions; None if the file has neither."""


def load_config(start: Path) -> Config:
    """Read the nearest file, in `start` or above it; UsageError if it cannot be read or has an unknown key."""
    for folder in (start, *start.parents):
        for path, table in ((folder / FILE_NAME, ()), (folder / "pyproject.toml", ("tool", "perfgate"))):
            values = _table(path, table)
            if values is not None:
                return _checked(path, values, folder, start)
    return Config()


def _table(path: Path, table: tuple[str, ...]) -> Mapping[str, Any] | None:
    try:
        found: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise UsageError(f"cannot read {path}: {reason}", "fix it or move it away") from error
    except tomllib.TOMLDecodeError as error:
        if table:  # a project's pyproject.toml may be for others: no error
            return None
        raise UsageError(f"{path} is not valid TOML: {error}", "fix it or move it away") from None
    for name in table:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _checked(path: Path, values: Mapping[str, Any], folder: Path, start: Path) -> Config:
    known = (*KEYS, *TABLES)
    for key in values:
        if key not in known:
            raise UsageError(f"{path}: unknown key {key}", f"did you mean {nearest(key, known)}?")
    placed = {key: _placed(key, value, folder, start) for key, value in values.items() if key in KEYS}
    tables = {key: values[key] for key in TABLES if key in values}
    return Config(path, placed, _tables(tables, path) if tables else None)


def _tables(values: Mapping[str, Any], path: Path) -> PolicyTables:
    from perfgate.gate.policy import policy_tables  # noqa: PLC0415 - slow to import, and few files have them

    return policy_tables(values, path)


def _placed(key: str, value: Any, folder: Path, start: Path) -> Any:  # noqa: ANN401 - TOML's values
    """Convert paths in the file to paths relative to the working directory."""
    if folder == start:
        return value
    if key == "scenario":
        names = [value] if isinstance(value, str) else value
        return [_scenario(name, folder) if isinstance(name, str) else name for name in names]
    if key in _PLACES and isinstance(value, str) and "://" not in value:
        return str(folder / value)
    return value


def _scenario(name: str, folder: Path) -> str:
    """Find a scenario like the file does: by file beside it, by name in its `scenarios`."""
    if name.endswith(".toml") or "/" in name:
        return str(folder / name)
    file = folder / "scenarios" / f"{name}.toml"
    return str(file) if file.is_file() else name


def defaults_of(command: click.Command, config: Config) -> dict[str, Any]:
    """Return the file's values as click's `default_map` of a command, or of a group's commands.

    UsageError if an option does not accept its value.
    """
    if isinstance(command, click.Group):
        return {name: defaults_of(each, config) for name, each in command.commands.items()}
    return {str(each.name): _taken(each, key, config) for key, each in options_of(command) if key in config.values}


def options_of(command: click.Command) -> Iterator[tuple[str, click.Parameter]]:
    """Pair the keys with those options that the command has."""
    for key, flag in KEYS.items():
        flags = _SAME.get(flag, (flag,))
        found = (each for each in command.params if set(flags) & set(each.opts))
        yield from ((key, each) for each in found if key != "scenario" or each.multiple)  # that of `history` differs


def _taken(parameter: click.Parameter, key: str, config: Config) -> Any:  # noqa: ANN401 - an option's value
    value = config.values[key]
    if parameter.multiple:
        value = [value] if isinstance(value, str) else value
    wrong = isinstance(value, dict) or (isinstance(value, list) and not parameter.multiple)
    if getattr(parameter, "is_flag", False):
        wrong = wrong or not isinstance(value, bool)
    elif isinstance(value, bool):
        wrong = True
    try:
        if not wrong:
            parameter.type_cast_value(click.Context(click.Command("perfgate")), value)
    except click.BadParameter as error:
        raise UsageError(
            f"{config.path}: {key}: {error.message.rstrip('.')}", f"use a value that {KEYS[key]} accepts"
        ) from None
    if wrong:
        raise UsageError(f"{config.path}: {key}: invalid value {value!r}", f"use a value that {KEYS[key]} accepts")
    return value
