"""`perfgate inspect --diff`: how two models on disk differ."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from perfgate.cli.consoles import output_console
from perfgate.errors import UsageError
from perfgate.explain.facts import CONSTANTS, VARIABLES, size_text
from perfgate.explain.findings import KINDS
from perfgate.explain.static import static_differences
from perfgate.formatting import number
from perfgate.model.interface import Model
from perfgate.nearest import suggestion
from perfgate.report.terminal.tables import add_row, plain_table, print_table

if TYPE_CHECKING:
    from rich.console import Console

    from perfgate.explain.explanation import StaticDifferences

_DEFAULT = "serving_default"
_SHOWN = 20
_CALLS = re.compile(r"^((Stateful)?PartitionedCall(_\d+)?/)+(?=.)")
"""Calls that every name begins with."""


def show_differences(old: Model, new: Model, signature: str | None, *, as_json: bool, verbose: bool) -> None:
    """Print what differs; UsageError if the signature is in neither model, or if it is not clear which one."""
    key = _chosen(old, new, signature)
    found = static_differences(old, new, key)
    if as_json:
        models = {"model": old.given, "other": new.given}
        click.echo(json.dumps({**models, "signature": key, "same_graph": _is_same(found), **asdict(found)}, indent=2))
        return
    console = output_console()
    for name, model in (("A", old), ("B", new)):
        console.print(f"{name}  {model.given}", soft_wrap=True)
    console.print(f"\n{_headline(old, new, key, found)}\n", style="bold", soft_wrap=True)
    _show(console, found, None if verbose else _SHOWN)


def _chosen(old: Model, new: Model, given: str | None) -> str:
    keys = [[each.key for each in model.signatures] for model in (old, new)]
    either, both = sorted({*keys[0], *keys[1]}), sorted({*keys[0]} & {*keys[1]})
    if given is not None:
        if given not in either:
            raise UsageError(f"neither model has a signature {given!r}", suggestion(given, either))
        return given
    if _DEFAULT in both or not either:
        return _DEFAULT
    candidates = both or either
    if len(candidates) > 1:
        raise UsageError(
            "it is not clear which signature to compare", f"choose by --signature: {', '.join(candidates)}"
        )
    return candidates[0]


def _is_same(found: StaticDifferences) -> bool:
    return not any(found.node_changes) and not found.op_counts


def _headline(old: Model, new: Model, key: str, found: StaticDifferences) -> str:
    lacking = [name for name, model in (("A", old), ("B", new)) if key not in {each.key for each in model.signatures}]
    if lacking:
        return f"{' and '.join(lacking)} {'lack' if len(lacking) > 1 else 'lacks'} the signature {key}"
    other = [f.name for f in found.facts if f.name in {VARIABLES, CONSTANTS} and f.values[0] != f.values[1]]
    if _is_same(found):
        return f"no difference in what {key} runs{', with other weights' if other else ''}"
    added, removed, changed = found.node_changes
    return f"what {key} runs: {added:,} nodes added, {removed:,} removed, {changed:,} changed"


def _show(console: Console, found: StaticDifferences, most: int | None) -> None:
    differing = [fact for fact in found.facts if fact.values[0] != fact.values[1]]
    _table(console, ("property", "A", "B"), ((f.name, *(v or "-" for v in f.values)) for f in differing))
    columns = ("op", ">A", ">B", ">MFLOP a row: A", ">B", ">KiB moved: A", ">B")
    _table(
        console,
        columns,
        ((o.op, *map(str, o.count), *_work(o.flops, 1e6), *_work(o.moved_bytes, 1024)) for o in found.op_counts),
    )
    nodes = found.nodes[:most]
    _table(console, ("", "op", "node", "what"), ((n.kind, n.op, _CALLS.sub("", n.name), n.detail) for n in nodes))
    if (left_out := sum(found.node_changes) - len(nodes)) > 0:
        console.print(f"{left_out:,} more nodes{'' if most is None else ' (-v: up to 200)'}\n")
    tensors = [t for t in found.tensors if t.shapes[0] != t.shapes[1] or most is None]
    rows = ((t.kind, t.name, *(s or "-" for s in t.shapes), *map(size_text, t.size_bytes)) for t in tensors)
    _table(console, ("weights", "name", "A", "B", ">size: A", ">B"), rows)
    meanings = {kind.code: kind.meaning for kind in KINDS}
    findings = ((f.code, *map(str, f.nodes), meanings[f.code], _CALLS.sub("", f.example)) for f in found.findings)
    _table(console, ("found", ">A", ">B", "which", "for example"), findings)


def _work(values: tuple[float, float], unit: float) -> tuple[str, str]:
    return number(values[0] / unit), number(values[1] / unit)


def _table(console: Console, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Print a table; nothing if it has no rows."""
    table = plain_table(*columns, wraps={"node", "name", "what", "which", "for example", "A", "B"})
    for row in rows:
        add_row(table, *row)
    if table.row_count:
        print_table(console, table)
