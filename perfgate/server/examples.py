"""`tensorflow.serving.Input` to the string tensor of serialised `tf.Example`s that a model parses itself.

As in TF-Serving's `InputToSerializedExampleTensor`: the context's bytes precede each example's, so that a feature of
the example overrides the context's of that name.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from perfgate.server.status import invalid


def serialised(given: Any) -> np.ndarray:
    """Return one string an example; INVALID_ARGUMENT if there is none."""
    if given.WhichOneof("kind") == "example_list_with_context":
        context = given.example_list_with_context.context.SerializeToString()
        strings = [context + example.SerializeToString() for example in given.example_list_with_context.examples]
    else:
        strings = [example.SerializeToString() for example in given.example_list.examples]
    if not strings:
        raise invalid("Input is empty.")
    tensor = np.empty(len(strings), object)
    tensor[:] = strings
    return tensor
