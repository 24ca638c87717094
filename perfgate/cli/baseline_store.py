"""`perfgate baseline list`, `show` and `rm`: inspect and clean up the store."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from perfgate.cli.completing import baselines
from perfgate.cli.consoles import output_console
from perfgate.cli.options import store_option, verbose_option
from perfgate.errors import ExitCode, UsageError
from perfgate.formatting import given, number, quantity, with_unit

if TYPE_CHECKING:
    from perfgate.baseline.record import Record

_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document to stdout.")
_WIDE = 100
"""Width from which a list has more columns about the model, which `show` always has."""
_LONG = ("name", "scenario", "model", "note")
"""Columns whose cells wrap: on a narrow terminal more lines are better than less text."""
_ID = click.option("--id", "record_id", metavar="ID", help="One record, by its id or any unique part of it.")


@click.command("list")
@store_option
@_JSON
@verbose_option
def list_command(store: str, as_json: bool) -> int:  # noqa: FBT001 - click's
    """List all records; a star marks the current record of each name."""
    from perfgate.baseline.store import Store  # noqa: PLC0415 - instant --help

    opened = Store(store)
    current = {name: opened.current(name).id for name in opened.names()}
    records = [(record, current.get(record.name) == record.id) for record in opened.list()]
    if as_json:
        click.echo(json.dumps([_headline(record, is_current=star) for record, star in records], indent=2))
    elif records:
        _print_records(records)
    else:
        click.echo(f"no baselines in {opened.url}; `perfgate baseline record MODEL --name NAME` records one")
    return ExitCode.PASS


@click.command("show")
@click.argument("name", shell_complete=baselines)
@_ID
@store_option
@_JSON
@verbose_option
def show_command(name: str, record_id: str | None, store: str, as_json: bool) -> int:  # noqa: FBT001 - click's
    """Show the current record of NAME, or another one with --id."""
    from perfgate.baseline.record import to_json  # noqa: PLC0415 - instant --help
    from perfgate.baseline.store import Store  # noqa: PLC0415

    opened = Store(store)
    record = opened.get(name, record_id) if record_id is not None else opened.current(name)
    if as_json:
        click.echo(json.dumps({"id": record.id, **json.loads(to_json(record))}, indent=2))
    else:
        _print_record(record)
    return ExitCode.PASS


@click.command("rm")
@click.argument("name", shell_complete=baselines)
@_ID
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation; required without a terminal.")
@store_option
@verbose_option
def rm_command(name: str, record_id: str | None, yes: bool, store: str) -> int:  # noqa: FBT001 - click's
    """Remove one record of NAME, or all of them.

    In a directory, stored models that are no longer referenced are removed too; elsewhere, `perfgate baseline gc` does
    that.
    """
    from perfgate.baseline.store import Store  # noqa: PLC0415 - instant --help

    opened = Store(store)
    ids = opened.ids(name) if record_id is None else (opened.full_id(name, record_id),)
    what = f"{name}/{ids[0]}" if len(ids) == 1 else f"all {len(ids)} records of {name}"
    if ids and not yes:
        if not _asks():
            raise UsageError(f"removing {what} from {opened.url} needs confirmation", "add --yes")
        if not click.confirm(f"Remove {what} from {opened.url}?", err=True):
            click.echo("nothing removed")
            return ExitCode.PASS
    for removed in opened.remove(name, record_id):
        click.echo(f"removed {name}/{removed}")
    if not opened.frees_models:
        click.echo(
            f"models stay in the store; `perfgate baseline gc --store {opened.url}` deletes those without a record"
        )
    return ExitCode.PASS


def _asks() -> bool:
    """Return whether a person can answer."""
    return sys.stdin.isatty()


def _headline(record: Record, *, is_current: bool) -> dict[str, Any]:
    return {
        "name": record.name,
        "id": record.id,
        "current": is_current,
        "created_utc": record.created_utc,
        "scenario_name": record.scenario_name,
        "model_given": record.model.given,
        "model_digest": record.model.digest,
        "model_size_bytes": record.model.size_bytes,
        "artifact": record.model.artifact,
        "fingerprint": record.fingerprint,
        "note": record.note,
    }


def _print_records(records: list[tuple[Record, bool]]) -> None:
    from perfgate.report.terminal.tables import add_row, plain_table  # noqa: PLC0415 - instant --help

    console = output_console()
    wide = console.width >= _WIDE
    of_model = ["model", ">MiB", "kept"] if wide else []
    table = plain_table("", "name", "id", "scenario", *of_model, "note", wraps=_LONG)
    for record, star in records:
        size, kept = number(record.model.size_bytes / 2**20), "yes" if record.model.artifact else "no"
        model = [_short(record.model.digest), size, kept] if wide else []
        add_row(table, "*" if star else "", record.name, record.id, record.scenario_name, *model, record.note)
    console.print(table)


def _print_record(record: Record) -> None:
    from perfgate.report.terminal.tables import add_row, plain_table, print_table  # noqa: PLC0415 - instant --help

    facts = plain_table("", "")
    model = f"{record.model.given}, {_short(record.model.digest)}, {with_unit(record.model.size_bytes / 2**20, 'MiB')}"
    rows = {
        "record": f"{record.name}/{record.id}",
        "created": record.created_utc,
        "scenario": f"{record.scenario_name}, {_short(record.scenario_digest)}",
        "model": model,
        "kept in": record.model.artifact or "not kept: numbers only",
        "machine": f"{_machine(record.environment)}, fingerprint {record.fingerprint}",
        "run": f"{record.run_id}, seed {record.seed}, perfgate {record.perfgate_version}",
        "note": record.note,
    }
    for name, value in rows.items():
        if value:
            add_row(facts, name, value)
    metrics = plain_table("metric", ">value", ">replicas", "note", wraps=_LONG)
    for name, summary in sorted(record.metrics.items()):
        add_row(metrics, name, quantity(summary.value, name), str(len(summary.replicas)), summary.note)
    console = output_console()
    print_table(console, facts)
    console.print(metrics)


def _machine(environment: dict[str, Any]) -> str:
    cores, tensorflow = environment.get("cores"), environment.get("tensorflow")
    parts = (environment.get("cpu_model"), cores and f"{given(cores)} cores", tensorflow and f"TensorFlow {tensorflow}")
    return ", ".join(str(part) for part in parts if part)


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]
