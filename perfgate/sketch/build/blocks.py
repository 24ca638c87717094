"""The Keras layers of each kind of block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from perfgate.sketch.build.layers import PairProducts
from perfgate.sketch.schema import Attention, Convolution, Dense, Dot, Pool, Recurrent
from perfgate.sketch.shapes import head_features
from perfgate.sketch.wiring import WiredBlock


def apply(wired: WiredBlock, read: list[Any]) -> Any:  # noqa: ANN401 - Keras tensors have no types
    """Add a block's layers to what it reads, and return its output; ValueError for what Keras refuses."""
    if isinstance(wired.block, Dot):
        return _dot(wired, read)
    tensor = read[0] if len(read) == 1 else keras.layers.Concatenate(name=f"{wired.name}_inputs")(read)
    return _LAYERS[wired.block.kind](wired, wired.block, tensor)


def _dense(wired: WiredBlock, block: Dense, tensor: Any) -> Any:  # noqa: ANN401 - as above
    for number, width in enumerate(block.sizes, 1):
        tensor = keras.layers.Dense(width, block.activation, name=f"{wired.name}_{number}")(tensor)
    return tensor


def _convolution(wired: WiredBlock, block: Convolution, tensor: Any) -> Any:  # noqa: ANN401 - as above
    layer = keras.layers.Conv1D if len(tensor.shape) == 3 else keras.layers.Conv2D
    for number in range(1, block.depth + 1):
        name = f"{wired.name}_{number}"
        tensor = layer(
            block.filters, block.kernel, block.stride, padding=block.padding, activation=block.activation, name=name
        )(tensor)
    return tensor


def _attention(wired: WiredBlock, block: Attention, tensor: Any) -> Any:  # noqa: ANN401 - as above
    tensor = keras.layers.Dense(block.width, name=f"{wired.name}_projection")(tensor)
    for number in range(1, block.depth + 1):
        name, wide = f"{wired.name}_{{}}_{number}", block.feed_forward
        attended = keras.layers.MultiHeadAttention(block.heads, head_features(block), name=name.format("attention"))(
            tensor, tensor
        )
        tensor = keras.layers.Add(name=name.format("attention_residual"))([tensor, attended])
        tensor = keras.layers.LayerNormalization(name=name.format("attention_normalisation"))(tensor)
        inner = keras.layers.Dense(wide, block.activation, name=name.format("feed_forward"))(tensor)
        outer = keras.layers.Dense(block.width, name=name.format("feed_forward_output"))(inner)
        tensor = keras.layers.Add(name=name.format("feed_forward_residual"))([tensor, outer])
        tensor = keras.layers.LayerNormalization(name=name.format("feed_forward_normalisation"))(tensor)
    return tensor


def _recurrent(wired: WiredBlock, block: Recurrent, tensor: Any) -> Any:  # noqa: ANN401 - as above
    layer = keras.layers.LSTM if block.cell == "lstm" else keras.layers.GRU
    for number in range(1, block.depth + 1):
        keeps = wired.keeps_positions or number < block.depth
        tensor = layer(block.units, return_sequences=keeps, name=f"{wired.name}_{number}")(tensor)
    return tensor


def _pool(wired: WiredBlock, block: Pool, tensor: Any) -> Any:  # noqa: ANN401 - as above
    rank, named = len(tensor.shape) - 2, "Average" if block.combine == "mean" else "Max"
    return getattr(keras.layers, f"Global{named}Pooling{rank}D")(name=wired.name)(tensor)


def _dot(wired: WiredBlock, read: list[Any]) -> Any:  # noqa: ANN401 - as above
    vectors = [
        keras.layers.Reshape((1, each.shape[-1]), name=f"{wired.name}_vector_{number}")(each)
        if len(each.shape) == 2
        else each
        for number, each in enumerate(read, 1)
    ]
    joined = vectors[0] if len(vectors) == 1 else keras.layers.Concatenate(1, name=f"{wired.name}_inputs")(vectors)
    return PairProducts(name=wired.name)(joined)


_LAYERS: dict[str, Callable[[WiredBlock, Any, Any], Any]] = {
    "dense": _dense,
    "convolution": _convolution,
    "attention": _attention,
    "recurrent": _recurrent,
    "pool": _pool,
}
