"""Which cause of the table a group of operations that differ is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

from perfgate.explain.components import Component, request_independent
from perfgate.explain.explanation import ChangeKind
from perfgate.explain.findings import codes_of
from perfgate.explain.matching import source_of, weights_of
from perfgate.explain.ops import GATHERS, fused_parts
from perfgate.explain.plumbing import PLUMBING
from perfgate.explain.tensors import Tensors
from perfgate.explain.traces import Compared
from perfgate.model.attributes import bytes_of
from perfgate.model.graph import Graph, Node
from perfgate.trials import Arm

_FLOATS = {"float16", "bfloat16", "float32", "float64"}
_MOSTLY = 0.5
"""Share of the time of the added operations from which they are called independent of the request."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """One component with what its classification needs."""

    compared: Compared
    component: Component
    tensors: Mapping[Arm, Tensors]
    """What was allocated, for the sizes of outputs; empty if unknown."""
    times_ms: dict[int, tuple[float, float]]
    """Of each unit, baseline and candidate."""
    calls: dict[int, tuple[float, float]]

    @property
    def candidate(self) -> Graph:
        """The candidate as executed."""
        return self.compared.graphs[Arm.CANDIDATE]

    def of(self, kind: ChangeKind) -> list[int]:
        """Return the units of one kind, without those that take no time."""
        units = (number for number in self.component if self.compared.units[number].kind is kind)
        return [number for number in units if self.node(number).op not in PLUMBING]

    def node(self, unit: int) -> Node:
        """Return a unit's node."""
        return self.compared.node(self.compared.units[unit])

    def ops(self, kind: ChangeKind) -> list[str]:
        """Return the types of the units of one kind."""
        return [self.node(number).op for number in self.of(kind)]

    def pairs(self) -> list[tuple[int, Node, Node]]:
        """Return the pairs that changed."""
        pairs = ((number, *self.compared.nodes(self.compared.units[number])) for number in self.of(ChangeKind.CHANGED))
        return [(number, old, new) for number, old, new in pairs if old and new]


def code_of(group: Group) -> str:
    """Return the code of the first cause that fits."""
    return next(code for code, fits in _RULES if fits(group))


def _finds(code: str, *, in_changed: bool = False) -> Callable[[Group], bool]:
    """Return a rule: something of that kind (perfgate.explain.findings) was added, or is in what changed."""

    def fits(group: Group) -> bool:
        changed = [new for _, old, new in group.pairs() if code not in codes_of(old)] if in_changed else []
        added = [group.node(number) for number in group.of(ChangeKind.ADDED)]
        return any(code in codes_of(node) for node in (*added, *changed))

    return fits


def _widens(group: Group) -> bool:
    """Return whether an operation's type became wider, or double-precision arithmetic replaced single precision."""
    for _, old, new in group.pairs():
        ours, theirs = dict(old.attributes), dict(new.attributes)
        if any(_wider(ours.get(name, ""), theirs[name]) for name in theirs):
            return True
    wide = [n for n in group.of(ChangeKind.ADDED) if "float64" in dict(group.node(n).attributes).values()]
    narrow = [n for n in group.of(ChangeKind.REMOVED) if "float32" in dict(group.node(n).attributes).values()]
    return bool(wide and narrow)


def _wider(old: str, new: str) -> bool:
    floats = {old, new} <= _FLOATS
    return old != new and (floats or {old, new} == {"int32", "int64"}) and bytes_of(new) > bytes_of(old)


def _loses_fusion(group: Group) -> bool:
    added = set(group.ops(ChangeKind.ADDED))
    gone = [node for unit in group.of(ChangeKind.REMOVED) if (node := group.node(unit)).op.startswith("_Fused")]
    return any(added & fused_parts(node) for node in gone)


def _repeats_lookup(group: Group) -> bool:
    added = {group.compared.units[n].candidate for n in group.of(ChangeKind.ADDED)}
    keys: dict[object, list[int]] = {}
    for number, node in enumerate(group.candidate.nodes):
        if node.op in GATHERS:
            table = source_of(group.candidate.nodes, node.inputs[0]).name
            keys.setdefault((table, _ids(group.candidate, node)), []).append(number)
    return any(len(users) > 1 and added & set(users) for users in keys.values())


def _ids(graph: Graph, node: Node) -> object:
    """Return what a lookup's ids come from, past operations that do not change which rows they name."""
    edge = node.inputs[1]
    while graph.nodes[edge.node].op in {"Identity", "Cast", "Reshape", "ExpandDims", "Squeeze"}:
        edge = graph.nodes[edge.node].inputs[0]
    return edge


def _is_constant_work(group: Group) -> bool:
    fixed = request_independent(group.candidate)
    added = {n: group.times_ms[n][1] for n in group.of(ChangeKind.ADDED)}
    mine = sum(time for n, time in added.items() if group.compared.units[n].candidate in fixed)
    return mine > _MOSTLY * sum(added.values()) > 0


def _grows(group: Group) -> bool:
    return any(_size(group, Arm.CANDIDATE, new) > _size(group, Arm.BASELINE, old) for _, old, new in group.pairs())


def _size(group: Group, arm: Arm, node: Node) -> float:
    graph = group.compared.graphs[arm]
    weights = sum(prod(shape or ()) for _, _, shape in weights_of(graph.nodes, node))
    output = group.tensors[arm].outputs.get(node.name) if arm in group.tensors else None
    return weights + (output.elements if output else 0)


def _calls_more(group: Group) -> bool:
    return any(group.calls[n][1] > group.calls[n][0] for n, _, _ in group.pairs())


def _has(kind: ChangeKind) -> Callable[[Group], bool]:
    return lambda group: bool(group.of(kind))


_RULES: tuple[tuple[str, Callable[[Group], bool]], ...] = (
    ("training mode", _finds("training mode", in_changed=True)),
    ("first request slow", _finds("compiled by XLA")),
    ("loop", _finds("control flow")),
    ("string ops", _finds("string ops")),
    ("dtype widened", _widens),
    ("fusion lost", _loses_fusion),
    ("embedding repeated", _repeats_lookup),
    ("folding lost", _is_constant_work),
    ("shape grown", lambda group: not group.of(ChangeKind.ADDED) and _grows(group)),
    ("op added", _has(ChangeKind.ADDED)),
    ("shape grown", _grows),
    ("more calls", _calls_more),
    ("op changed", _has(ChangeKind.CHANGED)),
    ("op removed", lambda _: True),
)
