"""Estimated work of a graph's operations for one row: floating-point operations, and bytes read and written.

A multiplication with an addition is two. Formulas as TensorFlow's own profiler has them (tensorflow/python/profiler/
internal/flops_registry.py) and, for fused operations and normalisation, its optimiser (tensorflow/core/grappler/costs/
op_level_cost_estimator.cc). Operations that neither knows, integer arithmetic, and tensors whose size does not follow
from the weights and the signature count as 0; the body of a loop counts once, for its number of rounds is not known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from perfgate.explain.extents import ELEMENTWISE, GATHERS, MATRIX, Extent, extents_of, input_extent, matrix_sizes
from perfgate.explain.ops import fused_names
from perfgate.explain.plumbing import PLUMBING
from perfgate.model.attributes import bytes_of
from perfgate.model.graph import Graph, Node

_CONVOLUTIONS = {"Conv1D", "Conv2D", "Conv3D", "_FusedConv2D", "_FusedConv3D"}
_DEPTHWISE = {"DepthwiseConv2dNative", "_FusedDepthwiseConv2dNative"}
_TRANSPOSED = {"Conv2DBackpropInput", "Conv3DBackpropInputV2"}
_POOLS = {"AvgPool", "AvgPool3D", "MaxPool", "MaxPool3D"}
_NORMS = {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "_FusedBatchNormEx"}
_REDUCTIONS = {"ArgMax", "ArgMin", "Max", "Min", "Prod", "Sum"}
_PER_ELEMENT = {"BiasAdd": 1, "LogSoftmax": 5, "Rsqrt": 2, "Softmax": 5, "SquaredDifference": 2}
_NOTHING_MOVED = PLUMBING | {"ExpandDims", "Rank", "Reshape", "Shape", "Size", "Squeeze", "StopGradient"}
_COMPARISONS = {"Equal", "Greater", "GreaterEqual", "IsFinite", "IsNan", "Less", "LessEqual", "NotEqual"}
_FLOATING = ("float", "bfloat", "complex")
_NUMBERS = re.compile(r"\d+")
_EQUATION = re.compile(r"([a-zA-Z]+),([a-zA-Z]+)->[a-zA-Z]*")
_FLOPS_A_PRODUCT = 2


@dataclass(frozen=True, slots=True)
class Work:
    """What one operation does for one row."""

    flops: float
    moved_bytes: float

    def __add__(self, other: Work) -> Work:
        return Work(self.flops + other.flops, self.moved_bytes + other.moved_bytes)


def work_of(graph: Graph) -> tuple[Work, ...]:
    """Return the estimated work of each node."""
    extents = extents_of(graph)
    works = []
    for node, own in zip(graph.nodes, extents, strict=True):
        inputs = [input_extent(graph, extents, edge) for edge in node.inputs]
        works.append(Work(_flops(node, inputs, own), _moved(node, inputs, own)))
    return tuple(works)


def _flops(node: Node, inputs: Sequence[Extent], own: Extent) -> float:
    rule = _RULES.get(node.op)
    if rule is None or not inputs or not _type(node, "T", "dtype").startswith(_FLOATING):
        return 0
    return rule(node, inputs, own)


def _elementwise(node: Node, inputs: Sequence[Extent], own: Extent) -> float:
    each = len(inputs) - 1 if node.op == "AddN" else _PER_ELEMENT.get(node.op, 1)
    return own.elements * each


def _matrix(node: Node, inputs: Sequence[Extent], own: Extent) -> float:
    return own.elements * (_FLOPS_A_PRODUCT * matrix_sizes(node, inputs)[0] + len(fused_names(node)))


def _convolution(node: Node, inputs: Sequence[Extent], own: Extent) -> float:
    """Count each output as a sum over the filter, without its last dimension: the output's channels."""
    return own.elements * (_FLOPS_A_PRODUCT * _filter_size(inputs[1], 1) + len(fused_names(node)))


def _depthwise(node: Node, inputs: Sequence[Extent], own: Extent) -> float:
    """Count each output as a sum over the filter, without its channels."""
    return own.elements * (_FLOPS_A_PRODUCT * _filter_size(inputs[1], 2) + len(fused_names(node)))


def _transposed(_: Node, inputs: Sequence[Extent], __: Extent) -> float:
    return inputs[-1].elements * _FLOPS_A_PRODUCT * _filter_size(inputs[1], 1)


def _filter_size(kernel: Extent, channels: int) -> int:
    known = kernel.shape is not None and min(kernel.shape, default=-1) > 0
    return prod(kernel.shape[:-channels]) if known and kernel.shape is not None else 0


def _pool(node: Node, _: Sequence[Extent], own: Extent) -> float:
    return own.elements * prod(map(int, _NUMBERS.findall(dict(node.attributes).get("ksize", "0"))))


def _norm(node: Node, _: Sequence[Extent], own: Extent) -> float:
    return own.elements * (4 if dict(node.attributes).get("is_training") == "True" else 2)


def _reduction(node: Node, inputs: Sequence[Extent], own: Extent) -> float:
    return max(0, inputs[0].elements - (0 if node.op == "Mean" else own.elements))


def _einsum(node: Node, inputs: Sequence[Extent], _: Extent) -> float:
    """Count a product of two tensors over all its letters; 0 if one is unknown, or for other forms."""
    found = _EQUATION.fullmatch(dict(node.attributes).get("equation", "").replace(" ", ""))
    if found is None or len(inputs) != 2:
        return 0
    sizes: dict[str, float] = {}
    for letters, extent in zip(found.groups(), inputs, strict=True):
        for place, letter in enumerate(letters):
            one_row = extent.shape is not None and extent.shape[:1] == (-1,) and place == 0
            sizes[letter] = sizes.get(letter) or extent.dim(place) or (1 if one_row else 0)
    return _FLOPS_A_PRODUCT * prod(sizes.values())


def _moved(node: Node, inputs: Sequence[Extent], own: Extent) -> float:
    if node.op in _NOTHING_MOVED:
        return 0
    if node.op in GATHERS:  # of the table only the rows that are asked for
        indices = inputs[1].elements * bytes_of(_type(node, "Tindices")) if len(inputs) > 1 else 0
        return 2 * own.elements * bytes_of(_type(node, "Tparams", "dtype")) + indices
    written = "bool" if node.op in _COMPARISONS else _type(node, "DstT", "T", "dtype")
    read = sum(each.elements for each in inputs) * bytes_of(_type(node, "SrcT", "T", "dtype"))
    return read + own.elements * bytes_of(written)


def _type(node: Node, *names: str) -> str:
    """Return the type that the first of these attributes names; empty if there is none."""
    attributes = dict(node.attributes)
    return next((attributes[name] for name in names if name in attributes), "")


_RULES: dict[str, Callable[[Node, Sequence[Extent], Extent], float]] = {
    **dict.fromkeys(ELEMENTWISE | _PER_ELEMENT.keys(), _elementwise),
    **dict.fromkeys(MATRIX, _matrix),
    **dict.fromkeys(_CONVOLUTIONS, _convolution),
    **dict.fromkeys(_DEPTHWISE, _depthwise),
    **dict.fromkeys(_TRANSPOSED, _transposed),
    **dict.fromkeys(_POOLS, _pool),
    **dict.fromkeys(_NORMS, _norm),
    **dict.fromkeys(_REDUCTIONS | {"Mean"}, _reduction),
    "Einsum": _einsum,
}
