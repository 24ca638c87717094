"""Build the models of the operating curve: equal ones, and ones that are worse by a known amount in one respect.

All are one recurrent network whose steps take the same time each, so that a share more steps is a share more
execution time. Run as `python -m benchmarks.operating_curve.models`; what is up to date is left alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np

HOME = Path(".cache/models/curve")
STEPS = 220
"""Of the model that the others are compared with."""
STEPS_OF_A_REQUEST = 320
"""A whole execution takes as long as so many steps: what is around the loop takes as long as the difference."""
WIDTH = 32
_HEAVY = 4 * STEPS_OF_A_REQUEST
"""Further steps that make a request five times slower."""
_BRIEF_STEPS = 40
"""Of models that answer many requests: a leak shows after some thousands."""
_LEAK_BYTES = 1024
_EXTRA_MIB = 50
_STAMP = "stamp.json"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is special about one model."""

    steps: int = STEPS
    seed: int = 1
    renamed: bool = False
    """Other names for an input, the output and the variable."""
    switch: bool = False
    """The loop's length depends on the input `length`, by `heavy_steps` for each that is above 0."""
    heavy_steps: int = 0
    leak_bytes: int = 0
    """Kept of each request, for ever."""
    extra_mib: int = 0
    """Of a variable that is loaded and not used."""
    load_products: int = 0
    """Matrix products computed by an initialiser while the model loads."""
    first_products: int | None = None
    """Matrix products computed in the first request; None: without the operations that see to it."""


def _more(share: float) -> Recipe:
    return Recipe(steps=STEPS + round(share * STEPS_OF_A_REQUEST))


RECIPES: dict[str, Recipe] = {
    "base": Recipe(),
    "again": Recipe(),
    "renamed": Recipe(renamed=True),
    "weights": Recipe(seed=2),
    "plus_1": _more(0.01),
    "plus_2": _more(0.02),
    "plus_tau": _more(0.025),
    "plus_5": _more(0.05),
    "plus_10": _more(0.10),
    "plus_50": _more(0.50),
    "even": Recipe(switch=True),
    "tail": Recipe(switch=True, heavy_steps=_HEAVY),
    "brief": Recipe(steps=_BRIEF_STEPS),
    "leak": Recipe(steps=_BRIEF_STEPS, leak_bytes=_LEAK_BYTES),
    "plus_50mib": Recipe(extra_mib=_EXTRA_MIB),
    "slow_load": Recipe(load_products=450),
    "quick_first": Recipe(first_products=0),
    "slow_first": Recipe(first_products=2000),
}
"""Directory to what is in it; `plus_50` is for checking that steps are worth what they should be."""


def export(recipe: Recipe, target: Path) -> None:
    """Write a SavedModel; the directory appears whole or not at all."""
    import tensorflow as tf  # noqa: PLC0415 - a build that is up to date needs no TensorFlow

    module = network(recipe)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as scratch:
        written = Path(scratch, target.name)
        tf.saved_model.save(module, str(written), signatures={"serving_default": module.score})
        shutil.rmtree(target, ignore_errors=True)
        written.rename(target)


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

    def step(index: Any, state: Any) -> tuple[Any, Any]:  # noqa: ANN401
        place = index % count if recipe.switch else index
        return index + 1, tf.matmul(state, tf.gather(module.matrices, place))

    def run(features: Any, lengths: Any) -> dict[str, Any]:  # noqa: ANN401
        at_each_request()
        end = count + recipe.heavy_steps * tf.reduce_max(tf.minimum(lengths, 1)) if recipe.switch else count
        _, state = tf.while_loop(lambda index, _: index < end, step, (0, features), parallel_iterations=1)
        return {score: tf.reduce_sum(state, axis=1) + 0.0 * tf.cast(lengths, tf.float32)}

    inputs = (tf.TensorSpec([None, WIDTH], tf.float32, "features"), tf.TensorSpec([None], tf.int32, length))
    module.score = tf.function(run, input_signature=inputs)
    return module


def _products(number: Any) -> Any:  # noqa: ANN401
    """Compute so many matrix products of about a tenth of a millisecond, one after the other."""
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
    """Give what a request does besides the work: leak, or compute once."""
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


def recipe_of_all() -> dict[str, Any]:
    """Everything that decides what a build writes."""
    source = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return {"source": source, "tensorflow": version("tensorflow")}


def up_to_date(home: Path) -> bool:
    """Tell whether a finished build of these recipes is there."""
    with contextlib.suppress(OSError, ValueError):
        there = all((home / name / "saved_model.pb").is_file() for name in RECIPES)
        return there and json.loads((home / _STAMP).read_text())["recipe"] == recipe_of_all()
    return False


@click.command()
@click.option("--home", type=click.Path(path_type=Path), default=HOME, show_default=True)
def main(home: Path) -> None:
    """Build all models into HOME."""
    if up_to_date(home):
        return
    (home / _STAMP).unlink(missing_ok=True)
    home.mkdir(parents=True, exist_ok=True)
    for name, recipe in RECIPES.items():
        export(recipe, home / name)
    (home / _STAMP).write_text(json.dumps({"recipe": recipe_of_all()}, indent=2) + "\n")


if __name__ == "__main__":
    main()
