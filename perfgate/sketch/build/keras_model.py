"""A model from a `.keras` file, whose weights do not matter."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from perfgate.errors import UsageError
from perfgate.model.legacy_keras import conversion_of
from perfgate.sanitize import one_line

_MOST_CHARACTERS = 300


def model_of(path: Path, file: str) -> Any:  # noqa: ANN401 - Keras has no types
    """Load the model; UsageError if Keras cannot read it."""
    try:
        return keras.saving.load_model(path, compile=False)
    except (MemoryError, tf.errors.ResourceExhaustedError):
        raise
    except Exception as error:
        traceback.print_exc()  # to the builder's log
        said = one_line(f"{type(error).__name__}: {error}", _MOST_CHARACTERS)
        remedy = (
            conversion_of(path) or "for a model with custom classes, write a function in a .py file that returns it"
        )
        raise UsageError(f"{file} cannot be read: {said}", remedy) from error
