"""Shape and number of weights of each part of a sketch, without building it. Shapes are of one row."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import TypeAlias

from perfgate.sketch.schema import Attention, Convolution, Dense, Dot, Embedding, Layers, Pool, Recurrent

Shape: TypeAlias = tuple[int, ...]
AnyBlock: TypeAlias = Dense | Convolution | Attention | Recurrent | Dot | Pool


class ShapeError(Exception):
    """Something cannot read what it should read; the message says why."""


def joined(shapes: tuple[Shape, ...]) -> Shape:
    """Return the shape of several tensors joined by their features; ShapeError if their positions differ."""
    full = [shape or (1,) for shape in shapes]
    if len({shape[:-1] for shape in full}) > 1:
        listed = " and ".join(str(list(shape)) for shape in dict.fromkeys(full))
        raise ShapeError(f"it reads different positions: {listed}")
    return (*full[0][:-1], sum(shape[-1] for shape in full))


def flat(shapes: tuple[Shape, ...]) -> int:
    """Return the number of features that several tensors have together, after an average over positions."""
    return sum(shape[-1] if shape else 1 for shape in shapes)


def embedded(table: Embedding, lookups: int) -> Shape:
    """Return the shape of what is looked up."""
    if table.combine == "sequence":
        return lookups, table.dim
    return (lookups * table.dim if table.combine == "concat" else table.dim,)


def stack_weights(width: int, layers: Layers) -> int:
    """Return the weights of dense layers that read so many features."""
    return sum(read * wide + wide for read, wide in pairwise((width, *layers.sizes)))


def block_shape(block: AnyBlock, read: tuple[Shape, ...], *, keeps_positions: bool) -> Shape:
    """Return the shape of a block's output; ShapeError if it cannot read that."""
    if isinstance(block, Dot):
        number = _vectors(read)
        return (number * (number - 1) // 2,)
    shape = joined(read)
    ranks = {Convolution: (2, 3), Attention: (2,), Recurrent: (2,), Pool: (2, 3)}.get(type(block), (1, 2, 3))
    if len(shape) not in ranks:
        wanted = {(2,): "a sequence", (2, 3): "a sequence or a picture"}[ranks]
        raise ShapeError(f"{block.kind} reads {wanted}, and this has the shape {list(shape)}")
    if isinstance(block, Dense):
        return *shape[:-1], block.sizes[-1]
    if isinstance(block, Convolution):
        return *_positions(block, shape[:-1]), block.filters
    if isinstance(block, Attention):
        return *shape[:-1], block.width
    if isinstance(block, Recurrent):
        return (*shape[:-1], block.units) if keeps_positions else (block.units,)
    return shape[-1:]


def block_weights(block: AnyBlock, read: tuple[Shape, ...]) -> int:
    """Return the weights of a block that reads these shapes."""
    if isinstance(block, Dot | Pool):
        return 0
    shape = joined(read)
    features = shape[-1]
    if isinstance(block, Dense):
        return stack_weights(features, block)
    if isinstance(block, Convolution):
        kernel = prod((block.kernel,) * (len(shape) - 1))
        each = pairwise((features, *(block.filters,) * block.depth))
        return sum(kernel * before * after + after for before, after in each)
    if isinstance(block, Attention):
        return features * block.width + block.width + block.depth * _attention_weights(block)
    gates, biases = (4, 1) if block.cell == "lstm" else (3, 2)
    layers = (features, *(block.units,) * (block.depth - 1))
    return sum(gates * block.units * (before + block.units + biases) for before in layers)


def head_features(block: Attention) -> int:
    """Return the features of one attention head."""
    return max(1, block.width // block.heads)


def _attention_weights(block: Attention) -> int:
    width, inner, wide = block.width, block.heads * head_features(block), block.feed_forward or 0
    attention = 3 * (width * inner + inner) + inner * width + width
    return attention + (width * wide + wide) + (wide * width + width) + 4 * width


def _positions(block: Convolution, shape: Shape) -> Shape:
    for layer in range(block.depth):
        lost = block.kernel - 1 if block.padding == "valid" else 0
        if min(shape) <= lost:
            said = f"layer {layer + 1} reads {list(shape)} positions, fewer than its kernel of {block.kernel}"
            raise ShapeError(said)
        shape = tuple(-((lost - size) // block.stride) for size in shape)
    return shape


def _vectors(read: tuple[Shape, ...]) -> int:
    full = [shape or (1,) for shape in read]
    if any(len(shape) > 2 for shape in full):
        raise ShapeError("dot reads vectors and sequences of vectors, no pictures")
    if len(lengths := {shape[-1] for shape in full}) > 1:
        raise ShapeError(f"dot reads vectors of equal length, and these have {', '.join(map(str, sorted(lengths)))}")
    number = sum(shape[0] if len(shape) == 2 else 1 for shape in full)
    if number < 2:
        raise ShapeError("dot reads at least two vectors, and this is one")
    return number
