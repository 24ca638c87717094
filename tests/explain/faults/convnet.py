"""A small convolutional network, and its faults."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import layers

SIZE = 24
CLASSES = 10
FILTERS = (24, 24, 24, 32, 32)
STRIDES = (1, 2, 1, 2, 1)
NORMALISED = (3,)
"""Convolutions that are followed by batch normalisation, the others have a bias."""


class Standardise(layers.Layer):  # type: ignore[misc]
    """Shift and scale each image to mean 0 and deviation 1.

    `how`: `batch`; `map_fn`: one image after the other; `jit`: compiled by XLA at the first request of each shape.
    """

    def __init__(self, how: str = "batch", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.how = how

    def call(self, images: Any) -> Any:
        if self.how == "map_fn":
            return tf.map_fn(lambda image: _standardised(image[None])[0], images)
        if self.how == "jit":
            return tf.function(_standardised, jit_compile=True)(images)
        return _standardised(images)

    def compute_output_shape(self, shape: Any) -> Any:
        return shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "how": self.how}


def _standardised(images: Any) -> Any:
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    centred = images - mean
    deviation = tf.sqrt(tf.reduce_mean(tf.square(centred), axis=[1, 2, 3], keepdims=True))
    return centred / tf.maximum(deviation, 1e-3)


class HeldConvolution(layers.Conv2D):  # type: ignore[misc]
    """A convolution that another operation must precede, as an update or a check in a training loop.

    Grappler fuses no operation that has control inputs.
    """

    def build(self, shape: Any) -> None:
        super().build(shape)
        self.updates_made = self.add_weight(shape=(), initializer="zeros", trainable=False, name="updates_made")

    def call(self, images: Any) -> Any:
        found = self.convolution_op(images, self.kernel)
        with tf.control_dependencies([tf.convert_to_tensor(self.updates_made)]):
            found = tf.identity(found)
        return keras.ops.add(found, keras.ops.reshape(self.bias, (1, 1, 1, self.filters)))


def network(fault: str = "") -> Any:
    """Build it untrained: standardised image, five convolutions, and a head."""
    image = keras.Input((SIZE, SIZE, 3), name="image")
    how = {"map_fn": "map_fn", "jit_compile": "jit"}.get(fault, "batch")
    state = Standardise(how, name="standardise")(image)
    for index, (filters, stride) in enumerate(zip(FILTERS, STRIDES, strict=True)):
        width = filters + 8 if fault == "wide_layer" and index == 1 else filters
        bias = index not in NORMALISED
        kind = HeldConvolution if fault == "broken_fusion" and bias else layers.Conv2D
        state = kind(width, 3, stride, "same", use_bias=bias, name=f"convolution_{index}")(state)
        if index in NORMALISED:
            state = layers.BatchNormalization(name=f"normalisation_{index}")(state)
        state = layers.ReLU(name=f"rectified_{index}")(state)
    state = layers.GlobalAveragePooling2D(name="pooled")(state)
    state = layers.Dense(64, "relu", name="head")(state)
    return keras.Model({"image": image}, {"scores": layers.Dense(CLASSES, "softmax", name="scores")(state)})
