"""One order: build a model from a sketch of any form, and write it as a SavedModel. Runs in the builder's process."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import keras
import tensorflow as tf

from perfgate.errors import UsageError
from perfgate.sanitize import one_line
from perfgate.sketch.build import keras_model, python_model, toml_model
from perfgate.sketch.build.export import export, parameters_of
from perfgate.sketch.schema import Sketch

_SEED = 0
_MOST_CHARACTERS = 300

Built: TypeAlias = tuple[Any, dict[str, int], str]
"""A model, its dimensions if only this process knows them, and what errors shall call it."""


def carry_out(order: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Build and export what is ordered, and forget it; return facts, or what is wrong with the sketch.

    `tell` is called when the model is built and its export begins.
    """
    try:
        return _carried_out(order, tell)
    except UsageError as error:
        return {"problem": error.problem, "remedy": error.remedy}
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        return {"no_memory": one_line(str(error), _MOST_CHARACTERS)}
    finally:
        keras.backend.clear_session()
        gc.collect()  # a Keras model is full of circles


def _carried_out(order: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    keras.utils.set_random_seed(_SEED)  # a sketch has the same weights each time
    model, dimensions, what = _BUILD[order["kind"]](order)
    tell({"stage": "export"})
    own_code = Path(order["path"]) if order["kind"] == "python" else None
    export(model, order["directory"], own_code, what)
    return {"parameters": parameters_of(model), "dimensions": dimensions}


def _toml(order: dict[str, Any]) -> Built:
    return toml_model.model_of(Sketch.model_validate(order["sketch"]), order["file"]), {}, order["file"]


def _python(order: dict[str, Any]) -> Built:
    return python_model.model_of(Path(order["path"]), order["function"], order["values"], order["file"])


def _keras(order: dict[str, Any]) -> Built:
    return keras_model.model_of(Path(order["path"]), order["file"]), {}, order["file"]


_BUILD: dict[str, Callable[[dict[str, Any]], Built]] = {"toml": _toml, "python": _python, "keras": _keras}
