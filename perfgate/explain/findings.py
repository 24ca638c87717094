"""What in a graph often costs time, whatever a measurement says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from perfgate.explain.explanation import Finding
from perfgate.explain.plumbing import PLUMBING
from perfgate.model.graph import Graph, Node
from perfgate.model.scopes import COMPILED

_DROPOUT_STEPS = 5
"""From random numbers over scaling to the comparison: `stateless_dropout` in tensorflow/python/ops/nn_ops.py."""
_RANDOM = ("Random", "StatelessRandom", "Multinomial", "StatelessMultinomial", "ParameterizedTruncatedNormal")
_RANDOM_NUMBERS = ("RandomUniform", "RandomStandardNormal", "StatelessRandomUniform", "StatelessRandomNormal")
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


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of finding."""

    code: str
    meaning: str
    """One sentence for a reader, without its full stop."""
    finds: Callable[[_Around], bool]


@dataclass(frozen=True, slots=True)
class _Around:
    """A node with what reads it."""

    graph: Graph
    consumers: tuple[tuple[tuple[int, int], ...], ...]
    number: int

    @property
    def node(self) -> Node:
        return self.graph.nodes[self.number]

    @property
    def op(self) -> str:
        return self.node.op

    def has(self, *attributes: tuple[str, str]) -> bool:
        return not set(attributes).isdisjoint(self.node.attributes)

    def reaches(self, op: str, steps: int) -> bool:
        """Return whether an operation of this type uses the node's result, over a number of others at most."""
        near = {self.number}
        for _ in range(steps):
            near = {user for number in near for user, _ in self.consumers[number]}
            if any(self.graph.nodes[number].op == op for number in near):
                return True
        return False


def _is_dropout(around: _Around) -> bool:
    random = around.op.startswith(_RANDOM_NUMBERS)
    return random and ("dropout" in around.node.name.lower() or around.reaches("GreaterEqual", _DROPOUT_STEPS))


def _trains(around: _Around) -> bool:
    return _is_dropout(around) or (around.op.startswith(_NORMS) and around.has(("is_training", "True")))


def _is_double(around: _Around) -> bool:
    types = {value for name, value in around.node.attributes if name in {"T", "DstT", "Tparams", "dtype", "Tout"}}
    return "float64" in types and around.op not in PLUMBING


KINDS: tuple[Kind, ...] = (
    Kind("training mode", "dropout or batch normalisation runs as in training", _trains),
    Kind(
        "random ops",
        "draws random numbers",
        lambda around: around.op.startswith(_RANDOM) and not _is_dropout(around),
    ),
    Kind("python function", "calls Python, which no server can load", lambda around: around.op in _PYTHON),
    Kind("string ops", "works on strings or parses them", lambda around: around.op.startswith(_STRINGS)),
    Kind(
        "compiled by XLA",
        "is compiled by XLA at the first request of each shape",
        lambda around: around.has((COMPILED, "True")) or around.op in _LEGACY_XLA,
    ),
    Kind(
        "control flow",
        "loops or branches: what is inside runs once for each round",
        lambda around: around.op in _LOOPS or around.op.startswith(("TensorList", "TensorArray")),
    ),
    Kind("float64", "computes in double precision", _is_double),
    Kind("debug ops", "prints or checks values", lambda around: around.op in _DEBUG),
)
"""All kinds, the gravest first."""


def findings_of(old: Graph, new: Graph) -> tuple[Finding, ...]:
    """Return what is found in either graph, in the order of `KINDS`."""
    found = [_names_found(graph) for graph in (old, new)]
    pairs = [(kind.code, found[0][kind.code], found[1][kind.code]) for kind in KINDS]
    return tuple(Finding(code, (len(a), len(b)), (b or a)[0]) for code, a, b in pairs if a or b)


def _names_found(graph: Graph) -> dict[str, list[str]]:
    consumers = graph.consumers()
    around = [_Around(graph, consumers, number) for number in range(len(graph.nodes))]
    return {kind.code: [each.node.name for each in around if kind.finds(each)] for kind in KINDS}
