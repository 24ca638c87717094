"""What differs in an operation that both versions have, in words."""

from __future__ import annotations

from perfgate.explain.matching import weights_of
from perfgate.model.attributes import shape_text
from perfgate.model.graph import Graph, Node


def difference(old_graph: Graph, old: Node, new_graph: Graph, new: Node) -> str:
    """Name the attributes, types and shapes that differ, such as `weights [64, 128] -> [64, 256]`; empty if none do."""
    ours, theirs = dict(old.attributes), dict(new.attributes)
    found = [
        f"{name} {ours.get(name, 'unset')} -> {theirs.get(name, 'unset')}"
        for name in sorted({*ours, *theirs})
        if ours.get(name) != theirs.get(name)
    ]
    before, after = (_weights(graph, node) for graph, node in ((old_graph, old), (new_graph, new)))
    if before != after:
        found.append(f"weights {before or 'none'} -> {after or 'none'}")
    if old.tensor != new.tensor and old.tensor is not None and new.tensor is not None and not found:
        found.append("content")
    return "; ".join(found)


def _weights(graph: Graph, node: Node) -> str:
    return ", ".join(f"{dtype}{shape_text(shape)}" for _, dtype, shape in weights_of(graph.nodes, node))
