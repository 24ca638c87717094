"""Write a built model as a SavedModel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from perfgate.errors import UsageError
from perfgate.sketch.build.own_code import errors_of

_METHODS = ("serve", "__call__")
_NOT_BUILT = "call it once, or build it from keras.Input"


def export(model: Any, directory: str, path: Path | None, what: str) -> None:  # noqa: ANN401 - no types there
    """Write it into a new directory, with the signature `serving_default`.

    `path` is of the sketch's own code, and `what` names it in errors. UsageError if the model cannot be exported.
    """
    if isinstance(model, keras.Model):
        if not model.built or not _was_called(model):
            raise UsageError(f"{what} returned a model that is not built", _NOT_BUILT)
        with errors_of(path, f"{what}: its export"):
            model.export(directory, verbose=False)
        return
    method = _serving_method(model, what)
    with errors_of(path, f"{what}: its export"):
        if not isinstance(method, tf.types.experimental.ConcreteFunction):
            method = method.get_concrete_function()
        tf.saved_model.save(model, directory, signatures={"serving_default": method})


def parameters_of(model: Any) -> int:  # noqa: ANN401 - as above
    """Return the number of weights."""
    if isinstance(model, keras.Model):
        return int(model.count_params())
    return sum(int(variable.shape.num_elements() or 0) for variable in model.variables)


def _was_called(model: Any) -> bool:  # noqa: ANN401 - as above
    """Return whether the shapes of the inputs are known: a model with its own `call` learns them when it is called."""
    return isinstance(model, keras.Sequential) or hasattr(model, "_inputs_struct") or getattr(model, "_called", True)


def _serving_method(module: Any, what: str) -> Any:  # noqa: ANN401 - as above
    for name in _METHODS:
        found = getattr(module, name, None)
        if isinstance(found, tf.types.experimental.ConcreteFunction):
            return found
        if isinstance(found, tf.types.experimental.PolymorphicFunction) and found.input_signature is not None:
            return found
    raise UsageError(
        f"{what} returned a tf.Module without a signature",
        "give it a tf.function with input_signature named __call__ or serve",
    )
