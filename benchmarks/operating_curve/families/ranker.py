"""Embedding-heavy ranker: ids are looked up repeatedly in large tables, and a small network computes a score."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.operating_curve.recipe import Recipe

TABLES = 8
ROWS = 1 << 15
WIDTH = 16
"""16 MiB of tables: too large for a cache while servers take turns."""
IDS = 20
DENSE = 8
_HIDDEN = (64, 32)
_SPREAD = 2_654_435_761
"""Knuth's multiplicative hash: ids of any size become rows of a table."""


def network(recipe: Recipe) -> Any:  # noqa: ANN401 - TensorFlow carries no types
    """Build it: each step looks all ids up in one table, at other rows than the step before, and sums them."""
    import tensorflow as tf  # noqa: PLC0415

    rng = np.random.default_rng(recipe.seed)
    dense_name, score = ("numbers", "probability") if recipe.renamed else ("dense", "score")
    table_name = "embedding" if recipe.renamed else "table"
    module = tf.Module()
    module.tables = [
        tf.Variable(rng.standard_normal((ROWS, WIDTH), np.float32), trainable=False, name=f"{table_name}_{number}")
        for number in range(TABLES)
    ]
    sizes = (WIDTH + DENSE, *_HIDDEN, 1)
    module.layers = [
        tf.Variable((rng.standard_normal(pair) / np.sqrt(pair[0])).astype(np.float32), trainable=False, name="layer")
        for pair in pairwise(sizes)
    ]

    def looked_up(step: int, ids: Any) -> Any:  # noqa: ANN401
        rows = tf.bitwise.bitwise_and(tf.bitwise.right_shift(ids * _SPREAD + step * 40_503, 8), ROWS - 1)
        return tf.reduce_sum(tf.gather(module.tables[step % TABLES], rows), axis=1)

    def run(ids: Any, dense: Any) -> dict[str, Any]:  # noqa: ANN401
        pooled = tf.add_n([looked_up(step, ids) for step in range(recipe.steps)]) / np.float32(np.sqrt(recipe.steps))
        state = tf.concat([pooled, dense], axis=1)
        for layer in module.layers[:-1]:
            state = tf.nn.relu(tf.matmul(state, layer))
        return {score: tf.sigmoid(tf.matmul(state, module.layers[-1]))}

    inputs = (tf.TensorSpec([None, IDS], tf.int64, "ids"), tf.TensorSpec([None, DENSE], tf.float32, dense_name))
    module.score = tf.function(run, input_signature=inputs)
    return module
