"""Open a model for its description: signatures, ops, digest and size, without TensorFlow."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Literal

from google.protobuf.message import DecodeError

from perfgate.errors import InvalidRunError, UsageError
from perfgate.model import messages
from perfgate.model.digest import content_of
from perfgate.model.dtypes import name_of
from perfgate.model.interface import Model, Signature, TensorSpec
from perfgate.model.locate import GRAPH_FILE, locate
from perfgate.model.messages import Proto
from perfgate.nearest import nearest

_SERVE = "serve"
_EXPORT_AGAIN = "export the model again"
# tensorflow/python/saved_model/constants.py: run by loaders themselves, not signatures for requests
_INTERNAL_SIGNATURES = {"__saved_model_init_op", "__saved_model_train_op"}
_ENCODINGS: dict[str | None, Literal["dense", "sparse", "composite"]] = {
    None: "dense",
    "name": "dense",
    "coo_sparse": "sparse",
    "composite_tensor": "composite",
}
_VARIABLE_OPS = {"VarHandleOp", "_VarHandlesOp", "VariableV2", "Variable"}


def open_model(given: str, cache_dir: Path) -> Model:
    """Open a SavedModel directory, a versioned base path (highest number) or a `.keras` file (exported into the cache).

    UsageError if `given` names no model or cannot be read, InvalidRunError if the model itself is broken.
    """
    try:
        location = locate(given, cache_dir)
        meta = _meta_graph(location.directory, given)
        content = content_of(location.directory)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"{given} cannot be read: {reason}", "check the path and its permissions") from error
    return Model(
        path=location.directory,
        given=given,
        version=location.version,
        digest=content.digest,
        size_bytes=content.size_bytes,
        tags=tuple(sorted(meta.meta_info_def.tags)),
        signatures=signatures_of(meta.signature_def),
        ops=_ops(meta.graph_def),
    )


def signature(model: Model, key: str) -> Signature:
    """Return the signature of that name; UsageError, naming the nearest one, if there is none."""
    by_key = {found.key: found for found in model.signatures}
    if key in by_key:
        return by_key[key]
    if not by_key:
        raise UsageError(f"{model.given} has no signatures", "export it with a serving signature")
    raise UsageError(
        f"{model.given} has no signature {key!r}",
        f"did you mean {nearest(key, by_key)!r}? set payload.signature to one of: {', '.join(by_key)}",
    )


def meta_graph(model: Model) -> Proto:
    """Read an opened model's graph and signatures again; UsageError if its file is gone, InvalidRunError if broken."""
    try:
        return _meta_graph(model.path, model.given)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"{model.given} cannot be read: {reason}", "check the path and its permissions") from error


def _meta_graph(directory: Path, given: str) -> Proto:
    try:
        saved_model = messages.SavedModel.FromString((directory / GRAPH_FILE).read_bytes())
    except DecodeError as error:
        raise InvalidRunError(f"{given}: {GRAPH_FILE} is damaged, it does not parse", _EXPORT_AGAIN) from error
    meta = _servable(saved_model.meta_graphs, given)
    if _restores_variables(meta) and not _has_variables(directory):
        raise InvalidRunError(f"{given}: the graph needs variables, and variables/ lacks them", _EXPORT_AGAIN)
    return meta


def _servable(meta_graphs: list[Proto], given: str) -> Proto:
    """Return the meta graph that TF-Serving loads, tagged only `serve`; else the first with that tag."""
    found = [meta for meta in meta_graphs if _SERVE in meta.meta_info_def.tags]
    if not found:
        tags = ", ".join("+".join(meta.meta_info_def.tags) or "none" for meta in meta_graphs)
        raise InvalidRunError(
            f'{given}: no meta graph is tagged "{_SERVE}"' + (f", tags found: {tags}" if tags else ""),
            "export the model for serving",
        )
    return min(found, key=lambda meta: len(meta.meta_info_def.tags))


def _restores_variables(meta: Proto) -> bool:
    """Return whether loading needs the checkpoint: without `variables/` a loader continues, and each request fails."""
    ops = {node.op for node in meta.graph_def.node}
    return bool(meta.saver_def.restore_op_name) and not ops.isdisjoint(_VARIABLE_OPS)


def _has_variables(directory: Path) -> bool:
    variables = directory / "variables"
    return (variables / "variables.index").is_file() and any(variables.glob("variables.data-*"))


def signatures_of(definitions: Proto) -> tuple[Signature, ...]:
    """Read a map of SignatureDefs, by key, without those that a loader runs itself."""
    return tuple(
        Signature(key, found.method_name, _specs(found.inputs), _specs(found.outputs))
        for key, found in sorted(definitions.items())
        if key not in _INTERNAL_SIGNATURES
    )


def _specs(infos: Proto) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(name, name_of(info.dtype), _shape(info), _ENCODINGS[info.WhichOneof("choice")])
        for name, info in sorted(infos.items())
    )


def _shape(info: Proto) -> tuple[int | None, ...] | None:
    """Return the shape; None if it is declared unknown, or missing, as in exports of TensorFlow 1."""
    shape = info.tensor_shape
    if shape.unknown_rank or not info.HasField("tensor_shape"):
        return None
    return tuple(dim.size if dim.size >= 0 else None for dim in shape.dim)


def _ops(graph: Proto) -> tuple[tuple[str, int], ...]:
    counts = Counter(node.op for node in graph.node)
    for function in graph.library.function:
        counts.update(node.op for node in function.node_def)
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
