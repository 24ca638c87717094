"""Which inputs carry ids, in graphs that TensorFlow wrote (perfgate.model.table_ids)."""

from __future__ import annotations

import pytest

from tests.sketch.conftest import Build, Written

pytestmark = [pytest.mark.live, pytest.mark.slow]

_KERAS = """
import keras

def several_tables():
    ids, item = keras.Input((20,), dtype="int64", name="ids"), keras.Input((), dtype="int32", name="item")
    count, x = keras.Input((1,), dtype="int32", name="count"), keras.Input((3,), name="x")
    flat = lambda rows: keras.layers.Flatten()(keras.layers.Embedding(rows, 2)(ids))
    one = keras.layers.Embedding(70, 2)(item)
    parts = [flat(1000), flat(50), flat(400), one, keras.ops.cast(count, "float32"), x]
    inputs = {"ids": ids, "item": item, "count": count, "x": x}
    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Concatenate()(parts)))

def no_table():
    x = keras.Input((3,), dtype="int32", name="x")
    return keras.Model(x, keras.layers.Dense(1)(keras.ops.cast(x, "float32")))
"""
_GATHERS = {
    "plain": "tf.gather(self.table, x)",
    "constant": "tf.gather(tf.constant([[1.0]] * 11), x)",
    "lookup": "tf.nn.embedding_lookup(self.table, x)",
    "columns": "tf.gather(self.wide, x, axis=1)",
    "unique": "tf.gather(self.table, tf.unique(tf.reshape(x, [-1]))[0])",
    "unique_positions": "tf.gather(self.wide, tf.unique(tf.reshape(x, [-1]))[1])",
    "moved": "tf.gather(self.table, tf.concat([tf.expand_dims(tf.cast(x, tf.int32)[:1], 0)] * 2, 0))",
    "clipped": "tf.gather(self.table, tf.clip_by_value(x, 0, 99))",
    "chosen": "tf.gather(self.table, tf.where(x > 3, x, tf.zeros_like(x)))",
    "counted": "tf.gather(self.table, tf.where(tf.reshape(x, [-1]) > 3)[:, 0])",
    "nd": "tf.gather_nd(self.table, tf.expand_dims(x, -1))",
    "nd_of_two": "tf.gather_nd(self.table, tf.stack([x, x], -1))",
    "hashed": "tf.gather(self.table, x % 100)",
    "shifted": "tf.gather(self.table, x + 7)",
    "number": "tf.cast(x, tf.float32)",
    "computed": "tf.gather(tf.tile(self.table, [tf.shape(x)[0], 1]), x)",
    "half": "tf.gather(tf.cast(self.table, tf.float16), x)",
}
_FOUND = {
    "plain": 100, "constant": 11, "lookup": 100, "columns": 60, "unique": 100, "moved": 100, "clipped": 100,
    "chosen": 100, "nd": 100, "half": 100,
}  # fmt: skip
"""By the input's name; the other gathers say nothing about ids."""

_MODULE = """
import tensorflow as tf

class Model(tf.Module):
    def __init__(self):
        self.table = tf.Variable(tf.ones([100, 4]))
        self.wide = tf.Variable(tf.ones([5, 60]))

    @tf.function(input_signature=[{specs}])
    def __call__(self, {names}):
        outputs = {{}}
{lines}
        return outputs

def model():
    return Model()
"""


def test_the_smallest_of_several_tables_limits_the_ids(build: Build, written: Written) -> None:
    assert build(written("m.py", _KERAS) + ":several_tables").cardinalities == {"ids": 50, "item": 70}


def test_without_a_table_no_input_carries_ids(build: Build, written: Written) -> None:
    assert build(written("m.py", _KERAS) + ":no_table").cardinalities == {}


def test_every_way_to_look_up(build: Build, written: Written) -> None:
    specs = ", ".join(f'tf.TensorSpec([None], tf.int64, name="{name}")' for name in _GATHERS)
    lines = "\n".join(f"        x = {name}\n        outputs['{name}'] = {code}" for name, code in _GATHERS.items())
    file = written("m.py", _MODULE.format(specs=specs, names=", ".join(_GATHERS), lines=lines))
    assert build(file).cardinalities == dict(sorted(_FOUND.items()))
