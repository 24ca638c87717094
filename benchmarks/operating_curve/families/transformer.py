"""Small transformer with string inputs: words are hashed to ids, embedded, and attend to one another."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.operating_curve.recipe import Recipe

WORDS = 16
WIDTH = 32
_VOCABULARY = 1 << 13
_ATTENDING = 2
_STACKED = 4
"""The dense layers that follow use these weights in turn: more layers need no more memory."""
_FAR = -1e9


def network(recipe: Recipe) -> Any:  # noqa: ANN401 - TensorFlow carries no types
    """Build it: hash, embed, layers of attention and a dense one each, `steps` further dense layers, one score."""
    import tensorflow as tf  # noqa: PLC0415

    rng = np.random.default_rng(recipe.seed)
    length, score = ("words", "probability") if recipe.renamed else ("length", "score")
    name = "kernel" if recipe.renamed else "weights"
    module = tf.Module()

    def variable(*shape: int) -> Any:  # noqa: ANN401
        values = rng.standard_normal(shape) / np.sqrt(shape[-2])
        return tf.Variable(values.astype(np.float32), trainable=False, name=name)

    module.embedding = variable(_VOCABULARY, WIDTH)
    module.places = variable(WORDS, WIDTH)
    module.attending = [(variable(WIDTH, 3 * WIDTH), variable(WIDTH, WIDTH)) for _ in range(_ATTENDING)]
    module.dense = [(variable(WIDTH, 2 * WIDTH), variable(2 * WIDTH, WIDTH)) for _ in range(_STACKED)]
    module.last = variable(WIDTH, 1)

    def normal(state: Any) -> Any:  # noqa: ANN401
        return state * tf.math.rsqrt(tf.reduce_mean(tf.square(state), axis=-1, keepdims=True) + 1e-6)

    def product(state: Any, weights: Any) -> Any:  # noqa: ANN401
        return tf.reshape(tf.matmul(tf.reshape(state, [-1, state.shape[-1]]), weights), [-1, WORDS, weights.shape[-1]])

    def attention(state: Any, mask: Any, weights: Any) -> Any:  # noqa: ANN401
        query, key, value = tf.split(product(normal(state), weights[0]), 3, axis=-1)
        closeness = tf.matmul(query, key, transpose_b=True) / np.float32(np.sqrt(WIDTH)) + mask
        return state + product(tf.matmul(tf.nn.softmax(closeness), value), weights[1])

    def dense(rows: Any, step: int) -> Any:  # noqa: ANN401
        inner, outer = module.dense[step % _STACKED]
        return normal(rows + tf.matmul(tf.nn.relu(tf.matmul(rows, inner)), outer))

    def run(text: Any, lengths: Any) -> dict[str, Any]:  # noqa: ANN401
        ids = tf.strings.to_hash_bucket_fast(text, _VOCABULARY)
        mask = _FAR * (1.0 - tf.sequence_mask(tf.clip_by_value(lengths, 1, WORDS), WORDS, tf.float32))[:, None, :]
        state = tf.gather(module.embedding, ids) + module.places
        for number, weights in enumerate(module.attending):
            state = attention(state, mask, weights)
            state = tf.reshape(dense(tf.reshape(state, [-1, WIDTH]), number), [-1, WORDS, WIDTH])
        rows = tf.reshape(state, [-1, WIDTH])
        for step in range(recipe.steps):
            rows = dense(rows, step)
        pooled = tf.reduce_mean(tf.reshape(rows, [-1, WORDS, WIDTH]), axis=1)
        return {score: tf.sigmoid(tf.matmul(pooled, module.last))}

    inputs = (tf.TensorSpec([None, WORDS], tf.string, "text"), tf.TensorSpec([None], tf.int32, length))
    module.score = tf.function(run, input_signature=inputs)
    return module
