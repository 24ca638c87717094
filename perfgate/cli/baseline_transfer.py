"""`perfgate baseline export` and `import`: baselines from one store to another by one file."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from perfgate.cli.completing import baselines
from perfgate.cli.options import store_option, verbose_option
from perfgate.errors import ExitCode
from perfgate.formatting import with_unit


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=baselines)
@click.option("--numbers-only", is_flag=True, help="Leave the models out.")
@store_option
@verbose_option
def export_command(file: Path, names: tuple[str, ...], numbers_only: bool, store: str) -> int:  # noqa: FBT001 - click's
    """Write all records, or those of each NAME, with their models to FILE, a tar archive.

    `perfgate baseline import` adds them to another store. The same records always make the same bytes.
    """
    from perfgate.baseline.store import Store  # noqa: PLC0415 - instant --help
    from perfgate.baseline.transfer import export  # noqa: PLC0415
    from perfgate.model.digest import digest  # noqa: PLC0415

    opened = Store(store)
    with TemporaryDirectory(prefix="perfgate-") as scratch:
        done = export(opened, names, file, digest, Path(scratch), numbers_only=numbers_only)
    for record in done.elsewhere:
        click.echo(f"note    {record.name}/{record.id}: its model is not in the file, but at {record.model.artifact}")
    what = f"{_count(len(done.records), 'record')} and {_count(done.models, 'model')}"
    click.echo(f"EXPORTED {what} from {opened.url} to {file} ({with_unit(done.size_bytes / 2**20, 'MiB')})", err=True)
    return ExitCode.PASS


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@store_option
@verbose_option
def import_command(file: Path, store: str) -> int:
    """Add the records and models of FILE, which `perfgate baseline export` has written.

    Nothing is stored unless the whole FILE is valid. Records that the store has already stay as they are; if one has
    different content there, that is an error.
    """
    from perfgate.baseline.store import Store  # noqa: PLC0415 - instant --help
    from perfgate.baseline.transfer import import_  # noqa: PLC0415
    from perfgate.model.digest import digest  # noqa: PLC0415

    opened = Store(store)
    with TemporaryDirectory(prefix="perfgate-") as scratch:
        done = import_(opened, file, digest, Path(scratch))
    for record in done.added:
        click.echo(f"added  {record.name}/{record.id}")
    there = f"; {_count(len(done.present), 'record')} already there" if done.present else ""
    click.echo(f"IMPORTED {_count(len(done.added), 'record')} from {file} into {opened.url}{there}", err=True)
    return ExitCode.PASS


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
