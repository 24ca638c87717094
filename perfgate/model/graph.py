"""A graph of operations as plain data: function calls inlined, names of no importance left out. No TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from perfgate.model.attributes import TensorFacts, attributes_of, tensor_of
from perfgate.model.messages import Proto

_CALLS = {"PartitionedCall", "StatefulPartitionedCall"}
_BRANCHES = {"If", "StatelessIf", "Case", "StatelessCase"}
"""Their first input chooses a branch; the functions take the others."""
_DEEPEST = 64
"""Nested function calls that are followed; deeper ones are recursion."""


@dataclass(frozen=True, slots=True)
class Edge:
    """An input: the node that produces it, and which of its outputs."""

    node: int
    port: str


@dataclass(frozen=True, slots=True)
class Node:
    """One operation."""

    name: str
    op: str
    inputs: tuple[Edge, ...]
    """Data inputs in order; those of a loop or branch are followed by the results of its functions."""
    controls: tuple[int, ...]
    """Nodes that must have run before."""
    attributes: tuple[tuple[str, str], ...]
    """By name: everything that may change what it does, without names, devices and hints."""
    tensor: TensorFacts | None = None
    """Of a constant or a variable."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Operations that a signature runs; producers come before consumers, except in the loops of TensorFlow 1."""

    nodes: tuple[Node, ...]

    def consumers(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """Return for each node who consumes it, and as which of its inputs."""
        found: list[list[tuple[int, int]]] = [[] for _ in self.nodes]
        for number, node in enumerate(self.nodes):
            for place, edge in enumerate(node.inputs):
                found[edge.node].append((number, place))
        return tuple(map(tuple, found))


def executed_graph(graph: Proto, inputs: Sequence[str], outputs: Sequence[str]) -> Graph:
    """Read a graph as TensorFlow runs it (`RunMetadata.partition_graphs`); its ends get the names given, in order."""
    names = {"_Arg": inputs, "_Retval": outputs}

    def end_of(node: Proto) -> str | None:
        index = node.attr["index"].i if node.op in names else -1
        return names[node.op][index] if 0 <= index < len(names.get(node.op, ())) else None

    top = _Scope(graph.node, graph.library)
    return _read((_Place(top, node.name) for node in graph.node), end_of)


def signature_graph(graph: Proto, signature: Proto) -> Graph:
    """Read what a signature of a SavedModel runs, with function calls inlined."""
    fed = {info.name.partition(":")[0]: key for key, info in signature.inputs.items()}
    top = _Scope(graph.node, graph.library)
    fetched = (info.name for _, info in sorted(signature.outputs.items()) if info.WhichOneof("choice") == "name")
    roots = (top.resolve(name) for name in fetched if name.partition(":")[0] in top.nodes)
    return _read((place for place, _ in roots), lambda node: fed.get(node.name) if _is_fed(node) else None)


def _is_fed(node: Proto) -> bool:
    return node.op in {"Placeholder", "PlaceholderWithDefault"}


@dataclass(frozen=True, slots=True)
class _Place:
    """A node in the scope that it belongs to."""

    scope: _Scope
    name: str

    @property
    def node(self) -> Proto:
        return self.scope.nodes[self.name]

    @property
    def key(self) -> tuple[int, str]:
        return id(self.scope), self.name


@dataclass(frozen=True, slots=True, eq=False)
class _Bound:
    """A function's arguments: names of tensors in the scope of the call."""

    scope: _Scope
    names: Mapping[str, str]


class _Scope:
    """The nodes of the graph, or of one call of a function."""

    def __init__(
        self, nodes: Sequence[Proto], library: Proto | Mapping[str, Proto], bound: _Bound | None = None,
        prefix: str = "", depth: int = 0,
    ) -> None:  # fmt: skip
        self.nodes = {node.name: node for node in nodes}
        self.functions: Mapping[str, Proto] = (
            library if isinstance(library, Mapping) else {each.signature.name: each for each in library.function}
        )
        self.prefix, self._bound, self._depth = prefix, bound, depth
        self._inner: dict[tuple[str, str], _Scope] = {}

    def function_of(self, node: Proto) -> Proto | None:
        """Return the function that a node calls, if it does nothing else."""
        name = node.attr["f"].func.name if node.op in _CALLS else node.op
        found = self.functions.get(name)
        return None if found is None or self._depth >= _DEEPEST or _compiled(node, found) else found

    def inside(self, node: Proto, function: Proto, given: Sequence[str]) -> _Scope:
        """Return the scope of a function that a node runs; the same one each time."""
        key = (node.name, function.signature.name)
        if key not in self._inner:
            names = dict(zip((arg.name for arg in function.signature.input_arg), given, strict=False))
            prefix = f"{self.prefix}{node.name}/"
            bound = _Bound(self, names)
            self._inner[key] = _Scope(function.node_def, self.functions, bound, prefix, self._depth + 1)
        return self._inner[key]

    def resolve(self, reference: str) -> tuple[_Place, str]:
        """Return the node that produces a tensor, and its output, through calls and arguments."""
        if self._bound is not None and reference in self._bound.names:
            return self._bound.scope.resolve(self._bound.names[reference])
        name, _, port = reference.partition(":")
        node = self.nodes[name]
        if (function := self.function_of(node)) is None:
            return _Place(self, name), port or "0"
        outputs = function.signature.output_arg
        result = outputs[_index(port, outputs)].name
        return self.inside(node, function, _data(node)).resolve(function.ret[result])

    def ends(self, name: str) -> Iterator[_Place]:
        """Return the nodes that a control input on a node waits for: those that a called function must run."""
        node = self.nodes[name]
        if (function := self.function_of(node)) is None:
            yield _Place(self, name)
            return
        inner = self.inside(node, function, _data(node))
        for each in function.control_ret.values():
            yield from inner.ends(each)


def _index(port: str, outputs: Sequence[Proto]) -> int:
    """Return the number of a call's output: `1`, `output:1`, or the name of the function's result and 0."""
    named = {each.name: number for number, each in enumerate(outputs)}
    first, _, last = port.rpartition(":")
    return named[first] if first in named else int(last or 0)


def _compiled(node: Proto, function: Proto) -> bool:
    """Return whether XLA compiles the function: it then runs as one operation."""
    return any("_XlaMustCompile" in each.attr and each.attr["_XlaMustCompile"].b for each in (node, function))


def _data(node: Proto) -> list[str]:
    return [each for each in node.input if not each.startswith("^")]


def _functions_in(scope: _Scope, node: Proto) -> Iterator[tuple[Proto, list[str]]]:
    """Return the functions that a loop or branch runs, and the inputs that they take."""
    given = _data(node)[1:] if node.op in _BRANCHES else _data(node)
    for _, value in sorted(node.attr.items()):
        funcs = [value.func] if value.WhichOneof("choice") == "func" else value.list.func
        for name in (each.name for each in funcs):
            if name in scope.functions and not _compiled(node, scope.functions[name]):
                yield scope.functions[name], given


@dataclass(slots=True)
class _Found:
    """A node that a root needs, and what it needs itself."""

    place: _Place
    inputs: list[tuple[_Place, str]]
    controls: list[_Place]


def _found(place: _Place) -> _Found:
    scope, node = place.scope, place.node
    inputs = [scope.resolve(each) for each in _data(node)]
    for function, given in _functions_in(scope, node):
        inner = scope.inside(node, function, given)
        inputs += [inner.resolve(function.ret[each.name]) for each in function.signature.output_arg]
    controls = [end for each in node.input if each.startswith("^") for end in scope.ends(each[1:])]
    return _Found(place, inputs, controls)


def _read(roots: Iterator[_Place], name_of: Callable[[Proto], str | None]) -> Graph:
    """Follow the roots' inputs, depth first, and number the nodes so that producers come first."""
    found: dict[tuple[int, str], _Found] = {}
    numbers: dict[tuple[int, str], int] = {}
    for root in roots:
        stack = [] if root.key in found else [root]
        while stack:
            place = stack[-1]
            if place.key in numbers:  # reached by two ways
                stack.pop()
            elif place.key in found:
                numbers[place.key] = len(numbers)
                stack.pop()
            else:
                mine = found[place.key] = _found(place)
                needed = (*(each for each, _ in mine.inputs), *mine.controls)
                stack += [each for each in reversed(needed) if each.key not in found]
    return Graph(tuple(_node(found[key], numbers, name_of) for key in numbers))


def _node(mine: _Found, numbers: Mapping[tuple[int, str], int], name_of: Callable[[Proto], str | None]) -> Node:
    node = mine.place.node
    name = name_of(node)
    return Node(
        name=mine.place.scope.prefix + node.name,
        op=node.op,
        inputs=tuple(Edge(numbers[place.key], port) for place, port in mine.inputs),
        controls=tuple(sorted({numbers[place.key] for place in mine.controls})),
        attributes=(("name", name),) if name is not None else attributes_of(node),
        tensor=tensor_of(node),
    )
