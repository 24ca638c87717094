"""Nodes that were added, removed or changed, each with what differs in it."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from perfgate.explain.explanation import ChangeKind, NodeChange
from perfgate.explain.matching import Matching, weights_of
from perfgate.explain.plumbing import PLUMBING
from perfgate.explain.weights import tensor_text
from perfgate.explain.work import Work
from perfgate.model.attributes import Shape, shape_text
from perfgate.model.graph import Graph, Node

_MOST = 200
_FLOATING = ("float", "bfloat", "complex")
_MOST_PARAMETERS = 64
"""Elements of a constant that says how to compute, and is not computed with."""


def node_changes(
    graphs: tuple[Graph, Graph], works: tuple[Sequence[Work], Sequence[Work]], matching: Matching
) -> tuple[NodeChange, ...]:
    """Return at most 200 changes: what computes before what only brings something, the most work first."""
    old, new = (graph.nodes for graph in graphs)
    left, right = works
    found = [
        *((_weight(right[n], left[o]), _changed(graphs, o, n)) for o, n in matching.changed),
        *((_weight(right[n]), _alone(ChangeKind.ADDED, new, n)) for n in matching.added),
        *((_weight(left[o]), _alone(ChangeKind.REMOVED, old, o)) for o in matching.removed),
    ]
    found.sort(key=lambda each: (each[1].op in PLUMBING, *each[0]))
    return tuple(change for _, change in found[:_MOST])


def _weight(work: Work, other: Work | None = None) -> tuple[float, float]:
    other = other or Work(0, 0)
    return -abs(work.flops - other.flops), -abs(work.moved_bytes - other.moved_bytes)


def _alone(kind: ChangeKind, nodes: Sequence[Node], number: int) -> NodeChange:
    node = nodes[number]
    weights = "" if node.op in PLUMBING else _weights(nodes, node)
    own = tensor_text(node.tensor) if node.tensor is not None else _result(node)
    return NodeChange(kind, node.op, node.name, "; ".join(filter(None, (own, weights and f"weights {weights}"))))


def _result(node: Node) -> str:
    return f"result {shape_text(node.shapes[0])}" if node.shapes and node.op not in PLUMBING else ""


def _changed(graphs: tuple[Graph, Graph], old: int, new: int) -> NodeChange:
    node = graphs[1].nodes[new]
    return NodeChange(ChangeKind.CHANGED, node.op, node.name, detail_of(graphs[0], old, graphs[1], new))


def detail_of(old: Graph, old_number: int, new: Graph, new_number: int) -> str:
    """Say what differs between two nodes: `T float32 -> float64; weights float32[64, 128] -> float32[64, 256]`."""
    before, after = old.nodes[old_number], new.nodes[new_number]
    parts = [*_own_tensor(before, after), *_attributes(before, after)]
    for name, of in (("weights", _weights), ("parameters", _parameters)):
        texts = of(old.nodes, before), of(new.nodes, after)
        if texts[0] != texts[1] and before.tensor is None:
            parts.append(f"{name} {texts[0] or 'none'} -> {texts[1] or 'none'}")
    return "; ".join(parts) or "weights at other inputs"


def _own_tensor(before: Node, after: Node) -> list[str]:
    if before.tensor is None or after.tensor is None:
        return []
    texts = tensor_text(before.tensor), tensor_text(after.tensor)
    if texts[0] != texts[1]:
        return [f"{texts[0]} -> {texts[1]}"]
    return ["other values"] if before.tensor.content != after.tensor.content else []


def _attributes(before: Node, after: Node) -> list[str]:
    """Return the attributes that differ, without those that only repeat the type and shape of a tensor."""
    one, other = dict(before.attributes), dict(after.attributes)
    names = sorted(one.keys() | other.keys())
    if before.tensor is not None:
        names = [name for name in names if name not in {"dtype", "shape"}]
    return [
        f"{name} {one.get(name, 'none')} -> {other.get(name, 'none')}"
        for name in names
        if one.get(name) != other.get(name)
    ]


def _weights(nodes: Sequence[Node], node: Node) -> str:
    """Write the variables and the constants in floating point that a node reads."""
    return ", ".join(_text(dtype, shape) for _, dtype, shape in weights_of(nodes, node) if _is_weight(dtype, shape))


def _parameters(nodes: Sequence[Node], node: Node) -> str:
    """Write the others: axes, shapes, permutations, seeds."""
    return ", ".join(_text(dtype, shape) for _, dtype, shape in weights_of(nodes, node) if not _is_weight(dtype, shape))


def _is_weight(dtype: str, shape: Shape) -> bool:
    return dtype.startswith(_FLOATING) or shape is None or prod(shape) > _MOST_PARAMETERS


def _text(dtype: str, shape: Shape) -> str:
    return f"{dtype}{shape_text(shape)}"
