"""A SavedModel in a session, as TF-Serving loads it, with one fast callable per signature and output choice.

The session loader opens models that `tf.saved_model.load` refuses (docs/serving.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A signature bound to a set of outputs."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    run: Callable[..., Sequence[np.ndarray]]
    """Takes one array per input, in the order of `inputs`."""


class Servable:
    """One loaded model version."""

    def __init__(self, path: Path, tags: Sequence[str], intra_op_threads: int, inter_op_threads: int) -> None:
        """Load the graph and variables, run its initialisers; OpError, OSError, ValueError … if broken."""
        config = tf.compat.v1.ConfigProto(
            intra_op_parallelism_threads=intra_op_threads,
            inter_op_parallelism_threads=inter_op_threads,
            use_per_session_threads=True,
        )
        self.session = tf.compat.v1.Session(graph=tf.Graph(), config=config)
        with self.session.graph.as_default():
            meta_graph = tf.compat.v1.saved_model.load(self.session, list(tags), str(path))
        self.signatures: dict[str, Any] = {
            key: signature
            for key, signature in meta_graph.signature_def.items()
            if signature.inputs or signature.outputs
        }
        self._endpoints: dict[tuple[str, tuple[str, ...]], Endpoint] = {}

    def endpoint(self, key: str, output_filter: Sequence[str] = ()) -> Endpoint:
        """Give the callable of a signature; KeyError for an unknown signature or output name."""
        cache_key = (key, tuple(output_filter))
        if cache_key not in self._endpoints:
            signature = self.signatures[key]
            inputs = tuple(sorted(signature.inputs))
            outputs = tuple(dict.fromkeys(output_filter)) or tuple(sorted(signature.outputs))
            find = self.session.graph.get_tensor_by_name
            run = self.session.make_callable(
                [find(signature.outputs[name].name) for name in outputs],
                [find(signature.inputs[name].name) for name in inputs],
            )
            self._endpoints[cache_key] = Endpoint(inputs, outputs, run)
        return self._endpoints[cache_key]
