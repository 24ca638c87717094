"""Constants and variables of two graphs by size."""

from __future__ import annotations

from perfgate.explain.explanation import TensorChange
from perfgate.explain.matching import Matching
from perfgate.model.attributes import TensorFacts, shape_text
from perfgate.model.graph import Graph

_MOST = 30
_LEAST_BYTES = 1024
"""Smaller constants are axes, shapes and scales, of which each graph has hundreds."""


def tensors_of(old: Graph, new: Graph, matching: Matching) -> tuple[TensorChange, ...]:
    """Return constants and variables that differ in size, the largest difference first, then the largest of all."""
    pairs: list[tuple[int | None, int | None]] = [
        *matching.same, *matching.changed,
        *((number, None) for number in matching.removed), *((None, number) for number in matching.added),
    ]  # fmt: skip
    changes = [change for pair in pairs if (change := _change(old, new, *pair)) is not None]
    differing = [each for each in changes if each.shapes[0] != each.shapes[1]]
    alike = [each for each in changes if each.shapes[0] == each.shapes[1]]
    differing.sort(key=lambda each: (-abs(each.size_bytes[1] - each.size_bytes[0]), each.name))
    alike.sort(key=lambda each: (-each.size_bytes[1], each.name))
    return tuple((*differing, *alike)[:_MOST])


def _change(old: Graph, new: Graph, left: int | None, right: int | None) -> TensorChange | None:
    nodes = (None if left is None else old.nodes[left]), (None if right is None else new.nodes[right])
    known = [node for node in nodes if node is not None and node.tensor is not None]
    if not known:
        return None
    tensors = [None if node is None else node.tensor for node in nodes]
    facts = known[-1].tensor
    is_variable = facts is not None and facts.is_variable
    if not is_variable and max(map(_size, tensors)) < _LEAST_BYTES:
        return None
    return TensorChange(
        kind="variable" if is_variable else "constant",
        name=known[-1].name,
        shapes=(_text(tensors[0]), _text(tensors[1])),
        size_bytes=(_size(tensors[0]), _size(tensors[1])),
    )


def _text(tensor: TensorFacts | None) -> str:
    return "" if tensor is None else tensor_text(tensor)


def _size(tensor: TensorFacts | None) -> int:
    return 0 if tensor is None else tensor.size_bytes


def tensor_text(tensor: TensorFacts) -> str:
    """Write a tensor's type and shape: `float32[512, 64]`."""
    return f"{tensor.dtype}{shape_text(tensor.shape)}"
