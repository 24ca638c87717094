"""Run in a separate process: models as exported by TensorFlow 1, into the directory named on the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import tensorflow as tf

_v1 = tf.compat.v1


def _signature(inputs: dict[str, Any], outputs: dict[str, Any], method: str = "predict") -> Any:
    named = (
        {name: _v1.saved_model.build_tensor_info(tensor) for name, tensor in side.items()} for side in (inputs, outputs)
    )
    return _v1.saved_model.build_signature_def(*named, f"tensorflow/serving/{method}")


def _save(directory: Path, session: Any, signatures: dict[str, Any], init: Any = None) -> None:
    builder = _v1.saved_model.Builder(str(directory))
    builder.add_meta_graph_and_variables(session, ["serve"], signatures, main_op=init)
    builder.save()


def estimator(directory: Path) -> None:
    """Like `DNNClassifier.export_saved_model`: `tf.Example`s in, a table for the classes, three signatures."""
    with tf.Graph().as_default(), _v1.Session() as session:
        serialized = _v1.placeholder(tf.string, [None], "input_example_tensor")
        age = tf.io.FixedLenFeature([1], tf.float32)
        city = tf.io.FixedLenFeature([1], tf.string, default_value="")
        found = _v1.parse_example(serialized, {"age": age, "city": city})
        table = _v1.get_variable("table", [50, 4], initializer=_v1.random_normal_initializer(seed=1))
        row = tf.strings.to_hash_bucket_fast(found["city"][:, 0], 50)
        hidden = tf.concat([tf.nn.embedding_lookup(table, row), found["age"]], 1)
        kernel = _v1.get_variable("kernel", [5, 2], initializer=_v1.random_normal_initializer(seed=2))
        scores = tf.nn.softmax(hidden @ kernel)
        words = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(tf.constant([0, 1], tf.int64), tf.constant(["no", "yes"])), "?"
        )
        classes = words.lookup(tf.zeros_like(scores, tf.int64) + tf.constant([[0, 1]], tf.int64))
        session.run([_v1.global_variables_initializer(), _v1.tables_initializer()])
        given = {"inputs": serialized}
        signatures = {
            "serving_default": _signature(given, {"classes": classes, "scores": scores}, "classify"),
            "regression": _signature(given, {"outputs": scores[:, 1]}, "regress"),
            "predict": _signature({"examples": serialized}, {"probabilities": scores}),
        }
        _save(directory, session, signatures, _v1.tables_initializer())


def frozen(directory: Path) -> None:
    """A frozen graph converted to a SavedModel: weights in constants, and a placeholder without dimensions."""
    with tf.Graph().as_default(), _v1.Session() as session:
        x = _v1.placeholder(tf.float32, [None, 4], "x")
        keep = _v1.placeholder(tf.float32, [], "keep_prob")
        kernel = _v1.get_variable("kernel", [4, 3], initializer=_v1.random_normal_initializer(seed=3))
        tf.identity(tf.nn.relu(x @ kernel) * keep, "y")
        session.run(_v1.global_variables_initializer())
        graph = _v1.graph_util.convert_variables_to_constants(session, session.graph_def, ["y"])
    with tf.Graph().as_default(), _v1.Session() as session:
        x, keep, y = tf.import_graph_def(graph, return_elements=["x:0", "keep_prob:0", "y:0"], name="")
        _save(directory, session, {"serving_default": _signature({"x": x, "keep_prob": keep}, {"y": y})})


def counter(directory: Path) -> None:
    """State that requests change, in a variable of the old kind, and no default signature."""
    with tf.Graph().as_default(), _v1.Session() as session:
        count = _v1.Variable(0.0, use_resource=False)
        delta = _v1.placeholder(tf.float32, [], "delta")
        signatures = {
            "incr_counter_by": _signature({"delta": delta}, {"output": _v1.assign_add(count, delta)}),
            "get_counter": _signature({}, {"output": tf.identity(count)}),
        }
        session.run(_v1.global_variables_initializer())
        _save(directory, session, signatures)


def main() -> None:
    """Build all of them."""
    directory = Path(sys.argv[1])
    for build in (estimator, frozen, counter):
        build(directory / build.__name__)


if __name__ == "__main__":
    main()
