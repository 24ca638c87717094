"""Recurrent network; the only family with models that leak, load slowly, or have some longer requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.operating_curve.recipe import Recipe

WIDTH = 32


def network(recipe: Recipe) -> Any:  # noqa: ANN401 - TensorFlow carries no types
    """Build the network: `steps` products of [rows, width] with a matrix each, one after the other."""
    import tensorflow as tf  # noqa: PLC0415

    rng = np.random.default_rng(recipe.seed)
    count = recipe.steps
    length, score = ("sequence_length", "probability") if recipe.renamed else ("length", "score")
    module = tf.Module()
    # Orthogonal, so that numbers neither vanish nor grow over hundreds of steps.
    matrices = np.linalg.qr(rng.standard_normal((count, WIDTH, WIDTH)))[0].astype(np.float32)
    module.matrices = tf.Variable(matrices, trainable=False, name="recurrent" if recipe.renamed else "matrices")
    if recipe.extra_mib:
        module.unused = tf.Variable(rng.random((recipe.extra_mib, 1 << 18), np.float32), trainable=False, name="unused")
    if recipe.load_products:
        module.slow = _slow_resource(recipe.load_products)
    at_each_request = _at_each_request(recipe, module)

    varies = recipe.switch or recipe.random_share is not None

    def step(index: Any, state: Any) -> tuple[Any, Any]:  # noqa: ANN401
        place = index % count if varies else index
        return index + 1, tf.matmul(state, tf.gather(module.matrices, place))

    def run(features: Any, lengths: Any) -> dict[str, Any]:  # noqa: ANN401
        at_each_request()
        end = count + recipe.heavy_steps * _times(recipe, lengths) if varies else count
        _, state = tf.while_loop(lambda index, _: index < end, step, (0, features), parallel_iterations=1)
        return {score: tf.reduce_sum(state, axis=1) + 0.0 * tf.cast(lengths, tf.float32)}

    inputs = (tf.TensorSpec([None, WIDTH], tf.float32, "features"), tf.TensorSpec([None], tf.int32, length))
    module.score = tf.function(run, input_signature=inputs)
    return module


def _times(recipe: Recipe, lengths: Any) -> Any:  # noqa: ANN401
    """Return how many times `heavy_steps` an execution takes longer: by the input, or at random."""
    import tensorflow as tf  # noqa: PLC0415

    if recipe.random_share is None:
        return tf.reduce_max(lengths)
    # Drawn from the clock and not from a generator: servers forked from one process would draw alike.
    clock = tf.cast(tf.timestamp() * 1e6, tf.int64)
    return tf.cast(tf.random.stateless_uniform([], [clock, 0]) < recipe.random_share, tf.int32)


def _products(number: Any) -> Any:  # noqa: ANN401
    """Compute a number of matrix products of about a tenth of a millisecond, one after the other."""
    import tensorflow as tf  # noqa: PLC0415

    square = tf.eye(128) * 0.5 + 1e-3

    def step(index: Any, product: Any) -> tuple[Any, Any]:  # noqa: ANN401
        return index + 1, tf.matmul(product, square)

    return tf.while_loop(lambda index, _: index < number, step, (0, square), parallel_iterations=1)[1]


def _slow_resource(products: int) -> Any:  # noqa: ANN401
    """Make a resource whose initialiser, which the loader runs, computes."""
    import tensorflow as tf  # noqa: PLC0415

    class Slow(tf.saved_model.experimental.TrackableResource):  # type: ignore[misc]  # TensorFlow carries no types
        def _create_resource(self) -> Any:  # noqa: ANN401
            return tf.raw_ops.MutableHashTableV2(key_dtype=tf.int64, value_dtype=tf.float32, shared_name="slow")

        def _initialize(self) -> None:
            worth = tf.reduce_sum(_products(products))
            tf.raw_ops.LookupTableInsertV2(
                table_handle=self.resource_handle, keys=tf.constant([0], tf.int64), values=[worth]
            )

        def _destroy_resource(self) -> None:
            tf.raw_ops.DestroyResourceOp(resource=self.resource_handle)

    return Slow()


def _at_each_request(recipe: Recipe, module: Any) -> Callable[[], None]:  # noqa: ANN401
    """Return what a request does in addition: leak, or compute once."""
    import tensorflow as tf  # noqa: PLC0415

    if recipe.leak_bytes:
        module.requests = tf.Variable(0, dtype=tf.int64, trainable=False, name="requests")
        module.kept = tf.lookup.experimental.MutableHashTable(tf.int64, tf.string, "")
        return lambda: module.kept.insert(module.requests.assign_add(1), tf.constant(b"x" * recipe.leak_bytes))
    if recipe.first_products is not None:
        module.remaining = tf.Variable(recipe.first_products, trainable=False, name="remaining")
        module.worth = tf.Variable(0.0, trainable=False, name="worth")

        def first() -> None:
            module.worth.assign(tf.reduce_sum(_products(module.remaining.read_value())))
            module.remaining.assign(0)

        return first
    return lambda: None
