"""A small transformer encoder that classifies texts, and its faults."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from keras import layers

LENGTH = 256
ENCODED = 32
"""The first tokens of a text, which are encoded; the others only count in the mean."""
VOCABULARY = 20_000
WIDTH = 64
HEADS = 4
HIDDEN = 192
BLOCKS = 2
LONGEST = 1_024
"""Positions for which there are codes."""
CLASSES = 4
KNOWN_WORDS = 5_000


class Positions(layers.Layer):  # type: ignore[misc]
    """Add sines and cosines of the position.

    The longest wavelength is a constant, so that Grappler computes all of them once; or a variable of the model, so
    that each request computes them.
    """

    def __init__(self, *, variable: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.variable = variable

    def build(self, _: Any) -> None:
        longest = keras.initializers.Constant(10_000.0)
        self.longest = self.add_weight(shape=(), initializer=longest, trainable=False) if self.variable else None

    def call(self, state: Any) -> Any:
        longest = tf.constant(10_000.0) if self.longest is None else tf.convert_to_tensor(self.longest)
        rates = longest ** (tf.range(WIDTH // 2, dtype=tf.float32) * (-2 / WIDTH))
        angles = tf.range(LONGEST, dtype=tf.float32)[:, None] * rates
        return state + tf.concat([tf.sin(angles), tf.cos(angles)], axis=1)[:ENCODED]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "variable": self.variable}


class HashedWords(layers.Layer):  # type: ignore[misc]
    """Turn words into ids by a hash."""

    def call(self, words: Any) -> Any:
        return tf.strings.to_hash_bucket_fast(words, VOCABULARY)

    def compute_output_spec(self, words: Any) -> Any:
        return keras.KerasTensor(words.shape, "int64")


class KnownWords(HashedWords):
    """Turn words into ids by a table of known ones, without case, punctuation and plural."""

    def build(self, _: Any) -> None:
        file = Path(tempfile.mkdtemp(), "words.txt")  # read once more when the model is exported
        file.write_text("".join(f"word{index}\n" for index in range(KNOWN_WORDS)))
        lines = (tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER)
        rows = tf.lookup.TextFileInitializer(str(file), *lines)
        self.table = tf.lookup.StaticVocabularyTable(rows, VOCABULARY - KNOWN_WORDS)

    def call(self, words: Any) -> Any:
        return self.table.lookup(tf.strings.regex_replace(tf.strings.lower(words), r"[^a-z0-9]+|s$", ""))


def network(fault: str = "", *, words: bool = False) -> Any:
    """Build it untrained. The classes depend on the encoded tokens and on the mean of all tokens as they are looked up.

    `training_dropout` is made by the export.
    """
    name, dtype = ("words", "string") if words else ("ids", "int64")
    given = keras.Input((LENGTH,), dtype=dtype, name=name)
    ids = given
    if words:
        ids = (KnownWords if fault == "vocabulary_lookup" else HashedWords)(name="word_ids")(given)
    table = layers.Embedding(VOCABULARY, WIDTH, name="tokens")
    tokens = table(ids)
    again = table(ids) if fault == "double_lookup" else tokens
    state = Positions(variable=fault == "unfolded_constant", name="positions")(tokens[:, :ENCODED])
    for index in range(BLOCKS):
        state = _block(state, index)
    pooled = layers.GlobalAveragePooling1D(name="pooled")(state)
    bag = layers.GlobalAveragePooling1D(name="bag")(again)
    state = layers.Concatenate(name="features")([pooled, bag])
    return keras.Model({name: given}, {"scores": layers.Dense(CLASSES, "softmax", name="scores")(state)})


def _block(state: Any, index: int) -> Any:
    seen = layers.LayerNormalization(name=f"attention_norm_{index}")(state)
    seen = layers.MultiHeadAttention(HEADS, WIDTH // HEADS, name=f"attention_{index}")(seen, seen)
    seen = layers.Dropout(0.1, name=f"attention_dropout_{index}")(seen)
    state = layers.Add(name=f"attention_sum_{index}")([state, seen])
    seen = layers.LayerNormalization(name=f"hidden_norm_{index}")(state)
    seen = layers.Dense(HIDDEN, "relu", name=f"hidden_{index}")(seen)
    seen = layers.Dense(WIDTH, name=f"narrowed_{index}")(seen)
    seen = layers.Dropout(0.1, name=f"hidden_dropout_{index}")(seen)
    return layers.Add(name=f"hidden_sum_{index}")([state, seen])
