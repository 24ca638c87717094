"""A network of equal products of about 2 ms, and variants of it that are slower by a product or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tests.explain.faults.pairs import Variant

WIDTH = 256
LAYERS = 18
OUTPUTS = 8
MATRIX, VECTOR = 0.01, 0.005
"""What is added, by its share of the execution time: a product with a matrix takes about 20 of 2,000 us, of which more
than half is the same for the smallest matrix; one with a vector takes 10 us. Measured with ten of them, on one thread.
"""


def write(variant: Variant, target: Path) -> None:
    """Export the variant."""
    rng = np.random.default_rng(1 + variant.seed if variant.kind == "other_weights" else 0)
    place = int(np.random.default_rng(variant.seed).integers(LAYERS))
    name = "product" if variant.kind == "renamed" else "layer"
    module = tf.Module()

    def kernel(columns: int) -> Any:
        values = rng.standard_normal((WIDTH, columns)) * np.sqrt(2 / WIDTH)
        return tf.Variable(values.astype(np.float32), trainable=False, name=f"{name}_kernel")

    def vector(value: float) -> Any:
        return tf.Variable(np.full(WIDTH, value, np.float32), trainable=False, name=f"{name}_vector")

    module.kernels = [kernel(WIDTH) for _ in range(LAYERS)]
    module.biases = [vector(0.01) for _ in range(LAYERS)]
    module.last = kernel(OUTPUTS)
    if variant.added:
        module.added = {MATRIX: lambda: kernel(OUTPUTS), VECTOR: lambda: vector(0.9)}[variant.added]()

    def score(x: Any) -> dict[str, Any]:
        early = None
        for index in range(LAYERS):
            with tf.name_scope(f"{name}_{index}"):
                x = tf.nn.relu(tf.nn.bias_add(tf.matmul(x, module.kernels[index]), module.biases[index]))
                if index == place and variant.added == MATRIX:
                    early = tf.matmul(x, module.added)
                if index == place and variant.added == VECTOR:
                    x *= module.added
        scores = tf.matmul(x, module.last)
        return {"scores": scores if early is None else scores + early}

    module.score = tf.function(score, input_signature=[tf.TensorSpec([None, WIDTH], tf.float32, "x")])
    tf.saved_model.save(module, str(target), signatures={"serving_default": module.score})
