"""Nodes of a graph and of the functions that it calls, found through calls and arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from perfgate.model.messages import Proto

COMPILED = "_XlaMustCompile"
"""Attribute of what XLA compiles, a call or a function: tensorflow/compiler/jit/defs.cc."""
_CALLS = {"PartitionedCall", "StatefulPartitionedCall"}
_BRANCHES = {"If", "StatelessIf", "Case", "StatelessCase"}
"""Their first input chooses a branch; the functions take the others."""

Key: TypeAlias = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Place:
    """A node in the scope that it belongs to."""

    scope: Scope
    name: str

    @property
    def node(self) -> Proto:
        """The node itself; KeyError if there is none of that name."""
        return self.scope.nodes[self.name]

    @property
    def key(self) -> Key:
        """What tells it from all other places."""
        return id(self.scope), self.name


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    """A call that a scope belongs to."""

    scope: Scope
    """Of the caller."""
    prefix: str
    arguments: Mapping[str, str]
    """Names of tensors in the scope of the caller, by the names that the function knows them by."""
    running: frozenset[str]
    """Functions that have been called and have not returned."""


class Scope:
    """The nodes of the graph, or of one call of a function; KeyError, IndexError or ValueError if it is damaged."""

    def __init__(self, nodes: Sequence[Proto], functions: Mapping[str, Proto], call: _Call | None = None) -> None:
        self.nodes = {node.name: node for node in nodes}
        self.functions = functions
        self.prefix = "" if call is None else call.prefix
        self.is_top = call is None
        self._call = call
        self._inner: dict[tuple[str, str], Scope] = {}

    def forget(self) -> None:
        """Let go of the scopes of calls, which know this one too: a circle that is freed late."""
        self._inner.clear()

    def resolve(self, reference: str) -> tuple[Place, str]:
        """Return the node that produces a tensor, and its output, through calls and arguments."""
        if self._call is not None and reference in self._call.arguments:
            return self._call.scope.resolve(self._call.arguments[reference])
        name, _, port = reference.partition(":")
        node = self.nodes[name]
        if (function := self._function_of(node)) is None:
            return Place(self, name), port or "0"
        outputs = function.signature.output_arg
        result = outputs[_index(port, outputs)].name
        return self._inside(node, function).resolve(function.ret[result])

    def ends(self, name: str) -> Iterator[Place]:
        """Return the nodes that a control input on a node waits for: those that a called function must run."""
        node = self.nodes[name]
        if (function := self._function_of(node)) is None:
            yield Place(self, name)
            return
        inner = self._inside(node, function)
        for each in function.control_ret.values():
            yield from inner.ends(each)

    def bodies(self, node: Proto, functions: Sequence[Proto]) -> Iterator[tuple[Scope, Proto]]:
        """Return those of the functions that a loop or branch runs that are not compiled, with their scopes."""
        for function in functions:
            if self._may_inline(node, function):
                yield self._inside(node, function), function

    def _inside(self, node: Proto, function: Proto) -> Scope:
        """Return the scope of a function that a node runs; the same one each time."""
        key = (node.name, function.signature.name)
        if key not in self._inner:
            given = [each for each in node.input if each[:1] != "^"]
            taken = given[1:] if node.op in _BRANCHES else given
            arguments = dict(zip((arg.name for arg in function.signature.input_arg), taken, strict=False))
            call = _Call(self, f"{self.prefix}{node.name}/", arguments, self._running | {function.signature.name})
            self._inner[key] = Scope(function.node_def, self.functions, call)
        return self._inner[key]

    def named_by(self, node: Proto) -> list[Proto]:
        """Return the functions that a node runs, by its type or, in order of their names, its attributes."""
        named = [(key, name) for key, value in node.attr.items() for name in _function_names(value)]
        names = [node.op, *(name for _, name in sorted(named))] if named else [node.op]
        return [self.functions[name] for name in names if name in self.functions]

    def _function_of(self, node: Proto) -> Proto | None:
        """Return the function that a node calls, if it does nothing else."""
        found = self.functions.get(node.attr["f"].func.name if node.op in _CALLS else node.op)
        return found if found is not None and self._may_inline(node, found) else None

    def _may_inline(self, node: Proto, function: Proto) -> bool:
        """Return whether a call runs as the function's nodes; one that calls itself would never end."""
        return function.signature.name not in self._running and not is_compiled(node) and not is_compiled(function)

    @property
    def _running(self) -> frozenset[str]:
        return frozenset() if self._call is None else self._call.running


def is_compiled(part: Proto) -> bool:
    """Return whether XLA compiles a call, or all calls of a function: it then runs as one operation."""
    return COMPILED in part.attr and bool(part.attr[COMPILED].b)


def _function_names(value: Proto) -> list[str]:
    kind = value.WhichOneof("choice")
    if kind == "func":
        return [value.func.name]
    return [each.name for each in value.list.func] if kind == "list" else []


def _index(port: str, outputs: Sequence[Proto]) -> int:
    """Return the number of a call's output: `1`, `output:1`, or the name of the function's result and 0."""
    named = {each.name: number for number, each in enumerate(outputs)}
    first, _, last = port.rpartition(":")
    return named[first] if first in named else int(last or 0)
