"""Keras layers that sketches need and Keras lacks."""

from __future__ import annotations

from typing import Any

import keras


class AsFloat(keras.layers.Layer):  # type: ignore[misc]
    """Whole numbers and truth values as float32; Keras converts only between floating point types."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, autocast=False)

    def call(self, read: Any) -> Any:  # noqa: ANN401 - Keras tensors have no types
        """Convert."""
        return keras.ops.cast(read, "float32")


class Sum(keras.layers.Layer):  # type: ignore[misc]
    """Sum over positions, [batch, positions, features] to [batch, features]."""

    def call(self, read: Any) -> Any:  # noqa: ANN401 - as above
        """Add."""
        return keras.ops.sum(read, axis=1)


class PairProducts(keras.layers.Layer):  # type: ignore[misc]
    """Dot products of all pairs of vectors, [batch, vectors, features] to [batch, pairs]."""

    def call(self, read: Any) -> Any:  # noqa: ANN401 - as above
        """Multiply all with all, and keep each pair once."""
        number = read.shape[1]
        pairs = [row * number + column for row in range(number) for column in range(row)]
        products = keras.ops.matmul(read, keras.ops.transpose(read, (0, 2, 1)))
        return keras.ops.take(keras.ops.reshape(products, (-1, number * number)), pairs, axis=1)
