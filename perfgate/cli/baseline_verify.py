"""`perfgate baseline verify`: check a store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from perfgate.cli.completing import baselines
from perfgate.cli.options import store_option, verbose_option
from perfgate.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from perfgate.baseline.verify import CheckedRecord, Verification


@click.command("verify")
@click.argument("name", required=False, shell_complete=baselines)
@store_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document to stdout.")
@verbose_option
def verify_command(name: str | None, store: str, as_json: bool) -> int:  # noqa: FBT001 - click's
    """Check that all records, or those of NAME, are readable and that their models and pointers are intact.

    Exit code 2 if something is broken. Records from another environment and models that no record refers to are listed
    but are not errors.
    """
    import os  # noqa: PLC0415 - instant --help
    from pathlib import Path  # noqa: PLC0415
    from tempfile import TemporaryDirectory  # noqa: PLC0415

    from perfgate.baseline.fingerprint import environment  # noqa: PLC0415
    from perfgate.baseline.store import Store  # noqa: PLC0415
    from perfgate.baseline.verify import verify  # noqa: PLC0415
    from perfgate.model.digest import digest  # noqa: PLC0415

    opened = Store(store)
    with TemporaryDirectory(prefix="perfgate-") as scratch:
        found = verify(opened, name, environment(os.environ), digest, Path(scratch))
    click.echo(_document(opened.url, found) if as_json else _lines(opened.url, found))
    if broken := found.broken:
        what = f"{len(broken)} problem{'s' * (len(broken) > 1)} in {opened.url}"
        raise UsageError(f"{what}: {broken[0]}", "restore the store from a backup, or remove what cannot be restored")
    return ExitCode.PASS


def _document(url: str, found: Verification) -> str:
    records = [
        {
            "name": each.name,
            "id": each.id,
            "problem": each.problem,
            "model": each.model,
            "environment_differs": each.environment,
        }
        for each in found.records
    ]
    whole = {"store": url, "ok": not found.broken, "records": records}
    return json.dumps(whole | {"pointers": found.pointers, "notes": found.notes}, indent=2)


def _lines(url: str, found: Verification) -> str:
    lines = [_line(each) for each in found.records]
    lines += [f"broken  {pointer}" for pointer in found.pointers]
    lines += [f"note    {note}" for note in found.notes]
    return "\n".join(lines) or f"no baselines in {url}"


def _line(record: CheckedRecord) -> str:
    if record.problem:
        return f"broken  {record.name}/{record.id}  {record.problem}"
    where = f"another environment ({record.environment})" if record.environment else "this environment"
    model = {"copy": "model kept", "elsewhere": "model elsewhere"}.get(record.model, record.model)
    return f"ok      {record.name}/{record.id}  {model}, {where}"
