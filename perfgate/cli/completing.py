"""Shell completion of values: names of scenarios, baselines and metrics, and paths.

Nothing here may fail or take long, because it runs when Tab is pressed. It reads directories only, never models.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from perfgate.cli.config_file import load_config
from perfgate.errors import PerfgateError

_NOT_NAMES = {"artifacts", "calibrations"}


def paths(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete files and directories in the shell."""
    return [CompletionItem(incomplete, type="file")]


def scenarios(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the names in `scenarios`, and files if none of them matches."""
    found = (path.stem for path in _listed(Path("scenarios")) if path.suffix == ".toml")
    return _beginning(found, incomplete) or [CompletionItem(incomplete, type="file")]


def baselines(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the names in the store, if it is a directory."""
    store = _store(context)
    found = () if "://" in store else (path.name for path in _listed(Path(store)) if path.is_dir())
    return _beginning((name for name in found if name not in _NOT_NAMES and not name.startswith(".")), incomplete)


def metrics(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the names of the metrics table."""
    from perfgate.metrics import BY_NAME  # noqa: PLC0415 - needed only here

    return _beginning(BY_NAME, incomplete)


def _store(context: click.Context) -> str:
    """Find the store as the command will: by option, variable, file or default; click knows only the first yet."""
    if (given := context.params.get("store")) and given != "baselines":
        return str(given)
    with suppress(PerfgateError, OSError):
        return os.environ.get("PERFGATE_STORE") or str(load_config(Path.cwd()).values.get("store", "baselines"))
    return "baselines"


def _listed(directory: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(directory.iterdir())
    return []


def _beginning(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
