"""Properties of a SavedModel on disk, as text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from perfgate.errors import InvalidRunError
from perfgate.explain.explanation import Fact
from perfgate.formatting import with_unit
from perfgate.model.attributes import shape_text, tensor_of
from perfgate.model.checkpoint import saved_tensors
from perfgate.model.digest import file_sha256
from perfgate.model.dtypes import name_of
from perfgate.model.interface import Model, Signature, TensorSpec
from perfgate.model.messages import Proto

VARIABLES, CONSTANTS = "variables", "constants"
"""Names of the properties that hold digests of the weights."""
_WARMUP = Path("assets.extra", "tf_serving_warmup_requests")
_FLOATING = ("float", "bfloat", "complex")
_DIGITS = 12
_KIB = 1024


def facts_of(model: Model, meta: Proto, signature: str) -> dict[str, str]:
    """Return the properties by name: the model's own, then those of a signature, if it has it.

    OSError if a file of the model cannot be read.
    """
    found = next((each for each in model.signatures if each.key == signature), None)
    return {
        "size on disk": size_text(model.size_bytes),
        "TensorFlow": meta.meta_info_def.tensorflow_version or "unknown",
        "tags": ", ".join(model.tags),
        "signatures": ", ".join(each.key for each in model.signatures) or "none",
        "nodes": f"{sum(count for _, count in model.ops):,}",
        "functions": f"{len(meta.graph_def.library.function):,}",
        VARIABLES: _variables(model.path),
        CONSTANTS: _constants(meta.graph_def),
        "warm-up requests": _file(model.path / _WARMUP) or "none",
        **{f"asset {name}": _file(file) for name, file in _assets(model.path)},
        **({} if found is None else dict(_ends(found))),
    }


def paired(old: dict[str, str], new: dict[str, str]) -> tuple[Fact, ...]:
    """Return both models' properties in order; empty text where one lacks it."""
    return tuple(Fact(name, (old.get(name, ""), new.get(name, ""))) for name in dict.fromkeys((*old, *new)))


def size_text(size_bytes: float) -> str:
    """Write a size with its unit."""
    if size_bytes < _KIB:
        return f"{size_bytes:,.0f} bytes"
    return with_unit(size_bytes / _KIB**2, "MiB") if size_bytes >= _KIB**2 else with_unit(size_bytes / _KIB, "KiB")


def _ends(signature: Signature) -> Iterator[tuple[str, str]]:
    for kind, specs in (("input", signature.inputs), ("output", signature.outputs)):
        for spec in specs:
            yield f"{kind} {spec.name}", _spec_text(spec)


def _spec_text(spec: TensorSpec) -> str:
    shape = None if spec.shape is None else tuple(-1 if size is None else size for size in spec.shape)
    encoding = "" if spec.encoding == "dense" else f"{spec.encoding} "
    return f"{encoding}{spec.dtype}{shape_text(shape)}"


def _assets(directory: Path) -> list[tuple[str, Path]]:
    assets = directory / "assets"
    return [(file.relative_to(assets).as_posix(), file) for file in sorted(assets.rglob("*")) if file.is_file()]


def _file(file: Path) -> str:
    """Write a file's size and digest; empty if there is none."""
    return f"{size_text(file.stat().st_size)}, {file_sha256(file)[:_DIGITS]}" if file.is_file() else ""


def _variables(directory: Path) -> str:
    """Write number, size and digest of the weights in the checkpoint, whatever they are called."""
    try:
        tensors = saved_tensors(directory)
    except InvalidRunError:
        return "the index is damaged"
    digest = _digest(sorted(f"{each.dtype} {each.shape} {each.crc32c}" for each in tensors))
    return f"{len(tensors):,}, {size_text(sum(each.size_bytes for each in tensors))}, {digest}" if tensors else "none"


def _constants(graph: Proto) -> str:
    """Write number, size and digest of all floating-point constants, whatever they are called."""
    parts = [graph.node, *(function.node_def for function in graph.library.function)]
    nodes = [node for part in parts for node in part if node.op == "Const" and _is_floating(node)]
    size = sum(tensor.size_bytes for tensor in map(tensor_of, nodes) if tensor is not None)
    digest = _digest(sorted(_content_digest(node) for node in nodes))
    return f"{len(nodes):,}, {size_text(size)}, {digest}" if nodes else "none"


def _is_floating(node: Proto) -> bool:
    return name_of(node.attr["dtype"].type).startswith(_FLOATING)


def _content_digest(node: Proto) -> str:
    return hashlib.sha256(node.attr["value"].tensor.SerializeToString(deterministic=True)).hexdigest()


def _digest(texts: list[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:_DIGITS]
