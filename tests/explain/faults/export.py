"""Weights and SavedModels of Keras networks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

SEED = 17


def seeded(network: Callable[[], Any], seed: int = SEED) -> Any:
    """Build a network in a fresh Keras session; the same seed gives the same weights."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    return network()


def with_weights_of(source: Any, network: Any) -> Any:
    """Copy those weights that both networks have, by path and shape."""
    known = {weight.path: weight for weight in source.weights}
    for weight in network.weights:
        if (found := known.get(weight.path)) is not None and found.shape == weight.shape:
            weight.assign(found)
    return network


def renamed(network: Any, name: Callable[[str], str | None]) -> Any:
    """Copy a network with other names of layers; None: Keras numbers the layer."""

    def layer_again(layer: Any) -> Any:
        return layer.__class__.from_config(layer.get_config() | {"name": name(layer.name)})

    again = keras.models.clone_model(network, clone_function=layer_again)
    again.set_weights(network.get_weights())
    return again


def write(network: Any, target: Path, *, scope: str = "", training: bool = False) -> None:
    """Export with a signature that has the names of the network's inputs; `scope` is put around all operations."""

    def serve(inputs: dict[str, Any]) -> Any:
        with tf.name_scope(scope) if scope else nullcontext():
            return network(inputs, training=training)

    specs = {name: tf.TensorSpec(each.shape, each.dtype, name) for name, each in network.input.items()}
    archive = keras.export.ExportArchive()
    archive.track(network)
    archive.add_endpoint("serve", serve, [specs])
    archive.write_out(str(target), verbose=False)
