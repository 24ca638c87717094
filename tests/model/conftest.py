"""Models that consist of a description only: the files needed for opening, made without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from perfgate.model.messages import Proto, SavedModel

Shape: TypeAlias = tuple[int | None, ...] | None
Tensors: TypeAlias = Mapping[str, tuple[int, Shape]]
WriteModel: TypeAlias = Callable[..., Path]


def _fill(infos: Proto, tensors: Tensors) -> None:
    for name, (dtype, shape) in tensors.items():
        info = infos[name]
        info.name, info.dtype = f"{name}:0", dtype
        info.tensor_shape.unknown_rank = shape is None
        for size in shape or ():
            info.tensor_shape.dim.add(size=-1 if size is None else size)


def description(
    signatures: Mapping[str, tuple[Tensors, Tensors]],
    tag_sets: Sequence[Sequence[str]] = (("serve",),),
    ops: Sequence[str] = ("Placeholder",),
    function_ops: Sequence[str] = (),
    restore: str = "",
) -> bytes:
    saved_model = SavedModel(saved_model_schema_version=1)
    for tags in tag_sets:
        meta = saved_model.meta_graphs.add()
        meta.meta_info_def.tags.extend(tags)
        meta.saver_def.restore_op_name = restore
        for key, (inputs, outputs) in signatures.items():
            found = meta.signature_def[key]
            found.method_name = "tensorflow/serving/predict"
            _fill(found.inputs, inputs)
            _fill(found.outputs, outputs)
        for number, op in enumerate(ops):
            meta.graph_def.node.add(name=f"node_{number}", op=op)
        function = meta.graph_def.library.function.add()
        for op in function_ops:
            function.node_def.add(op=op)
    message: bytes = saved_model.SerializeToString(deterministic=True)
    return message


DEFAULT: dict[str, tuple[Tensors, Tensors]] = {"serving_default": ({"x": (1, (None, 3))}, {"y": (1, (None, 1))})}


@pytest.fixture
def write_model() -> WriteModel:
    def write(
        directory: Path,
        signatures: Mapping[str, tuple[Tensors, Tensors]] = DEFAULT,
        *,
        variables: bool = False,
        tag_sets: Sequence[Sequence[str]] = (("serve",),),
        ops: Sequence[str] = ("Placeholder",),
        function_ops: Sequence[str] = (),
        restore: str = "",
    ) -> Path:
        directory.mkdir(parents=True)
        message = description(signatures, tag_sets, ops, function_ops, restore)
        (directory / "saved_model.pb").write_bytes(message)
        if variables:
            (directory / "variables").mkdir()
            (directory / "variables" / "variables.index").write_bytes(b"index")
            (directory / "variables" / "variables.data-00000-of-00001").write_bytes(b"data")
        return directory

    return write
