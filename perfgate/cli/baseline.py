"""`perfgate baseline`: stored baselines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from perfgate.cli.baseline_gc import gc_command
from perfgate.cli.baseline_store import list_command, rm_command, show_command
from perfgate.cli.baseline_transfer import export_command, import_command
from perfgate.cli.baseline_verify import verify_command
from perfgate.cli.completing import baselines, paths
from perfgate.cli.options import measuring_options, store_option, verbose_option

_NAME = click.option(
    "--name",
    default="default",
    show_default=True,
    envvar="PERFGATE_BASELINE",
    metavar="NAME",
    shell_complete=baselines,
    help="Baseline's name.",
)
_NOTE = click.option("--note", default="", help="A note stored with the record.")
_KEPT = (
    click.option(
        "--copy", "kept", flag_value="copy", default="copy", help="Keep a copy of the model in the store (default)."
    ),
    click.option("--no-copy", "kept", flag_value="path", help="Keep only the model's path and digest."),
    click.option(
        "--numbers-only", "kept", flag_value="numbers",
        help="Do not keep the model: `run` then compares with the numbers and detects only large changes.",
    ),
)  # fmt: skip


def _kept(function: Callable[..., int]) -> Callable[..., int]:
    for option in reversed(_KEPT):
        function = option(function)
    return function


@click.group("baseline")
def command() -> None:
    """Record, promote, list, show, remove, verify, export and import stored baselines."""


@click.command("record")
@click.argument("model", shell_complete=paths)
@_NAME
@_NOTE
@_kept
@store_option
@measuring_options
def record_command(model: str, name: str, note: str, kept: str, store: str, **options: object) -> int:
    """Measure MODEL and store it as the baseline NAME."""
    from perfgate.cli.ahead import fork_server_ahead  # noqa: PLC0415 - instant --help

    options["ahead"] = fork_server_ahead(options, model)
    from perfgate.cli.measuring import host_of, options_of  # noqa: PLC0415 - while it imports TensorFlow
    from perfgate.pipeline.record import record_all  # noqa: PLC0415
    from perfgate.pipeline.stored import Kept  # noqa: PLC0415

    shared, host = options_of({**options, "store": store}), host_of(options)
    return record_all(shared.comparisons(host, candidate=model), name, note, Kept(kept), shared, host)


@click.command("promote")
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@_NAME
@_NOTE
@_kept
@store_option
@verbose_option
def promote_command(run: Path, name: str, note: str, kept: str, store: str) -> int:
    """Store the candidate of RUN (a result directory) as the baseline NAME."""
    from perfgate.baseline.store import Store  # noqa: PLC0415 - instant --help
    from perfgate.pipeline.stored import Kept, promote  # noqa: PLC0415
    from perfgate.results.document import read  # noqa: PLC0415

    opened = Store(store)
    record = promote(read(run), name, opened, note, Kept(kept), datetime.now(UTC))
    click.echo(f"PROMOTED {name}/{record.id} in {opened.url}", err=True)
    return 0


_COMMANDS = (
    *(record_command, promote_command, list_command, show_command, rm_command),
    *(verify_command, gc_command, export_command, import_command),
)
for _each in _COMMANDS:
    command.add_command(_each)
