"""One order: build a model from a sketch of any form, and write it as a SavedModel. Runs in the builder's process."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from perfgate.errors import UsageError
from perfgate.sanitize import one_line
from perfgate.sketch.build.export import export, parameters_of
from perfgate.sketch.build.toml_model import model_of
from perfgate.sketch.schema import Sketch

_SEED = 0
_MOST_CHARACTERS = 300


def carry_out(order: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Build and export what is ordered, and forget it; return facts, or what is wrong with the sketch.

    `tell` is called when the model is built and its export begins.
    """
    try:
        keras.utils.set_random_seed(_SEED)  # a sketch has the same weights each time
        model, dimensions = _BUILD[order["kind"]](order)
        tell({"stage": "export"})
        export(model, order["directory"], order["given"])
        return {"parameters": parameters_of(model), "dimensions": dimensions}
    except UsageError as error:
        return {"problem": error.problem, "remedy": error.remedy}
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        return {"no_memory": one_line(str(error), _MOST_CHARACTERS)}
    finally:
        model = None
        keras.backend.clear_session()
        gc.collect()  # a Keras model is full of circles


def _toml(order: dict[str, Any]) -> tuple[Any, dict[str, int]]:
    return model_of(Sketch.model_validate(order["sketch"]), order["given"]), {}


_BUILD: dict[str, Callable[[dict[str, Any]], tuple[Any, dict[str, int]]]] = {"toml": _toml}
