"""Convolutional network on a small image."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.operating_curve.recipe import Recipe

SIZE = 12
CHANNELS = 16
_FILTERS = 4
"""The steps use these in turn: more steps need no more memory, so that all steps take the same time."""
_GAIN = 2.0
_CLASSES = 10


def network(recipe: Recipe) -> Any:  # noqa: ANN401 - TensorFlow carries no types
    """Build it: two layers that shrink the image, `steps` layers of 3 x 3 filters, and a dense one."""
    import tensorflow as tf  # noqa: PLC0415

    rng = np.random.default_rng(recipe.seed)
    scale_name, scores = ("gain", "probabilities") if recipe.renamed else ("scale", "scores")
    name = "kernel" if recipe.renamed else "filter"
    module = tf.Module()

    def variable(*shape: int) -> Any:  # noqa: ANN401
        values = rng.standard_normal(shape) * np.sqrt(_GAIN / np.prod(shape[:-1]))
        return tf.Variable(values.astype(np.float32), trainable=False, name=name)

    module.first = [variable(3, 3, 3, CHANNELS), variable(3, 3, CHANNELS, CHANNELS)]
    module.filters = [variable(3, 3, CHANNELS, CHANNELS) for _ in range(_FILTERS)]
    module.bias = tf.Variable(np.full(CHANNELS, 0.1, np.float32), trainable=False, name="bias")
    module.dense = variable(CHANNELS, _CLASSES)

    def layer(state: Any, filters: Any, stride: int) -> Any:  # noqa: ANN401
        # Bounded, so that numbers do not grow over a hundred layers; with a bias, so that they do not vanish.
        return tf.nn.relu6(tf.nn.bias_add(tf.nn.conv2d(state, filters, stride, "SAME"), module.bias))

    def run(image: Any, scale: Any) -> dict[str, Any]:  # noqa: ANN401
        state = image * scale[:, None, None, None]
        for filters in module.first:
            state = layer(state, filters, 2 if filters is module.first[-1] else 1)
        for step in range(recipe.steps):
            state = layer(state, module.filters[step % _FILTERS], 1)
        return {scores: tf.nn.softmax(tf.matmul(tf.reduce_mean(state, axis=[1, 2]), module.dense))}

    inputs = (
        tf.TensorSpec([None, SIZE, SIZE, 3], tf.float32, "image"),
        tf.TensorSpec([None], tf.float32, scale_name),
    )
    module.score = tf.function(run, input_signature=inputs)
    return module
