"""A Keras model from a sketch in TOML; its layers have the sketch's names, by which profiles show them."""

from __future__ import annotations

from typing import Any

import keras

from perfgate.errors import UsageError
from perfgate.sanitize import one_line
from perfgate.sketch.build.blocks import apply
from perfgate.sketch.build.layers import AsFloat, Sum
from perfgate.sketch.schema import Input, Sketch
from perfgate.sketch.wiring import WiredEmbedding, Wiring, wired

_MOST_CHARACTERS = 200


def model_of(sketch: Sketch, file: str) -> Any:  # noqa: ANN401 - Keras has no types
    """Build the model; UsageError, naming the part, for what Keras refuses."""
    return _Model(sketch, wired(sketch, file), file).build()


class _Model:
    """A model while it is built."""

    def __init__(self, sketch: Sketch, wiring: Wiring, file: str) -> None:
        self._sketch, self._wiring, self._file = sketch, wiring, file
        self._part = ""
        self._inputs: dict[str, Any] = {}
        self._tensors: dict[str, Any] = {}

    def build(self) -> Any:  # noqa: ANN401 - as above
        try:
            return self._built()
        except (ValueError, TypeError) as error:
            said = one_line(str(error), _MOST_CHARACTERS)
            raise UsageError(f"{self._file}: {self._part}: Keras refuses it: {said}", "change that part") from error

    def _built(self) -> Any:  # noqa: ANN401 - as above
        for name, given in self._wiring.inputs.items():
            self._part = f"inputs.{name}"
            self._inputs[name] = keras.Input(given.shape, dtype=given.dtype, name=name)
        for each in self._wiring.embeddings:
            self._part = f"embeddings.{each.name}"
            self._tensors[each.name] = _looked_up(each, self._inputs[each.input])
        for wired_block in self._wiring.blocks:
            self._part = f"blocks.{wired_block.name}"
            self._tensors[wired_block.name] = apply(wired_block, [self._read(name) for name in wired_block.reads])
        self._part = "layers"
        last = self._stack()
        outputs = {}
        for name, head in self._sketch.heads.items():
            self._part = f"heads.{name}"
            outputs[name] = keras.layers.Dense(head.units, head.activation, name=name)(last)
        self._part = "the names of its layers"
        return keras.Model(self._inputs, outputs, name="sketch")

    def _read(self, name: str) -> Any:  # noqa: ANN401 - as above
        """Return the output of a part; an input as numbers, with at least one dimension."""
        if name not in self._tensors:
            self._tensors[name] = _as_features(name, self._wiring.inputs[name], self._inputs[name])
        return self._tensors[name]

    def _stack(self) -> Any:  # noqa: ANN401 - as above
        read = [self._vector(name) for name in self._wiring.stack]
        last = read[0] if len(read) == 1 else keras.layers.Concatenate(name="layers_inputs")(read)
        layers = self._sketch.layers
        for number, width in enumerate(layers.sizes if layers else (), 1):
            last = keras.layers.Dense(width, layers and layers.activation, name=f"layers_{number}")(last)
        return last

    def _vector(self, name: str) -> Any:  # noqa: ANN401 - as above
        tensor = self._read(name)
        if len(tensor.shape) == 2:
            return tensor
        pool = keras.layers.GlobalAveragePooling1D if len(tensor.shape) == 3 else keras.layers.GlobalAveragePooling2D
        return pool(name=f"{name}_mean")(tensor)


def _as_features(name: str, given: Input, tensor: Any) -> Any:  # noqa: ANN401 - as above
    if given.dtype == "bool" or "int" in given.dtype:
        tensor = AsFloat(f"{name}_as_float")(tensor)
    return tensor if given.shape else keras.layers.Reshape((1,), name=f"{name}_feature")(tensor)


def _looked_up(each: WiredEmbedding, ids: Any) -> Any:  # noqa: ANN401 - as above
    name, table = each.name, each.table
    if len(ids.shape) == 1:
        ids = keras.layers.Reshape((1,), name=f"{name}_id")(ids)
    vectors = keras.layers.Embedding(table.rows, table.dim, name=f"{name}_embedding")(ids)
    if table.combine == "mean":
        return keras.layers.GlobalAveragePooling1D(name=f"{name}_mean")(vectors)
    if table.combine == "concat":
        return keras.layers.Reshape((each.lookups * table.dim,), name=f"{name}_concat")(vectors)
    if table.combine == "sum":
        return Sum(name=f"{name}_sum")(vectors)
    return vectors
