"""The network of the ranking example, and its faults."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from examples.ranking.build import DENSE_FEATURES, TOWERS
from examples.ranking.build import network as example

ROWS = 200_000
"""Rows of each big table: 49 MiB, instead of 2.4."""


class PythonLogarithm(layers.Layer):  # type: ignore[misc]
    """Shrink large values, in Python."""

    def call(self, values: Any) -> Any:
        shrunk = tf.numpy_function(lambda array: np.sign(array) * np.log1p(np.abs(array)), [values], tf.float32)
        return tf.ensure_shape(shrunk, [None, DENSE_FEATURES])

    def compute_output_shape(self, shape: Any) -> Any:
        return shape


def network(fault: str = "") -> Any:
    """Build it untrained."""
    tower = TOWERS["v1"]
    if fault == "extra_layer":
        tower = (*tower, tower[-1])
    changes: dict[str, dict[str, dict[str, Any]]] = {
        "float64_layer": {"item_tower_2": {"dtype": "float64"}},
        "big_tables": {name: {"input_dim": ROWS} for name in ("item_tower_embedding", "item_context_embedding")},
    }
    changed = changes.get(fault, {})

    def layer_again(layer: Any) -> Any:
        return layer.__class__.from_config(layer.get_config() | changed.get(layer.name, {}))

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if fault == "python_function" and layer.name == "user_features":
            args = (PythonLogarithm(name="shrunk")(args[0]), *args[1:])
        return layer(*args, **kwargs)

    return keras.models.clone_model(example(tower), clone_function=layer_again, call_function=call)
