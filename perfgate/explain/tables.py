"""The numbers of an explanation as tables of text, for all renderers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from perfgate import formatting
from perfgate.explain.explanation import (
    Attribution,
    ChangeKind,
    Explanation,
    GroupChange,
    OpChange,
    StaticDifferences,
    TensorChange,
)
from perfgate.explain.facts import size_text
from perfgate.explain.findings import KINDS
from perfgate.explain.names import NO_SCOPE, scope_of
from perfgate.explain.sentences import difference_cells

MEANINGS = {
    "removed": "ops that only the baseline executes",
    "added": "ops that only the candidate executes",
    "changed": "ops whose attributes, types or shapes differ",
    "same": "ops that are alike in both",
    "rest": "outside of ops",
}
"""What each part of the sum is."""
_ARMS = (">baseline", ">candidate")
_CHANGE = (">change", ">interval")
_MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table whose rows are text."""

    title: str
    columns: tuple[str, ...]
    """A name with `>` in front has numbers."""
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def without(self, names: Iterable[str]) -> TextTable:
        """Return it without some columns."""
        kept = [place for place, name in enumerate(self.columns) if name not in names]
        rows = (tuple(row[place] for place in kept) for row in self.rows)
        return TextTable(self.title, tuple(self.columns[place] for place in kept), tuple(rows), self.note)


def sum_table(found: Attribution) -> TextTable:
    """Return the parts that add up to the change of the execution time, and the sum."""
    rows = [(part.name, *difference_cells(part.change_ms), _meaning(part.name, found)) for part in found.parts]
    rows.append(("sum", *difference_cells(found.change_ms), "change of the execution time"))
    note = f"{formatting.share(found.confidence)} intervals over replicas, each on its own."
    return TextTable("Where the change is", ("part", *_CHANGE, "what it is"), tuple(rows), note)


def _meaning(part: str, found: Attribution) -> str:
    """Return what a part is; what is outside of ops grows with their number."""
    before, after = (formatting.given(round(calls)) for calls in found.op_calls)
    runs = f" ({before} -> {after} run)" if part == "rest" and before != after else ""
    return MEANINGS.get(part, "") + runs


def differing(found: Attribution) -> tuple[OpChange, ...]:
    """Return the ops that changed, and those that are the same but take another time, the largest change first."""
    return tuple(op for op in found.ops if op.significant or op.kind is not ChangeKind.SAME)


def ops_table(found: Attribution, ops: Sequence[OpChange], most: int) -> TextTable:
    """Return one row an op: those that differ at the level of all ops together (Holm) are certain."""
    scope = _shared(scope_of(op.name) for op in ops[:most])
    rows = ((_kind(op), op.op, _short(op.name, scope), *_row(op), _detail(op, scope)) for op in ops[:most])
    rest = len(ops) - most
    notes = (f"{rest:,} more in explain.json." if rest > 0 else "", *_uncertain(ops[:most]), _all_in(scope))
    title = "Ops that changed" if len(ops) < len(found.ops) else "Ops"
    columns = ("status", "op", "name", *_ARMS, *_CHANGE, "detail")
    return TextTable(title, columns, tuple(rows), " ".join(filter(None, notes)))


def _uncertain(ops: Iterable[OpChange]) -> Iterator[str]:
    if any(op.kind is not ChangeKind.SAME and not op.significant for op in ops):
        yield "With a question mark: the change of the time is not certain (Holm's procedure over all ops)."


def _kind(op: OpChange) -> str:
    if op.kind is not ChangeKind.SAME:
        return op.kind.value if op.significant else f"{op.kind.value}?"
    return ("slower" if op.change_ms.estimate > 0 else "faster") if op.significant else "same"


def _shared(scopes: Iterable[str]) -> str:
    """Return the scope that contains all of them, with a slash at its end; empty if there is none."""
    parts = zip(*(scope.split("/") for scope in scopes), strict=False)
    return "".join(f"{part[0]}/" for part in takewhile(lambda part: len(set(part)) == 1 and part[0], parts))


def _short(name: str, scope: str = "") -> str:
    """Leave calls of functions out of a name, and the scope that all names have."""
    within = scope_of(name)
    return f"{within}/{name.rpartition('/')[2]}".removeprefix(f"{NO_SCOPE}/").removeprefix(scope)


def _all_in(scope: str) -> str:
    return f"All names are in {scope.rstrip('/')}." if scope.rstrip("/") not in {"", NO_SCOPE} else ""


