"""`perfgate inspect --diff`: how two models on disk differ."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import click

from perfgate.cli.consoles import output_console
from perfgate.errors import UsageError
from perfgate.explain.facts import CONSTANTS, VARIABLES
from perfgate.explain.names import shown_name
from perfgate.explain.sentences import node_changes
from perfgate.explain.static import static_differences
from perfgate.model.interface import Model
from perfgate.nearest import suggestion
from perfgate.report.terminal.explanation import print_static_tables
from perfgate.report.terminal.tables import safe_text

if TYPE_CHECKING:
    from perfgate.explain.explanation import StaticDifferences

_DEFAULT = "serving_default"
_SHOWN = 20


def show_differences(old: Model, new: Model, signature: str | None, *, as_json: bool, verbose: bool) -> None:
    """Print what differs; UsageError if the signature is in neither model, or if it is not clear which one."""
    key = _chosen(old, new, signature)
    found = static_differences(old, new, key)
    if as_json:
        models = {"baseline": old.given, "candidate": new.given, "signature": key}
        click.echo(json.dumps({**models, "same_graph": _is_same(found), **asdict(found)}, indent=2))
        return
    console = output_console()
    for name, text in (("baseline", old.given), ("candidate", new.given), ("signature", key)):
        console.print(f"{name:<11}", safe_text(console, text), sep="", soft_wrap=True)
    console.print()
    console.print(safe_text(console, _headline(old, new, key, found)), style="bold", soft_wrap=True)
    print_static_tables(console, _shown(found, None if verbose else _SHOWN), verbose=True)


def _chosen(old: Model, new: Model, given: str | None) -> str:
    keys = [{each.key for each in model.signatures} for model in (old, new)]
    either, both = sorted(keys[0] | keys[1]), sorted(keys[0] & keys[1])
    if given is not None and given not in either:
        raise UsageError(f"neither model has a signature {given!r}", suggestion(given, either))
    if given is not None or _DEFAULT in either or not either:
        return given or _DEFAULT
    if len(both or either) > 1:
        names = ", ".join(both or either)
        raise UsageError("it is not clear which signature to compare", f"choose one with --signature: {names}")
    return (both or either)[0]


def _is_same(found: StaticDifferences) -> bool:
    return not any(found.node_changes) and not found.op_counts


def _headline(old: Model, new: Model, key: str, found: StaticDifferences) -> str:
    arms = (("the baseline", old), ("the candidate", new))
    lacking = [name for name, model in arms if key not in {each.key for each in model.signatures}]
    if lacking:
        return f"{' and '.join(lacking)} {'lack' if len(lacking) > 1 else 'lacks'} the signature {key}"
    if not _is_same(found):
        return f"{node_changes(found)} in what {key} runs"
    weights = [each for each in found.facts if each.name in {VARIABLES, CONSTANTS} and each.values[0] != each.values[1]]
    return f"no difference in what {key} runs{', with other weights' if weights else ''}"


def _shown(found: StaticDifferences, most: int | None) -> StaticDifferences:
    """Leave out what does not differ, unless all is to be shown, and shorten names."""
    return replace(
        found,
        facts=tuple(each for each in found.facts if each.values[0] != each.values[1]),
        nodes=tuple(replace(each, name=shown_name(each.name)) for each in found.nodes[:most]),
        tensors=tuple(each for each in found.tensors if most is None or each.shapes[0] != each.shapes[1]),
        findings=tuple(replace(each, example=shown_name(each.example)) for each in found.findings),
    )
