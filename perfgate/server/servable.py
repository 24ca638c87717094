"""A SavedModel in a session, loaded like TF-Serving does, with one fast callable for each signature and output filter.

The session loader opens models that `tf.saved_model.load` rejects (docs/explanation/serving.md).
"""

from __future__ import annotations

import contextlib
import itertools
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from perfgate.server.batching import Batcher, why_not
from perfgate.server.status import StatusError, invalid, of_graph
from perfgate.server.tensorflow_parts import (
    CallableOptions,
    ConfigProto,
    Graph,
    Session,
    errors,
    load,
    make_ndarray,
)

_MAX_ENDPOINTS = 1024
"""Number of output filters whose callables are kept; clients choose them freely."""
_PYTHON_OPS = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}
_MAX_BATCHERS = 32
"""Number of output filters that are batched; each has a queue and threads, and clients choose them freely."""


@dataclass(frozen=True, slots=True)
class SignatureRunner:
    """A signature bound to a set of outputs."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    run: Callable[..., Sequence[np.ndarray]]
    """Takes one array for each input, in the order of `inputs`."""
    dtypes: tuple[int, ...] = ()
    """Data types of the signature's inputs, in their order. Shapes are checked by the graph."""
    batcher: Batcher | None = None
    """Runs it together with other callers' requests; None if requests are not batched."""
    tensors: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    """Names in the graph of what is fed and fetched."""


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
        """Load the graph and variables and run its initialisers; OpError, OSError, ValueError … if broken.

        `batching`: the settings of `scenario.schema.Batching`; None: each request is executed separately.
        """
        config = ConfigProto(
            intra_op_parallelism_threads=intra_op_threads,
            inter_op_parallelism_threads=inter_op_threads,
            use_per_session_threads=True,
        )
        self.session = Session(graph=Graph(), config=config)
        with self.session.graph.as_default():
            meta_graph = load(self.session, list(tags), str(path))
        _refuse_python(meta_graph.graph_def)
        self.signatures: dict[str, Any] = {
            key: signature
            for key, signature in meta_graph.signature_def.items()
            if signature.inputs or signature.outputs
        }
        self.defaults: dict[str, dict[str, np.ndarray]] = {
            key: {name: make_ndarray(proto) for name, proto in signature.defaults.items()}
            for key, signature in self.signatures.items()
        }
        """Default values of signature inputs that a request omits."""
        self._endpoints: dict[tuple[str, tuple[str, ...]], SignatureRunner] = {}
        self._batching, self._batchers = batching, 0
        self._lock = threading.Lock()
        if batching is not None:
            self._prepare_batching()

    def endpoint(self, key: str, output_filter: Sequence[str] = ()) -> SignatureRunner:
        """Return the callable of a signature; KeyError for an unknown signature or output name.

        StatusError if an input or output is not a plain tensor.
        """
        cache_key = (key, tuple(output_filter))
        if (found := self._endpoints.get(cache_key)) is not None:
            return found
        signature = self.signatures[key]
        inputs = tuple(sorted(signature.inputs))
        outputs = tuple(dict.fromkeys(output_filter)) or tuple(sorted(signature.outputs))
        fed = [tensor_name("input", name, signature.inputs[name]) for name in inputs]
        fetched = [tensor_name("output", name, signature.outputs[name]) for name in outputs]
        made = partial(SignatureRunner, inputs, outputs, dtypes=tuple(signature.inputs[name].dtype for name in inputs))
        return self._made(cache_key, made, fed, fetched, batched=not why_not(signature))

    def usual(self, key: str) -> SignatureRunner | None:
        """Return the callable of a signature with all its outputs, if it was requested before."""
        return self._endpoints.get((key, ()))

    def fetch(self, fed: str, outputs: Sequence[str]) -> SignatureRunner:
        """Return a callable from one tensor to some others, all by their names in the graph."""
        cache_key = (f":{fed}", tuple(outputs))
        if (found := self._endpoints.get(cache_key)) is not None:
            return found
        shape = self.session.graph.get_tensor_by_name(fed).shape
        batched = shape.rank is None or (shape.rank > 0 and shape.as_list()[0] is None)
        made = partial(SignatureRunner, (fed,), tuple(outputs))
        return self._made(cache_key, made, [fed], outputs, batched=batched)

    def _made(
        self,
        cache_key: tuple[str, tuple[str, ...]],
        made: Callable[..., SignatureRunner],
        fed: Sequence[str],
        fetched: Sequence[str],
        *,
        batched: bool,
    ) -> SignatureRunner:
        with self._lock:
            if (found := self._endpoints.get(cache_key)) is not None:
                return found
            run = self._callable(fed, fetched)
            batcher = None
            if self._batching is not None and batched and self._batchers < _MAX_BATCHERS:
                batcher = Batcher(fed, run, self._batching)
                self._batchers += 1
            endpoint = made(run=run, batcher=batcher, tensors=(tuple(fed), tuple(fetched)))
            if len(self._endpoints) < _MAX_ENDPOINTS:
                self._endpoints[cache_key] = endpoint
            return endpoint

    def _prepare_batching(self) -> None:
        """Make the queues of all signatures now rather than at their first request, and return which have none."""
        for key, signature in self.signatures.items():
            if reason := why_not(signature):
                sys.stderr.write(f"signature {key} is not batched: {reason}\n")
                continue
            with contextlib.suppress(StatusError):
                self.endpoint(key)

    def _callable(self, fed: Sequence[str], fetched: Sequence[str]) -> Callable[..., Sequence[np.ndarray]]:
        """Make a call of the C API, like TF-Serving does.

        `make_callable` checks shapes against those of the placeholders, which TensorFlow's runtime does not.
        """
        find = self.session.graph.get_tensor_by_name
        for name in (*fed, *fetched):
            find(name)  # KeyError, ValueError if there is no such tensor
        options = CallableOptions(feed=fed, fetch=fetched)
        types = [find(name).dtype.base_dtype.as_numpy_dtype for name in fed]
        try:
            call = self.session._make_callable_from_options(options)  # noqa: SLF001 - there is no other way
        except errors.OpError as error:  # a tensor fed twice, or fed and fetched
            raise of_graph(error) from error

        def run(*arrays: np.ndarray) -> Sequence[np.ndarray]:
            fit = [np.asarray(array, dtype) for array, dtype in zip(arrays, types, strict=True)]
            return [found if isinstance(found, np.ndarray) else _scalar(found) for found in call(*fit)]

        return run


def _refuse_python(graph: Any) -> None:
    """Raise ValueError for a graph that calls back into Python: no server of TensorFlow has these operations.

    They refer to functions of the process that exported the model. Here they would find the batcher's own.
    """
    nodes = itertools.chain(graph.node, *(function.node_def for function in graph.library.function))
    if found := next((node for node in nodes if node.op in _PYTHON_OPS), None):
        words = f"{found.op} cannot be served: {found.name} calls a Python function of the process that exported it"
        raise ValueError(words)


def _scalar(value: Any) -> np.ndarray:
    """Make an array from the C API's value of a tensor without dimensions, where text is plain bytes."""
    return np.array(value, object if isinstance(value, bytes) else None)


def tensor_name(side: str, name: str, info: Any) -> str:
    """Return a signature's tensor by its name in the graph; StatusError if it is not a plain one."""
    encoding = info.WhichOneof("encoding")
    if encoding not in {None, "name"}:
        remedy = "TF-Serving neither feeds nor fetches these; export its parts as tensors of their own"
        raise invalid(f"{side} {name} is no plain tensor but {encoding}: {remedy}")
    return str(info.name)
