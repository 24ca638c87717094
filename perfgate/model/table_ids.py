"""Which inputs of a signature carry ids, and how many ids their tables have, from the graph. No TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perfgate.model.attributes import Shape
from perfgate.model.graph import Edge, Graph, Node, signature_graph
from perfgate.model.interface import Model
from perfgate.model.saved_model import meta_graph, signature

_GATHERS = {"Gather", "GatherV2", "ResourceGather"}
_GATHERS_ND = {"GatherNd", "ResourceGatherNd"}
_READS = {"Cast", "Enter", "Identity", "ReadVariableOp", "StopGradient"}
"""Operations between a table and what looks it up."""
_FIRST, _ALL = slice(0, 1), slice(None)
_MOVES = {
    **dict.fromkeys(_READS | _GATHERS | _GATHERS_ND, _FIRST),
    **dict.fromkeys(("BroadcastTo", "ClipByValue", "DynamicPartition", "ExpandDims", "Pad", "PadV2"), _FIRST),
    **dict.fromkeys(("PlaceholderWithDefault", "Reshape", "ReverseV2", "Slice", "SplitV", "Squeeze"), _FIRST),
    **dict.fromkeys(("StridedSlice", "Tile", "Transpose", "Unique", "UniqueV2", "Unpack"), _FIRST),
    **dict.fromkeys(("ConcatV2", "Maximum", "Merge", "Minimum", "Pack"), _ALL),
    **dict.fromkeys(("Select", "SelectV2", "Split"), slice(1, None)),
}
"""Operations whose results are values of some of their inputs, and of which. Not sums: an offset makes other ids."""
_POSITIONS = {"Unique": ("1", "idx:0"), "UniqueV2": ("1", "idx:0")}
"""Outputs of these that are no values of the inputs."""


def cardinalities(model: Model, signature_key: str) -> dict[str, int]:
    """Return, for each whole-number input with which tables are looked up, the fewest rows of those tables.

    UsageError if there is no such signature or a file is gone, InvalidRunError if the graph is damaged.
    """
    inputs = signature(model, signature_key).inputs
    whole = {spec.name for spec in inputs if spec.dtype.startswith(("int", "uint"))}
    meta = meta_graph(model)
    graph = signature_graph(meta.graph_def, meta.signature_def[signature_key])
    found: dict[str, int] = {}
    for ids, rows in _lookups(graph):
        for name in _inputs_of(graph.nodes, ids):
            if name in whole:
                found[name] = min(rows, found.get(name, rows))
    return dict(sorted(found.items()))


def _lookups(graph: Graph) -> Iterator[tuple[Edge, int]]:
    """Return the ids of each lookup in weights, and the rows of its table."""
    for node in graph.nodes:
        if node.op not in _GATHERS | _GATHERS_ND or len(node.inputs) < 2:
            continue
        table, ids = node.inputs[:2]
        weights = _weights(graph.nodes, table)
        if weights is None or weights.tensor is None or not weights.tensor.shape:
            continue
        shape, axis = weights.tensor.shape, 0
        if node.op in _GATHERS:
            axis = _axis(node, shape, _shape(graph.nodes, ids))
        elif (_shape(graph.nodes, ids) or (0,))[-1] != 1:  # ids of several dimensions
            continue
        if shape[axis] > 0:
            yield ids, shape[axis]


def _weights(nodes: Sequence[Node], edge: Edge) -> Node | None:
    """Return the variable or constant that is read, past reads; None if it is computed."""
    node = nodes[edge.node]
    while node.op in _READS and node.inputs:
        node = nodes[node.inputs[0].node]
    return node if node.tensor is not None else None


def _shape(nodes: Sequence[Node], edge: Edge) -> Shape:
    shapes, port = nodes[edge.node].shapes, edge.port.rpartition(":")[2]
    number = int(port) if port.isdigit() else 0
    return shapes[number] if number < len(shapes) else None


def _axis(node: Node, table: tuple[int, ...], ids: Shape) -> int:
    """Return along which dimension of a table it looks up: the first that gives the shape of the result."""
    result = node.shapes[0] if node.shapes else None
    if ids is None or result is None:
        return 0
    expected = [(*table[:axis], *ids, *table[axis + 1 :]) for axis in range(len(table))]
    fitting = [axis for axis, shape in enumerate(expected) if _may_be(shape, result)]
    return next((axis for axis in fitting if expected[axis] == result), fitting[0] if fitting else 0)


def _may_be(shape: tuple[int, ...], result: tuple[int, ...]) -> bool:
    return len(shape) == len(result) and all(a == b or min(a, b) < 0 for a, b in zip(shape, result, strict=True))


def _inputs_of(nodes: Sequence[Node], edge: Edge) -> set[str]:
    """Return the names of the signature's inputs whose values arrive here."""
    found, seen, ahead = set(), set(), [edge]
    while ahead:
        edge = ahead.pop()
        node = nodes[edge.node]
        if edge in seen or edge.port in _POSITIONS.get(node.op, ()):
            continue
        seen.add(edge)
        if not node.inputs:
            found |= {value for name, value in node.attributes if name == "name"}
        elif node.op in _MOVES:
            ahead += node.inputs[_MOVES[node.op]]
        elif node.op == "IdentityN":
            port = edge.port.rpartition(":")[2]
            ahead.append(node.inputs[int(port) if port.isdigit() else 0])
    return found
