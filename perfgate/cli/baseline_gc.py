"""`perfgate baseline gc`: delete from a store what nothing refers to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from perfgate.cli.options import Duration, store_option, verbose_option
from perfgate.errors import ExitCode, UsageError
from perfgate.formatting import duration, with_unit

if TYPE_CHECKING:
    from perfgate.baseline.garbage import Garbage


@click.command("gc")
@click.option(
    "--older-than", "older_than_s", type=Duration(), default="24h", show_default=True, metavar="DURATION",
    help="Keep what was written later: somebody may be adding a record for it now.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Delete nothing; only print what would be deleted.")
@store_option
@verbose_option
def gc_command(older_than_s: float, dry_run: bool, store: str) -> int:  # noqa: FBT001 - click's
    """Delete what nothing refers to: models without a record, unfinished files, pointers without a record.

    Records are never deleted; `perfgate baseline rm` does that. If a record cannot be read, no model is deleted, and
    the exit code is 2.
    """
    from perfgate.baseline.garbage import collect  # noqa: PLC0415 - instant --help

    found = collect(store, older_than_s, datetime.now(UTC), dry_run=dry_run)
    word = "would delete" if dry_run else "deleted"
    for each in found.deleted:
        click.echo(f"{word}  {_line(each)}")
    for each in found.kept:
        click.echo(f"kept  {_line(each)}, {_age(each)}")
    size = with_unit(sum(each.size_bytes for each in found.deleted) / 2**20, "MiB")
    count = len(found.deleted)
    click.echo(f"{word} {count} item{'s' * (count != 1)}, {size}" if count else "nothing to delete")
    if found.unreadable:
        raise UsageError(f"no model was deleted, since any may be needed: {found.unreadable}")
    return ExitCode.PASS


def _line(found: Garbage) -> str:
    return f"{found.path}  {with_unit(found.size_bytes / 2**20, 'MiB')}, {found.why}"


def _age(found: Garbage) -> str:
    return "of unknown age" if found.age_s is None else f"written {duration(max(0.0, found.age_s))} ago"
