"""Run in a separate process: build small models of every kind into the directory named on the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import tensorflow as tf

_v1 = tf.compat.v1
_spec = tf.TensorSpec


class Signatures(tf.Module):  # type: ignore[misc]
    """Exports of TensorFlow 2: several signatures, each of its own kind."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = tf.Variable(2.0)

    def signatures(self) -> dict[str, Any]:
        """Return each signature's function."""
        makers: dict[str, tuple[Any, dict[str, tf.TensorSpec]]] = {
            "serving_default": (self.default, {"x": _spec([None, 3], tf.float32)}),
            "strings": (self.strings, {"text": _spec([None], tf.string)}),
            "pair": (self.pair, {"a": _spec([None, 2], tf.float32), "b": _spec([None], tf.int64)}),
            "scalar": (self.scalar, {"s": _spec([], tf.float32)}),
            "wide": (self.wide, {"v": _spec([None, None], tf.float32)}),
            "kinds": (
                self.kinds,
                {
                    "flag": _spec([None], tf.bool),
                    "small": _spec([None], tf.uint8),
                    "whole": _spec([None], tf.int32),
                    "wide": _spec([None], tf.float64),
                },
            ),
            "mapped": (self.mapped, {"text": _spec([None], tf.string)}),
            "long": (self.long, {"v": _spec([None, None], tf.float32), "text": _spec([None, None], tf.string)}),
            "whole": (self.whole, {"x": _spec([None], tf.float32)}),
            "summed": (self.summed, {"x": _spec([None], tf.float32)}),
            "fixed": (self.fixed, {"x": _spec([2], tf.float32)}),
            "half_plus_two": (self.half_plus_two, {"x": _spec([None, 1], tf.float32)}),
            "half": (self.half, {"x": _spec([None], tf.float32)}),
            "fail": (self.fail, {"x": _spec([None], tf.float32)}),
            "classify": (self.classify, {"inputs": _spec([None], tf.string)}),
            "regress": (self.regress, {"inputs": _spec([None], tf.string)}),
        }
        return {key: tf.function(function).get_concrete_function(**specs) for key, (function, specs) in makers.items()}

    def default(self, x: Any) -> Any:
        return {"sum": tf.reduce_sum(x, 1) * self.weight, "double": x * 2.0}

    def strings(self, text: Any) -> Any:
        return {"upper": tf.strings.upper(text), "raw_bytes": text}

    def pair(self, a: Any, b: Any) -> Any:
        return {"total": tf.reduce_sum(a, 1) + tf.cast(b, tf.float32)}

    def scalar(self, s: Any) -> Any:
        return {"t": s * self.weight}

    def wide(self, v: Any) -> Any:
        return {"total": tf.reduce_sum(v, 1)}

    def kinds(self, flag: Any, small: Any, whole: Any, wide: Any) -> Any:
        return {
            "flag": tf.identity(flag), "small": tf.identity(small),
            "whole": tf.identity(whole), "wide": tf.identity(wide),
        }  # fmt: skip

    def mapped(self, text: Any) -> Any:
        """A loop over rows, where the old `Batch` op fails."""
        lengths = tf.map_fn(tf.strings.length, text, fn_output_signature=tf.int32)
        return {"upper": tf.strings.upper(text), "length": lengths}

    def long(self, v: Any, text: Any) -> Any:
        """The model's view of rows of unequal length."""
        return {"v": tf.identity(v), "text": tf.strings.reduce_join(text, 1, separator="|")}

    def whole(self, x: Any) -> Any:
        """Output rows do not match input rows, so it cannot be batched, which only shows when it is tried."""
        return {"total": tf.reduce_sum(x)}

    def summed(self, x: Any) -> Any:
        return {"total": tf.reduce_sum(x, keepdims=True)}

    def fixed(self, x: Any) -> Any:
        return {"y": x * 2.0}

    def half_plus_two(self, x: Any) -> Any:
        """TF-Serving's own first example."""
        return {"y": x / 2.0 + 2.0}

    def half(self, x: Any) -> Any:
        return {"y": tf.cast(x, tf.float16)}

    def fail(self, x: Any) -> Any:
        with tf.control_dependencies([tf.debugging.assert_less(x, 10.0, message="too much")]):
            return {"y": tf.identity(x)}

    def classify(self, inputs: Any) -> Any:
        age = _age(inputs)
        return {"scores": tf.stack([age, -age], 1)}

    def regress(self, inputs: Any) -> Any:
        return {"outputs": _age(inputs)[:, None] * self.weight}


