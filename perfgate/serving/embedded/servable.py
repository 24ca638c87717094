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

from perfgate.serving.embedded.status import invalid


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
        """Give the callable of a signature; KeyError for an unknown signature or output name.

        StatusError where an input or output is not a plain tensor.
        """
        cache_key = (key, tuple(output_filter))
        if cache_key not in self._endpoints:
            signature = self.signatures[key]
            inputs = tuple(sorted(signature.inputs))
            outputs = tuple(dict.fromkeys(output_filter)) or tuple(sorted(signature.outputs))
            fed = [_tensor_name("input", name, signature.inputs[name]) for name in inputs]
            fetched = [_tensor_name("output", name, signature.outputs[name]) for name in outputs]
            self._endpoints[cache_key] = Endpoint(inputs, outputs, self._callable(fed, fetched))
        return self._endpoints[cache_key]

    def fetch(self, fed: str, outputs: Sequence[str]) -> Endpoint:
        """Give a callable from one tensor to some others, all by their names in the graph."""
        cache_key = (f":{fed}", tuple(outputs))
        if cache_key not in self._endpoints:
            self._endpoints[cache_key] = Endpoint((fed,), tuple(outputs), self._callable([fed], outputs))
        return self._endpoints[cache_key]

    def _callable(self, fed: Sequence[str], fetched: Sequence[str]) -> Callable[..., Sequence[np.ndarray]]:
        find = self.session.graph.get_tensor_by_name
        run: Callable[..., Sequence[np.ndarray]] = self.session.make_callable(
            [find(name) for name in fetched], [find(name) for name in fed]
        )
        return run


def _tensor_name(side: str, name: str, info: Any) -> str:
    encoding = info.WhichOneof("encoding")
    if encoding not in {None, "name"}:
        remedy = "TF-Serving neither feeds nor fetches these; export its parts as tensors of their own"
        raise invalid(f"{side} {name} is no plain tensor but {encoding}: {remedy}")
    return str(info.name)
