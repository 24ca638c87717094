"""Write a built model as a SavedModel."""

from __future__ import annotations

from typing import Any

import keras


def export(model: Any, directory: str, given: str) -> None:  # noqa: ANN401, ARG001 - Keras has no types
    """Write it into a new directory, with the signature `serving_default`."""
    model.export(directory, verbose=False)


def parameters_of(model: Any) -> int:  # noqa: ANN401 - as above
    """Return the number of weights."""
    return int(keras.Model.count_params(model))