def _detail(op: OpChange, scope: str) -> str:
    before, after = (formatting.given(round(each, 3)) for each in op.calls)
    calls = f"{before} to {after} calls a request" if before != after and all(op.calls) else ""
    renamed = f"was {_short(op.baseline_name, scope)}" if op.baseline_name not in {"", op.name} else ""
    return "; ".join(filter(None, (op.detail, calls, renamed)))


def group_tables(found: Attribution) -> tuple[TextTable, ...]:
    """Return the change by type of op and by scope, without empty tables."""
    scope = _shared(each.name for each in found.by_scope) if len(found.by_scope) > 1 else ""
    shown = (
        _groups("By type of op", "op", found.by_type, ""),
        _groups("By scope", "scope", found.by_scope, scope),
    )
    return tuple(table for table in shown if table.rows)


def _groups(title: str, name: str, groups: Iterable[GroupChange], scope: str) -> TextTable:
    rows = tuple((each.name.removeprefix(scope), *_row(each)) for each in groups)
    return TextTable(title, (name, *_ARMS, *_CHANGE), rows, _all_in(scope))


def _row(one: OpChange | GroupChange) -> tuple[str, ...]:
    times = (formatting.with_unit(each, "ms") if each else "" for each in one.times_ms)
    return (*times, *difference_cells(one.change_ms))


def beside_tables(explanation: Explanation, most: int = 100) -> Iterator[TextTable]:
    """Yield what was measured beside operations: stages of a request, and `most` of the tensors in memory."""
    if explanation.stages:
        rows = ((each.name, *_times(each.times_ms)) for each in explanation.stages)
        note = "Medians of requests under load."
        yield TextTable("Stages of a request", ("stage", *_ARMS, ">change"), tuple(rows), note)
    if explanation.peak_tensors:
        sizes = " and ".join(map(size_text, explanation.peak_bytes))
        note = f"All tensors together: {sizes}." if any(explanation.peak_bytes) else ""
        yield _tensors("Tensors at the peak of an execution", explanation.peak_tensors[:most], note)


def _times(times_ms: tuple[float, float]) -> tuple[str, ...]:
    change = formatting.difference(round(times_ms[1] - times_ms[0], 4), "ms")
    return (*(formatting.with_unit(each, "ms") for each in times_ms), change)


def _tensors(title: str, tensors: Iterable[TensorChange], note: str = "") -> TextTable:
    rows = (
        (each.kind, _short(each.name), *(_tensor(*side) for side in zip(each.shapes, each.size_bytes, strict=True)))
        for each in tensors
    )
    return TextTable(title, ("kind", "name", "baseline", "candidate"), tuple(rows), note)


def _tensor(shape: str, size_bytes: int) -> str:
    return f"{size_text(size_bytes)} {shape}" if shape and size_bytes else ""


def static_tables(static: StaticDifferences, *, whole: bool) -> Iterator[TextTable]:
    """Yield what differs between the saved models; `whole`: what does not differ too, and nodes and tensors."""
    facts = tuple((each.name, *each.values) for each in static.facts if whole or each.values[0] != each.values[1])
    if facts:
        yield TextTable("Properties", ("property", "baseline", "candidate"), facts)
    if static.findings:
        meanings = {kind.code: kind.meaning for kind in KINDS}
        rows = (
            (each.code, *(f"{count:,}" for count in each.nodes), meanings.get(each.code, ""), _short(each.example))
            for each in static.findings
        )
        yield TextTable("Nodes that often cost time", ("what", *_ARMS, "which", "example"), tuple(rows))
    if whole:
        yield from _graphs(static)


def _graphs(static: StaticDifferences) -> Iterator[TextTable]:
    if static.op_counts:
        columns = ("op", *_ARMS, ">work, MFLOP", ">moved")
        rows = (
            (each.op, *map(str, each.count), _pair(*each.flops, 1e-6), _pair(*each.moved_bytes, 1 / _MEBIBYTE, "MiB"))
            for each in static.op_counts
        )
        note = "Nodes of each type; work and memory traffic are estimates for one row, baseline to candidate."
        yield TextTable("Types of op that differ", columns, tuple(rows), note)
    if static.nodes:
        nodes = tuple((each.kind.value, each.op, _short(each.name), each.detail) for each in static.nodes)
        rest = sum(static.node_changes) - len(nodes)
        note = f"{rest:,} more differ." if rest > 0 else ""
        yield TextTable("Nodes that differ", ("status", "op", "name", "detail"), nodes, note)
    if static.tensors:
        yield _tensors("Constants and variables", static.tensors)


def _pair(before: float, after: float, unit: float, name: str = "") -> str:
    if not before and not after:
        return ""
    return f"{formatting.number(before * unit)} to {formatting.with_unit(after * unit, name)}"
