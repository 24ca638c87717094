"""A graph of operations as plain data: function calls inlined, names of no importance left out. No TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from perfgate.errors import InvalidRunError
from perfgate.model.attributes import Shape, TensorFacts, attributes_of, output_shapes, tensor_of
from perfgate.model.kernels import written_op
from perfgate.model.messages import Proto
from perfgate.model.scopes import COMPILED, Key, Place, Scope, is_compiled

_MOST_NODES = 1_000_000
"""A graph that becomes larger by inlining is not read: it would not fit into memory."""


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
    shapes: tuple[Shape, ...] = ()
    """Of its outputs, as far as the exporter inferred them; empty if it wrote none."""


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
    """Read a graph as TensorFlow runs it (`RunMetadata.partition_graphs`); its ends get the names given, in order.

    InvalidRunError if it is damaged.
    """
    names = {"_Arg": inputs, "_Retval": outputs}

    def end_of(node: Proto) -> str | None:
        index = node.attr["index"].i if node.op in names else -1
        return names[node.op][index] if 0 <= index < len(names.get(node.op, ())) else None

    with _damage_named(), _top_of(graph) as top:
        return _read((Place(top, node.name) for node in graph.node), end_of)


def signature_graph(graph: Proto, signature: Proto) -> Graph:
    """Read what a signature of a SavedModel runs, with function calls inlined; what is above its inputs does not run.

    InvalidRunError if it is damaged.
    """
    fed = {name.partition(":")[0]: key for key, info in signature.inputs.items() for name in _tensors(info)}
    with _damage_named(), _top_of(graph) as top:
        fetched = (name for _, info in sorted(signature.outputs.items()) for name in _tensors(info))
        return _read((top.resolve(name)[0] for name in fetched), lambda node: fed.get(node.name), fed)


@contextmanager
def _top_of(graph: Proto) -> Iterator[Scope]:
    """Yield the scope of the graph itself; afterwards nothing holds the messages, which may be large."""
    top = Scope(graph.node, {each.signature.name: each for each in graph.library.function})
    try:
        yield top
    finally:
        top.forget()


def _tensors(info: Proto) -> Iterator[str]:
    """Return the names of a signature's tensors: several, if it is sparse or composite."""
    kind = info.WhichOneof("choice")
    if kind == "name":
        yield info.name
    elif kind == "coo_sparse":
        sparse = info.coo_sparse
        yield from (sparse.values_tensor_name, sparse.indices_tensor_name, sparse.dense_shape_tensor_name)
    elif kind == "composite_tensor":
        for each in info.composite_tensor.components:
            yield from _tensors(each)


@contextmanager
def _damage_named() -> Iterator[None]:
    """Turn what a damaged graph raises into one line."""
    try:
        yield
    except (KeyError, IndexError, ValueError, RecursionError) as error:
        what = f"node {error.args[0]!r} is missing" if isinstance(error, KeyError) else "a function is called wrongly"
        raise InvalidRunError(f"the graph is damaged: {what}", "export the model again") from error


@dataclass(slots=True)
class _Found:
    """A node that a root needs, and what it needs itself."""

    place: Place
    inputs: list[tuple[Place, str]]
    controls: list[Place]
    compiled: bool = False


def _found(place: Place, fed: Container[str]) -> _Found:
    scope, node = place.scope, place.node
    if scope.is_top and node.name in fed:
        return _Found(place, [], [])
    inputs = [scope.resolve(each) for each in node.input if each[:1] != "^"]
    controls = [end for each in node.input if each[:1] == "^" for end in scope.ends(each[1:])]
    functions = scope.named_by(node)
    if not functions:
        return _Found(place, inputs, controls, is_compiled(node))
    for inner, function in scope.bodies(node, functions):
        inputs += [inner.resolve(function.ret[each.name]) for each in function.signature.output_arg]
    return _Found(place, inputs, controls, any(map(is_compiled, (node, *functions))))


def _read(roots: Iterator[Place], name_of: Callable[[Proto], str | None], fed: Container[str] = ()) -> Graph:
    """Follow the roots' inputs, depth first, and number the nodes so that producers come first."""
    found: dict[Key, _Found] = {}
    numbers: dict[Key, int] = {}
    for root in roots:
        stack = [] if root.key in found else [root]
        while stack:
            place = stack[-1]
            key = place.key
            if key in numbers:  # reached by two ways
                stack.pop()
            elif key in found:
                numbers[key] = len(numbers)
                stack.pop()
            elif len(found) >= _MOST_NODES:
                raise InvalidRunError(f"the graph has more than {_MOST_NODES:,} nodes", "compare smaller models")
            else:
                mine = found[key] = _found(place, fed)
                needed = [*mine.controls[::-1], *[each for each, _ in mine.inputs[::-1]]]
                stack += [each for each in needed if each.key not in found]
    return Graph(tuple([_node(found[key], numbers, name_of) for key in numbers]))


def _node(mine: _Found, numbers: Mapping[Key, int], name_of: Callable[[Proto], str | None]) -> Node:
    scope, node = mine.place.scope, mine.place.node
    name = name_of(node) if scope.is_top else None
    compiled = ((COMPILED, "True"),) if mine.compiled else ()
    return Node(
        name=scope.prefix + node.name,
        op=written_op(node.op),
        inputs=tuple([Edge(numbers[place.key], port) for place, port in mine.inputs]),
        controls=tuple(sorted({numbers[place.key] for place in mine.controls})),
        attributes=(("name", name),) if name is not None else (*attributes_of(node), *compiled),
        tensor=tensor_of(node),
        shapes=output_shapes(node),
    )
