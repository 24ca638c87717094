"""What in a graph often costs time, whatever a measurement says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from perfgate.explain.explanation import Finding
from perfgate.explain.plumbing import PLUMBING
from perfgate.model.graph import Graph, Node
from perfgate.model.scopes import COMPILED

_DROPOUT_STEPS = 5
"""From random numbers over scaling to the comparison: `stateless_dropout` in tensorflow/python/ops/nn_ops.py."""
_RANDOM = ("Random", "StatelessRandom", "Multinomial", "StatelessMultinomial", "ParameterizedTruncatedNormal")
_NORMS = ("FusedBatchNorm", "_FusedBatchNormEx")
_STRINGS = (
    "AsString", "DecodeBase64", "DecodeBmp", "DecodeCSV", "DecodeCompressed", "DecodeGif", "DecodeImage", "DecodeJSON",
    "DecodeJpeg", "DecodePaddedRaw", "DecodePng", "DecodeProto", "DecodeRaw", "DecodeWav", "EncodeBase64", "Parse",
    "ReduceJoin", "RegexFullMatch", "RegexReplace", "StaticRegex", "String", "Substr", "Unicode", "UnsortedSegmentJoin",
)  # fmt: skip
_PYTHON = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}
_LOOPS = {
    "While", "StatelessWhile", "If", "StatelessIf", "Case", "StatelessCase", "For", "Switch", "RefSwitch", "Merge",
    "RefMerge", "Enter", "RefEnter", "Exit", "RefExit", "NextIteration", "LoopCond",
}  # fmt: skip
_DEBUG = {"Print", "PrintV2", "Assert", "CheckNumerics", "CheckNumericsV2"}
_LEGACY_XLA = {"XlaLaunch", "XlaCompile", "XlaRun", "_XlaCompile", "_XlaRun"}


_TYPES = {"T", "DstT", "Tparams", "dtype", "Tout"}

Attributes: TypeAlias = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of finding."""

    code: str
    meaning: str
    """What such an operation does, without its subject and without a full stop."""
    finds: Callable[[str, Attributes], bool]
    """By type and attributes of an operation."""


def _draws(op: str) -> bool:
    return op.startswith(_RANDOM)


def _is_double(op: str, attributes: Attributes) -> bool:
    return op not in PLUMBING and any(value == "float64" and name in _TYPES for name, value in attributes)


KINDS: tuple[Kind, ...] = (
    Kind(
        "training mode",
        "runs as in training: dropout, or batch normalisation by the request's own mean",
        lambda op, attributes: _draws(op) or (op.startswith(_NORMS) and ("is_training", "True") in attributes),
    ),
    Kind("random ops", "draws random numbers", lambda op, _: _draws(op)),
    Kind("python function", "calls Python, so no server can load it, perfgate's included", lambda op, _: op in _PYTHON),
    Kind("string ops", "works on strings, or parses them", lambda op, _: op.startswith(_STRINGS)),
    Kind(
        "compiled by XLA",
        "is compiled by XLA at the first request of each shape",
        lambda op, attributes: op in _LEGACY_XLA or (COMPILED, "True") in attributes,
    ),
    Kind(
        "control flow",
        "loops or branches; what is inside runs once for each round",
        lambda op, _: op in _LOOPS or op.startswith(("TensorList", "TensorArray")),
    ),
    Kind("float64", "computes in double precision", _is_double),
    Kind("debug ops", "prints or checks values", lambda op, _: op in _DEBUG),
)
"""All kinds, the gravest first."""


def codes_of(node: Node) -> frozenset[str]:
    """Return what is found in one node on its own; random numbers count as training mode, which often they are."""
    return frozenset(kind.code for kind in KINDS if kind.finds(node.op, frozenset(node.attributes)))


def findings_of(old: Graph, new: Graph) -> tuple[Finding, ...]:
    """Return what is found in either graph, in the order of `KINDS`."""
    left, right = _names_found(old), _names_found(new)
    pairs = [(kind.code, left[kind.code], right[kind.code]) for kind in KINDS]
    return tuple(Finding(code, (len(a), len(b)), (b or a)[0]) for code, a, b in pairs if a or b)


def _names_found(graph: Graph) -> dict[str, list[str]]:
    consumers = graph.consumers()
    found: dict[str, list[str]] = {kind.code: [] for kind in KINDS}
    codes: dict[tuple[str, tuple[tuple[str, str], ...]], list[str]] = {}  # graphs have few kinds of operations
    for number, node in enumerate(graph.nodes):
        key = node.op, node.attributes
        if key not in codes:
            codes[key] = [kind.code for kind in KINDS if kind.finds(node.op, frozenset(node.attributes))]
        for code in codes[key]:
            if not _draws(node.op) or (code == "random ops") != _is_dropout(graph, consumers, number):
                found[code].append(node.name)
    return found


def _is_dropout(graph: Graph, consumers: Sequence[Sequence[tuple[int, int]]], number: int) -> bool:
    """Return whether random numbers are compared with a rate, within a few steps."""
    near = {number}
    for _ in range(_DROPOUT_STEPS):
        near = {user for each in near for user, _ in consumers[each]}
        if any(graph.nodes[each].op == "GreaterEqual" for each in near):
            return True
    return "dropout" in graph.nodes[number].name.lower()
