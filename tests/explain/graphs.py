"""Small graphs, written without TensorFlow: node by node, or at random from a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from perfgate.model.dtypes import BY_NAME
from perfgate.model.graph import Graph, signature_graph
from perfgate.model.messages import GraphDef, SavedModel, SignatureDef


@dataclass(frozen=True)
class Spec:
    """A node: attributes are types (`float32`), truth values, numbers, shapes, or lists of numbers or of texts."""

    name: str
    op: str
    inputs: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    shape: tuple[int, ...] | None = None
    """Of its output, as an exporter writes it beside the node."""
    value: Any = None
    """TensorProto's fields, of a constant."""


def spec(name: str, op: str, *inputs: str, shape: tuple[int, ...] | None = None, **attributes: Any) -> Spec:
    return Spec(name, op, inputs, attributes, shape)


def weight(name: str, *shape: int, dtype: str = "float32") -> tuple[Spec, Spec]:
    """Return a variable and its read, of which `NAME/read` is the output."""
    return spec(name, "VarHandleOp", dtype=dtype, shape_=shape), spec(
        f"{name}/read", "ReadVariableOp", name, dtype=dtype
    )


def constant(name: str, *shape: int, dtype: str = "float32", **value: Any) -> Spec:
    return Spec(name, "Const", (), {"dtype": dtype}, shape, {"dtype": dtype, "shape": shape, **value})


def write(nodes: Any, specs: Sequence[Spec]) -> None:
    """Append the nodes to a repeated field."""
    for each in specs:
        node = nodes.add(name=each.name, op=each.op)
        node.input.extend(each.inputs)
        for name, value in each.attributes.items():
            _set(node.attr[name.rstrip("_")], value)
        if each.shape is not None:
            _fill(node.attr["_output_shapes"].list.shape.add(), each.shape)
        if each.value is not None:
            tensor = node.attr["value"].tensor
            tensor.dtype = BY_NAME[each.value["dtype"]].number
            _fill(tensor.tensor_shape, each.value["shape"])
            for key in each.value.keys() - {"dtype", "shape"}:
                getattr(tensor, key).extend(each.value[key])


def _set(attribute: Any, value: Any) -> None:
    if isinstance(value, bool):
        attribute.b = value
    elif isinstance(value, int):
        attribute.i = value
    elif isinstance(value, tuple):
        attribute.shape.SetInParent()
        _fill(attribute.shape, value)
    elif isinstance(value, list):
        texts = [each.encode() for each in value if isinstance(each, str)]
        (attribute.list.s if texts else attribute.list.i).extend(texts or value)
    elif value in BY_NAME:
        attribute.type = BY_NAME[value].number
    elif value.startswith("@"):
        attribute.func.name = value[1:]
    else:
        attribute.s = value.encode()


def _fill(message: Any, shape: Sequence[int]) -> None:
    for size in shape:
        message.dim.add(size=size)


def function(
    graph: Any, name: str, arguments: Sequence[str], body: Sequence[Spec], results: Mapping[str, str], **more: Any
) -> None:
    """Add a function to a graph's library; more is `control` (names of nodes) or `compiled`."""
    made = graph.library.function.add()
    made.signature.name = name
    for each in arguments:
        made.signature.input_arg.add(name=each)
    for each, tensor in results.items():
        made.signature.output_arg.add(name=each)
        made.ret[each] = tensor
    for each in more.get("control", ()):
        made.control_ret[each] = each
    if more.get("compiled"):
        made.attr["_XlaMustCompile"].b = True
    write(made.node_def, body)


def graph_of(*parts: Spec | Sequence[Spec]) -> Any:
    made = GraphDef()
    for part in parts:
        write(made.node, (part,) if isinstance(part, Spec) else part)
    return made


def signature(outputs: Sequence[str], inputs: Mapping[str, str] | None = None) -> Any:
    """Make a signature; inputs by key, outputs numbered."""
    made = SignatureDef()
    for key, tensor in (inputs or {}).items():
        made.inputs[key].name = tensor
    for number, tensor in enumerate(outputs):
        made.outputs[f"y{number}"].name = tensor
    return made


