"""How large each tensor of a graph is for one row: what estimates of work rest on.

A dimension that is unknown because it depends on the request stands for rows if it comes first, and is 1 then. Layers
reshape rows and positions into one dimension and back, so the number of elements is followed through the graph, and a
shape's only unknown dimension is what makes them up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from perfgate.model.attributes import Shape
from perfgate.model.graph import Edge, Graph, Node

_SAME_SIZE = {
    "BiasAdd", "BiasAddV1", "Cast", "CheckNumerics", "Cumsum", "ExpandDims", "FusedBatchNorm", "FusedBatchNormV2",
    "FusedBatchNormV3", "Identity", "LogSoftmax", "PreventGradient", "ReadVariableOp", "Reshape", "Reverse",
    "ReverseV2", "Softmax", "Squeeze", "StopGradient", "Transpose",
}  # fmt: skip
"""As many elements as their first input."""
_UNARY = {
    "Abs", "Acos", "Asin", "Atan", "Ceil", "Cos", "Elu", "Erf", "Erfc", "Exp", "Expm1", "Floor", "Inv", "IsFinite",
    "IsNan", "LeakyRelu", "Log", "Log1p", "LogicalNot", "Neg", "Reciprocal", "Relu", "Relu6", "Round", "Rsqrt", "Selu",
    "Sigmoid", "Sign", "Sin", "Softplus", "Softsign", "Sqrt", "Square", "Tan", "Tanh", "OnesLike", "ZerosLike",
}  # fmt: skip
_BINARY = {
    "Add", "AddN", "AddV2", "ApproximateEqual", "Atan2", "ClipByValue", "Div", "DivNoNan", "Equal", "FloorDiv",
    "FloorMod", "Greater", "GreaterEqual", "Less", "LessEqual", "LogicalAnd", "LogicalOr", "Maximum", "Minimum", "Mod",
    "Mul", "MulNoNan", "NotEqual", "Pow", "RealDiv", "Select", "SelectV2", "SquaredDifference", "Sub", "TruncateDiv",
    "Xdivy", "Xlogy",
}  # fmt: skip
ELEMENTWISE = _UNARY | _BINARY
MATRIX = {"MatMul", "_FusedMatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"}
GATHERS = {"Gather": 1, "GatherV2": 1, "ResourceGather": 1}
_LOOKUPS = {"LookupTableFind", "LookupTableFindV2"}
_JOINS = {"ConcatV2", "Pack"}


@dataclass(frozen=True, slots=True)
class Extent:
    """The size of a tensor for one row."""

    shape: Shape
    elements: float
    """0 if it is unknown."""

    def dim(self, axis: int) -> float:
        """Return a dimension, one that is not declared from the number of elements; 0 if it is unknown."""
        if self.shape is None or not -len(self.shape) <= axis < len(self.shape):
            return 0
        if self.shape[axis] >= 0:
            return self.shape[axis]
        known = [size for size in self.shape if size >= 0]
        rest = prod(known)
        return self.elements / rest if len(known) == len(self.shape) - 1 and rest else 0


UNKNOWN = Extent(None, 0)


def extents_of(graph: Graph) -> tuple[Extent, ...]:
    """Return the extent of each node's first output."""
    found: list[Extent] = []
    for node in graph.nodes:
        inputs = [input_extent(graph, found, edge) for edge in node.inputs]
        found.append(_extent(node, inputs))
    return tuple(found)


def input_extent(graph: Graph, found: Sequence[Extent], edge: Edge) -> Extent:
    """Return the extent of an input; of a node that comes later, in the loops of TensorFlow 1, as declared."""
    node, output = graph.nodes[edge.node], _output(edge.port)
    if output == 0 and edge.node < len(found):
        return found[edge.node]
    return _declared(node.shapes[output]) if output < len(node.shapes) else UNKNOWN


def _output(port: str) -> int:
    """Return the number of an output: `1`, or `output:1`."""
    last = port.rpartition(":")[2]
    return int(last) if last.isdecimal() else 0


def _extent(node: Node, inputs: Sequence[Extent]) -> Extent:
    if node.tensor is not None:
        return _exact(node.tensor.shape)
    declared = _declared(node.shapes[0] if node.shapes else None)
    elements = _elements(node, inputs)
    if node.op in _BINARY:
        elements = max(elements, declared.elements)
    shape = declared.shape if declared.shape is not None else _shape(node, inputs)
    return Extent(shape, elements or declared.elements)


def _exact(shape: Shape) -> Extent:
    return Extent(shape, 0 if shape is None or min(shape, default=0) < 0 else prod(shape))


def _declared(shape: Shape) -> Extent:
    """Return the extent of a shape of which the first dimension, if it is unknown, is one row."""
    if shape is None or any(size < 0 for size in shape[1:]):
        return Extent(shape, 0)
    return Extent(shape, prod(abs(size) for size in shape))


def _elements(node: Node, inputs: Sequence[Extent]) -> float:
    """Return what follows from the inputs; 0 if nothing does."""
    rule = _RULES.get(node.op)
    return rule(node, inputs) if rule is not None and inputs else 0


def _first(_: Node, inputs: Sequence[Extent]) -> float:
    return inputs[0].elements


def _largest(_: Node, inputs: Sequence[Extent]) -> float:
    return max(each.elements for each in inputs)


def _matrix(node: Node, inputs: Sequence[Extent]) -> float:
    depth, columns = matrix_sizes(node, inputs)
    return inputs[0].elements / depth * columns if depth else 0


def matrix_sizes(node: Node, inputs: Sequence[Extent]) -> tuple[float, float]:
    """Return the inner dimension of a product, and the number of its columns; 0 for what is unknown."""
    turned = {name for name, value in node.attributes if value == "True"}
    left, right = turned & {"transpose_a", "adj_x"}, turned & {"transpose_b", "adj_y"}
    depth = inputs[0].dim(-2 if left else -1) or inputs[1].dim(-1 if right else -2)
    return depth, inputs[1].dim(-2 if right else -1)


def _gathered(_: Node, inputs: Sequence[Extent]) -> float:
    rows = inputs[0].dim(0)
    return inputs[1].elements * inputs[0].elements / rows if rows else 0


def _joined(node: Node, inputs: Sequence[Extent]) -> float:
    parts = [each.elements for each in (inputs[:-1] if node.op == "ConcatV2" else inputs)]
    return sum(parts) if all(parts) else 0


def _shape(node: Node, inputs: Sequence[Extent]) -> Shape:
    """Return the shape where the exporter wrote none; None if it does not follow."""
    if not inputs:
        return None
    if node.op in {"MatMul", "_FusedMatMul"}:
        columns = matrix_sizes(node, inputs)[1]
        return (-1, int(columns)) if columns else None
    return inputs[0].shape if node.op in _KEEP_SHAPE else None


_KEEP_SHAPE = _UNARY | (_SAME_SIZE - {"ExpandDims", "Reshape", "Squeeze", "Transpose"})
_RULES: dict[str, Callable[[Node, Sequence[Extent]], float]] = {
    **dict.fromkeys(_SAME_SIZE | _UNARY, _first),
    **dict.fromkeys(_BINARY, _largest),
    **dict.fromkeys(MATRIX, _matrix),
    **dict.fromkeys(GATHERS, _gathered),
    **dict.fromkeys(_LOOKUPS, lambda _, inputs: inputs[1].elements if len(inputs) > 1 else 0),
    **dict.fromkeys(_JOINS, _joined),
}
