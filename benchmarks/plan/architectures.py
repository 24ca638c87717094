"""Six architectures, as functions that `perfgate plan` builds, and data that each can be trained with.

Keras is imported inside of them: the benchmark's own process has no TensorFlow.
"""

from __future__ import annotations

from typing import Any

import numpy as np

BATCH = 8
ROWS = 2_048
"""Of training data."""


def wide_and_deep(width: int = 384) -> Any:
    """Return a ranker: crossed ids with one weight each beside a dense stack over embeddings."""
    import keras
    from keras import layers

    user, item = (keras.Input((20,), dtype="int64", name=name) for name in ("user", "item"))
    numbers = keras.Input((32,), name="numbers")
    deep = [keras.ops.mean(layers.Embedding(50_000, 24)(each), axis=1) for each in (user, item)]
    wide = [keras.ops.sum(layers.Embedding(50_000, 1)(each), axis=1) for each in (user, item)]
    hidden = layers.Concatenate()([numbers, *deep])
    for _ in range(3):
        hidden = layers.Dense(width, "relu")(hidden)
    score = layers.Dense(1)(hidden) + wide[0] + wide[1]
    return keras.Model([user, item, numbers], keras.ops.sigmoid(score), name="wide_and_deep")


def two_tower(width: int = 256) -> Any:
    """Return two stacks whose outputs are multiplied."""
    import keras
    from keras import layers

    inputs, towers = [], []
    for name in ("query", "document"):
        ids = keras.Input((32,), dtype="int64", name=name)
        hidden = keras.ops.mean(layers.Embedding(30_000, 64)(ids), axis=1)
        for _ in range(2):
            hidden = layers.Dense(width, "relu")(hidden)
        inputs.append(ids)
        towers.append(layers.Dense(64)(hidden))
    return keras.Model(inputs, keras.ops.sigmoid(layers.Dot(1)(towers)), name="two_tower")


def transformer(width: int = 64, depth: int = 2) -> Any:
    """Return a small encoder of 32 tokens."""
    import keras
    from keras import layers

    tokens = keras.Input((32,), dtype="int64", name="tokens")
    hidden = layers.Embedding(8_000, width)(tokens)
    for _ in range(depth):
        attended = layers.MultiHeadAttention(4, width // 4)(hidden, hidden)
        hidden = layers.LayerNormalization()(hidden + attended)
        forward = layers.Dense(width)(layers.Dense(4 * width, "gelu")(hidden))
        hidden = layers.LayerNormalization()(hidden + forward)
    score = layers.Dense(1, "sigmoid")(layers.GlobalAveragePooling1D()(hidden))
    return keras.Model(tokens, score, name="transformer")


def convolution(filters: int = 16) -> Any:
    """Return a net over small pictures."""
    import keras
    from keras import layers

    picture = keras.Input((32, 32, 3), name="picture")
    hidden = picture
    for factor in (1, 2, 4):
        hidden = layers.Conv2D(factor * filters, 3, padding="same", activation="relu")(hidden)
        hidden = layers.MaxPooling2D()(hidden)
    score = layers.Dense(1, "sigmoid")(layers.GlobalAveragePooling2D()(hidden))
    return keras.Model(picture, score, name="convolution")


def lstm(units: int = 64) -> Any:
    """Return a recurrent net over 24 steps."""
    import keras
    from keras import layers

    steps = keras.Input((24, 16), name="steps")
    score = layers.Dense(1, "sigmoid")(layers.LSTM(units)(steps))
    return keras.Model(steps, score, name="lstm")


def mlp(width: int = 512) -> Any:
    """Return a dense stack, as it approximates boosted trees over a table."""
    import keras
    from keras import layers

    numbers = keras.Input((128,), name="numbers")
    hidden = numbers
    for _ in range(4):
        hidden = layers.BatchNormalization()(layers.Dense(width, "relu")(hidden))
    return keras.Model(numbers, layers.Dense(1, "sigmoid")(hidden), name="mlp")


ARCHITECTURES = ("wide_and_deep", "two_tower", "transformer", "convolution", "lstm", "mlp")


def data_for(model: Any, rng: np.random.Generator) -> tuple[list[Any], Any]:
    """Return inputs and labels that depend on them, so that training moves all weights."""
    inputs = []
    total = np.zeros(ROWS)
    for tensor in model.inputs:
        shape = (ROWS, *tensor.shape[1:])
        if "int" in tensor.dtype:
            values = rng.integers(0, 8_000, shape)
            total += (values % 7 - 3).reshape(ROWS, -1).mean(axis=1)
        else:
            values = rng.standard_normal(shape).astype(np.float32)
            total += values.reshape(ROWS, -1)[:, :4].sum(axis=1)
        inputs.append(values)
    return inputs, (total > np.median(total)).astype(np.float32)