def read(specs: Sequence[Spec], output: str = "out") -> Graph:
    """Read a graph with the input `x`, if there is a node of that name."""
    return signature_graph(graph_of(specs), signature([f"{output}:0"], {"x": "x:0"}))


def save(directory: Path, specs: Sequence[Spec], output: str = "out:0", key: str = "serving_default") -> Path:
    """Write a SavedModel with one signature, from a row of 16 numbers to one of 4."""
    saved = SavedModel(saved_model_schema_version=1)
    meta = saved.meta_graphs.add()
    meta.meta_info_def.tags.append("serve")
    meta.meta_info_def.tensorflow_version = "2.21.0"
    write(meta.graph_def.node, specs)
    meta.signature_def[key].CopyFrom(signature([output], {"x": "x:0"}))
    for info, width in ((meta.signature_def[key].inputs["x"], 16), (meta.signature_def[key].outputs["y0"], 4)):
        info.dtype = 1
        _fill(info.tensor_shape, (-1, width))
    directory.mkdir(parents=True)
    (directory / "saved_model.pb").write_bytes(saved.SerializeToString(deterministic=True))
    return directory


def perceptron(*widths: int, names: str = "dense_{}") -> list[Spec]:
    """Make layers of these widths, the first of them the input's."""
    specs = [spec("x", "Placeholder", dtype="float32", shape=(-1, widths[0]))]
    last = "x"
    for number, (rows, columns) in enumerate(pairwise(widths)):
        name = names.format(number)
        specs += [*weight(f"{name}/kernel", rows, columns), *weight(f"{name}/bias", columns)]
        for op, other in (("MatMul", "kernel"), ("BiasAdd", "bias"), ("Relu", "")):
            inputs = (last, f"{name}/{other}/read") if other else (last,)
            specs.append(spec(f"{name}/{op}", op, *inputs, T="float32", shape=(-1, columns)))
            last = f"{name}/{op}"
    return [*specs, spec("out", "Identity", last, T="float32", shape=(-1, widths[-1]))]


_UNARY = ("Relu", "Tanh", "Sigmoid", "Neg")
_BINARY = ("AddV2", "Mul", "Maximum")


_Kind = TypeVar("_Kind")


def pick(rng: np.random.Generator, among: Sequence[_Kind]) -> _Kind:
    """Choose one at random."""
    return among[int(rng.integers(len(among)))]


def random_graph(seed: int, size: int) -> list[Spec]:
    """Make a graph of that many operations, and their weights, all of which the output needs."""
    rng = np.random.default_rng(seed)
    specs, values, unread = [spec("x", "Placeholder", dtype="float32", shape=(-1, 16))], ["x"], {"x"}
    for number in range(size):
        kind, name = pick(rng, ("unary", "binary", "binary", "weights", "constant")), f"n{number}"
        taken = [pick(rng, values[-8:])]
        if kind == "binary":
            taken.append(pick(rng, values))
        if kind == "weights":
            specs += weight(f"{name}/w", 16, pick(rng, (16, 16, 32)))
            specs.append(spec(name, "MatMul", taken[0], f"{name}/w/read", T="float32"))
        elif kind == "constant":
            specs += [constant(f"{name}/c"), spec(name, "Mul", taken[0], f"{name}/c", T="float32")]
        else:
            specs.append(spec(name, pick(rng, _UNARY if kind == "unary" else _BINARY), *taken, T="float32"))
        unread = (unread - set(taken)) | {name}
        values.append(name)
    return [*specs, spec("out", "AddN", *sorted(unread), T="float32", N=len(unread))]


def renamed(specs: Sequence[Spec], seed: int) -> list[Spec]:
    """Give all nodes new names, except for the ends, and write them in another order."""
    rng = np.random.default_rng(seed)
    numbers = rng.permutation(10 * len(specs))[: len(specs)]
    names = {each.name: f"q{number}" for each, number in zip(specs, numbers, strict=True)} | {"x": "x", "out": "out"}
    changed = [replace(e, name=names[e.name], inputs=tuple(names[i] for i in e.inputs)) for e in specs]
    return [changed[number] for number in rng.permutation(len(changed))]
