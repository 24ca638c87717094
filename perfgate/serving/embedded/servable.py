"""A SavedModel in a session, as TF-Serving loads it, with one fast callable per signature and output choice.

The session loader opens models that `tf.saved_model.load` refuses (docs/serving.md).
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from perfgate.serving.embedded.batching import Batcher, why_not
from perfgate.serving.embedded.status import StatusError, invalid

_MAX_ENDPOINTS = 1024
"""Choices of outputs whose callables are kept: clients make them up."""
_MAX_BATCHERS = 32
"""Choices of outputs that are batched; each has a queue and threads, and clients make them up."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A signature bound to a set of outputs."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    run: Callable[..., Sequence[np.ndarray]]
    """Takes one array per input, in the order of `inputs`."""
    expected: tuple[tuple[int, tuple[int, ...] | None], ...] = ()
    """Of a signature's inputs, in their order: number of the dtype, and shape (-1: any size; None: any shape)."""
    batcher: Batcher | None = None
    """Runs it together with other callers' requests; None where requests are not batched."""


class Servable:
    """One loaded model version."""

    def __init__(
        self,
        path: Path,
        tags: Sequence[str],
        intra_op_threads: int,
        inter_op_threads: int,
        batching: Mapping[str, Any] | None = None,
    ) -> None:
        """Load the graph and variables, run its initialisers; OpError, OSError, ValueError … if broken.

        `batching`: the settings of `scenario.schema.Batching`; None: each request is executed by itself.
        """
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
        self._batching, self._batchers = batching, 0
        self._lock = threading.Lock()
        if batching is not None:
            self._prepare_batching()

    def endpoint(self, key: str, output_filter: Sequence[str] = ()) -> Endpoint:
        """Give the callable of a signature; KeyError for an unknown signature or output name.

        StatusError where an input or output is not a plain tensor.
        """
        cache_key = (key, tuple(output_filter))
        if (found := self._endpoints.get(cache_key)) is not None:
            return found
        signature = self.signatures[key]
        inputs = tuple(sorted(signature.inputs))
        outputs = tuple(dict.fromkeys(output_filter)) or tuple(sorted(signature.outputs))
        fed = [tensor_name("input", name, signature.inputs[name]) for name in inputs]
        fetched = [tensor_name("output", name, signature.outputs[name]) for name in outputs]
        expected = tuple(_expected(signature.inputs[name]) for name in inputs)
        made = partial(Endpoint, inputs, outputs, expected=expected)
        return self._made(cache_key, made, fed, fetched, batched=not why_not(signature))

    def usual(self, key: str) -> Endpoint | None:
        """Give the callable of a signature with all its outputs, if it was asked for before."""
        return self._endpoints.get((key, ()))

    def fetch(self, fed: str, outputs: Sequence[str]) -> Endpoint:
        """Give a callable from one tensor to some others, all by their names in the graph."""
        cache_key = (f":{fed}", tuple(outputs))
        if (found := self._endpoints.get(cache_key)) is not None:
            return found
        shape = self.session.graph.get_tensor_by_name(fed).shape
        batched = shape.rank is None or (shape.rank > 0 and shape[0] is None)
        made = partial(Endpoint, (fed,), tuple(outputs))
        return self._made(cache_key, made, [fed], outputs, batched=batched)

    def _made(
        self,
        cache_key: tuple[str, tuple[str, ...]],
        made: Callable[..., Endpoint],
        fed: Sequence[str],
        fetched: Sequence[str],
        *,
        batched: bool,
    ) -> Endpoint:
        with self._lock:
            if (found := self._endpoints.get(cache_key)) is not None:
                return found
            run = self._callable(fed, fetched)
            batcher = None
            if self._batching is not None and batched and self._batchers < _MAX_BATCHERS:
                batcher = Batcher(fed, run, self._batching)
                self._batchers += 1
            endpoint = made(run=run, batcher=batcher)
            if len(self._endpoints) < _MAX_ENDPOINTS:
                self._endpoints[cache_key] = endpoint
            return endpoint

    def _prepare_batching(self) -> None:
        """Make the queues of all signatures now rather than at their first request, and say which have none."""
        for key, signature in self.signatures.items():
            if reason := why_not(signature):
                sys.stderr.write(f"signature {key} is not batched: {reason}\n")
                continue
            with contextlib.suppress(StatusError):
                self.endpoint(key)

    def _callable(self, fed: Sequence[str], fetched: Sequence[str]) -> Callable[..., Sequence[np.ndarray]]:
        find = self.session.graph.get_tensor_by_name
        run: Callable[..., Sequence[np.ndarray]] = self.session.make_callable(
            [find(name) for name in fetched], [find(name) for name in fed]
        )
        return run


def _expected(info: Any) -> tuple[int, tuple[int, ...] | None]:
    shape = info.tensor_shape
    return info.dtype, None if shape.unknown_rank else tuple(dim.size for dim in shape.dim)


def tensor_name(side: str, name: str, info: Any) -> str:
    """Give a signature's tensor by its name in the graph; StatusError where it is not a plain one."""
    encoding = info.WhichOneof("encoding")
    if encoding not in {None, "name"}:
        remedy = "TF-Serving neither feeds nor fetches these; export its parts as tensors of their own"
        raise invalid(f"{side} {name} is no plain tensor but {encoding}: {remedy}")
    return str(info.name)