def _age(examples: Any) -> Any:
    return tf.io.parse_example(examples, {"age": tf.io.FixedLenFeature([], tf.float32)})["age"]


def graph(directory: Path) -> None:
    """Export like TensorFlow 1: signatures with methods of their own, over the same input."""
    with tf.Graph().as_default(), _v1.Session() as session:
        examples = _v1.placeholder(tf.string, [None], "examples")
        found = tf.io.parse_example(
            examples,
            {
                "age": tf.io.FixedLenFeature([], tf.float32),
                "country": tf.io.FixedLenFeature([], tf.string, default_value="??"),
            },
        )
        age, country = found["age"], found["country"]
        labels = tf.stack([country, tf.constant("other") + tf.zeros_like(country)], 1)
        scores = tf.stack([age, 1.0 - age], 1)
        sparse = _v1.sparse_placeholder(tf.float32, [None, 4], "sparse")
        dense = tf.reduce_sum(tf.sparse.to_dense(sparse), 1)
        info = _v1.saved_model.build_tensor_info

        def signature(inputs: dict[str, Any], outputs: dict[str, Any], method: str) -> Any:
            named = ({name: info(tensor) for name, tensor in side.items()} for side in (inputs, outputs))
            return _v1.saved_model.build_signature_def(*named, f"tensorflow/serving/{method}")

        x, more = _v1.placeholder(tf.float32, [None, 1], "x"), _v1.placeholder(tf.float32, [], "more")
        halves = signature({"x": x}, {"y": x / 2.0 + 2.0}, "predict")
        told_no_shape = signature({"x": x}, {"y": x / 2.0 + 2.0}, "predict")
        for tensor in (told_no_shape.inputs["x"], told_no_shape.outputs["y"]):
            tensor.ClearField("tensor_shape")  # as left by TensorFlow 1.0
        with_default = signature({"x": x, "more": more}, {"y": x + more}, "predict")
        with_default.defaults["more"].CopyFrom(tf.make_tensor_proto(3.0))
        parts = {"indices": sparse.indices, "values": sparse.values, "dense_shape": sparse.dense_shape}
        given = {"inputs": examples}
        signatures = {
            "serving_default": signature(given, {"classes": labels, "scores": scores}, "classify"),
            "half_plus_two": halves,
            "told_no_shape": told_no_shape,
            "with_default": with_default,
            "classes_only": signature(given, {"classes": labels}, "classify"),
            "regress": signature(given, {"outputs": age}, "regress"),
            "other_input": signature({"inputs": tf.identity(examples)}, {"outputs": age}, "regress"),
            "sparse": signature({"x": sparse}, {"y": dense}, "predict"),
            "sparse_parts": signature(parts, {"y": dense}, "predict"),
            "two_inputs": signature({"inputs": examples, "more": examples}, {"scores": scores}, "classify"),
            "no_inputs": signature({"examples": examples}, {"scores": scores}, "classify"),
            "three_outputs": signature(given, {"classes": labels, "scores": scores, "age": age}, "classify"),
            "no_outputs": signature(given, {"age": age}, "classify"),
            "flat_scores": signature(given, {"scores": age}, "classify"),
            "double_scores": signature(given, {"scores": tf.cast(scores, tf.float64)}, "classify"),
            "fewer_scores": signature(given, {"scores": scores[:1]}, "classify"),
            "sparse_scores": signature(given, {"scores": tf.sparse.from_dense(scores)}, "classify"),
            "one_score": signature(given, {"classes": labels, "scores": scores[:, :1]}, "classify"),
            "two_values": signature(given, {"outputs": scores}, "regress"),
            "double_values": signature(given, {"outputs": tf.cast(age, tf.float64)}, "regress"),
            "fewer_values": signature(given, {"outputs": age[:1]}, "regress"),
        }
        builder = _v1.saved_model.Builder(str(directory))
        builder.add_meta_graph_and_variables(session, ["serve"], signatures)
        builder.save()


def python(directory: Path) -> None:
    """Export a model that calls back into the exporting process."""
    module = tf.Module()
    module.double = tf.function(
        lambda x: {"y": tf.numpy_function(lambda array: array * 2, [x], tf.float32)},
        input_signature=[_spec([None], tf.float32, "x")],
    )
    tf.saved_model.save(module, str(directory), signatures=module.double)


def main() -> None:
    """Build all of them."""
    directory = Path(sys.argv[1])
    module = Signatures()
    tf.saved_model.save(module, str(directory / "signatures"), module.signatures())
    graph(directory / "graph")
    python(directory / "python")


if __name__ == "__main__":
    main()
