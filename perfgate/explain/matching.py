"""Which operation of one graph is which of another: by structure first, then by neighbours, name, and kind.

Names alone are wrong: an added layer renumbers all that follow. A node's structure is its label (operation, attributes,
and the type and shape of the weights that it reads) with the structure of everything above it, and of everything below
it. What was inserted changes one of the two for every other node, but not both. Weights and constants have nothing
above them: which one is which is said by what reads them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Container, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from perfgate.model.graph import Edge, Graph, Node

_READS = {"Cast", "Enter", "ExpandDims", "Identity", "ReadVariableOp", "Reshape", "Squeeze", "Transpose"}
"""Operations between a weight and the node that uses it."""
_MOST_READS = 8
"""In a row, between the two."""
_COMMUTATIVE = {
    "Add", "AddN", "AddV2", "LogicalAnd", "LogicalOr", "Maximum", "Minimum", "Mul", "SquaredDifference",
}  # fmt: skip
"""TensorFlow's optimiser orders their inputs by name, so a new name changes the order."""
_ROUNDS = 30
_HOPS = (3, 2, 1)
_NUMBERED = re.compile(r"(_\d+)+(?=/|$)")


@dataclass(frozen=True, slots=True)
class Matching:
    """Nodes of two graphs, by number."""

    same: tuple[tuple[int, int], ...]
    """Pairs that do the same work: equal labels."""
    changed: tuple[tuple[int, int], ...]
    """Pairs in the same place, or of the same name, whose attributes, types or shapes differ."""
    removed: tuple[int, ...]
    added: tuple[int, ...]


Key = Callable[["_Side", int], Hashable]


class _Side:
    """One graph while it is matched; keys are numbers that both sides share."""

    def __init__(self, graph: Graph, ids: dict[Hashable, int]) -> None:
        self.nodes, self._ids = graph.nodes, ids
        self.consumers = graph.consumers()
        self.label = [self._id(label(self.nodes, node)) for node in self.nodes]
        self.op = [self._id(node.op) for node in self.nodes]
        self.name = [_NUMBERED.sub("", node.name) for node in self.nodes]
        self.up = self._above()
        self.down = self._below()
        self.pair: dict[int, int] = {}
        """The number of the pair that a node belongs to; the same on both sides."""

    def _id(self, key: Hashable) -> int:
        return self._ids.setdefault(key, len(self._ids))

    def _above(self) -> list[int]:
        """Return the structure above each node; in a loop, as far as it comes before."""
        ids = [-1] * len(self.nodes)
        for number, node in enumerate(self.nodes):
            inputs = _sorted_if_commutative(node, [(ids[edge.node], edge.port) for edge in node.inputs])
            ids[number] = self._id(("up", self.label[number], inputs))
        return ids

    def _below(self) -> list[int]:
        """Return the structure below each node; in a loop, as far as it comes after."""
        ids = [-1] * len(self.nodes)
        for number in reversed(range(len(self.nodes))):
            users = sorted((ids[user], self._place(user, place)) for user, place in self.consumers[number])
            ids[number] = self._id(("down", self.label[number], tuple(users)))
        return ids

    def _place(self, user: int, place: int) -> int:
        """Return as which of its inputs a node uses another; -1 if the order has no meaning."""
        return -1 if self.nodes[user].op in _COMMUTATIVE else place

    def around(self, hops: int) -> list[int]:
        """Return the structure within a number of steps (Weisfeiler and Lehman's refinement)."""
        ids = list(self.label)
        for _ in range(hops):
            above = [
                _sorted_if_commutative(node, [(ids[edge.node], edge.port) for edge in node.inputs])
                for node in self.nodes
            ]
            below = [
                tuple(sorted((ids[user], self._place(user, place)) for user, place in users))
                for users in self.consumers
            ]
            ids = [self._id((ids[n], above[n], below[n])) for n in range(len(ids))]
        return ids

    def free(self) -> list[int]:
        """Return the nodes without a partner."""
        return [number for number in range(len(self.nodes)) if number not in self.pair]

    def pairs_above(self, number: int) -> Hashable:
        """Return the pairs that a node reads, in order; None if one of its inputs has no partner."""
        node = self.nodes[number]
        return self._pairs(
            [(edge.node, (self._place(number, place), edge.port)) for place, edge in enumerate(node.inputs)]
        )

    def pairs_below(self, number: int) -> Hashable:
        """Return the pairs that read a node; None if one of its readers has no partner."""
        return self._pairs([(user, self._place(user, place)) for user, place in self.consumers[number]])

    def _pairs(self, neighbours: list[tuple[int, Any]]) -> Hashable:
        if not neighbours or any(each not in self.pair for each, _ in neighbours):
            return None
        return tuple(sorted((self.pair[each], str(place)) for each, place in neighbours))


def _sorted_if_commutative(node: Node, inputs: list[tuple[int, str]]) -> tuple[tuple[int, str], ...]:
    return tuple(sorted(inputs) if node.op in _COMMUTATIVE else inputs)


def label(nodes: Sequence[Node], node: Node) -> Hashable:
    """Return what a node does on its own: operation, attributes, and type and shape of the weights that it reads."""
    weights = [(-1 if node.op in _COMMUTATIVE else place, *facts) for place, *facts in weights_of(nodes, node)]
    return node.op, node.attributes, node.tensor and _own(node), tuple(sorted(weights, key=str))


def _own(node: Node) -> Hashable:
    tensor = node.tensor
    return tensor and (tensor.dtype, tensor.shape, tensor.content)


def weights_of(nodes: Sequence[Node], node: Node) -> list[tuple[int, str, tuple[int, ...] | None]]:
    """Return place, type and shape of the constants and variables that a node reads."""
    found = []
    for place, edge in enumerate(node.inputs):
        source = source_of(nodes, edge)
        if source.tensor is not None:
            found.append((place, source.tensor.dtype, source.tensor.shape))
    return found


def source_of(nodes: Sequence[Node], edge: Edge) -> Node:
    """Return what an input is read from, past reads and casts."""
    node = nodes[edge.node]
    for _ in range(_MOST_READS):
        if node.op not in _READS or not node.inputs:
            break
        node = nodes[node.inputs[0].node]
    return node


def match(old: Graph, new: Graph) -> Matching:
    """Match two graphs' nodes."""
    ids: dict[Hashable, int] = {}
    sides = _Side(old, ids), _Side(new, ids)
    _pair(sides, lambda side, n: side.nodes[n].inputs and (side.up[n], side.down[n]))
    _pair(sides, lambda side, n: side.nodes[n].inputs and side.up[n], wary=True)
    _pair(sides, lambda side, n: side.nodes[n].inputs and side.down[n], wary=True)
    _pair_by_neighbours(sides, lambda side, n: side.label[n])
    for hops in _HOPS:
        if all(side.free() for side in sides):
            around = {side: side.around(hops) for side in sides}
            _pair(sides, lambda side, n, around=around: around[side][n], wary=True)  # type: ignore[misc]
            _pair_by_neighbours(sides, lambda side, n: side.label[n])
    _pair(sides, lambda side, n: (side.label[n], side.name[n]))
    _pair(sides, lambda side, n: side.label[n], uneven=True)
    same = len(sides[0].pair)
    _pair_by_neighbours(sides, lambda side, n: side.op[n])
    _pair(sides, lambda side, n: (side.op[n], side.name[n]))
    _pair(sides, lambda side, n: side.op[n])
    left, right = ({pair: number for number, pair in side.pair.items()} for side in sides)
    pairs = [(left[pair], right[pair]) for pair in range(len(left))]
    renamed = [pair for pair in pairs[same:] if _is_end(old.nodes[pair[0]])]
    changed = [pair for pair in pairs[same:] if not _is_end(old.nodes[pair[0]])]
    return Matching((*pairs[:same], *renamed), tuple(changed), *(tuple(side.free()) for side in sides))


def _is_end(node: Node) -> bool:
    """Return whether it is an input or output of the signature, of which only the name can differ."""
    return any(name == "name" for name, _ in node.attributes)


def _pair_by_neighbours(sides: tuple[_Side, _Side], kind: Key) -> None:
    """Pair nodes of a kind whose neighbours above, or below, are pairs, again and again while that finds more."""
    for _ in range(_ROUNDS):
        before = len(sides[0].pair)
        for neighbours in (_Side.pairs_above, _Side.pairs_below):
            _pair(sides, lambda side, n, near=neighbours: _beside(kind, near, side, n), wary=True)  # type: ignore[misc]
        if len(sides[0].pair) == before:
            return


def _beside(kind: Key, near: Key, side: _Side, number: int) -> Hashable:
    neighbours = near(side, number)
    return None if neighbours is None else (kind(side, number), neighbours)


def _pair(sides: tuple[_Side, _Side], key: Key, *, uneven: bool = False, wary: bool = False) -> None:
    """Pair free nodes of equal keys where both sides have as many, or in any case if `uneven`; those of a name first.

    An empty key, or None, matches nothing. `wary` leaves a pair of different names, if one of them is free on the other
    side: a layer often begins like the one that it was put in front of.
    """
    twins = _twins(sides) if wary else frozenset()
    left, right = (_grouped(side, key) for side in sides)
    for found, ours in left.items():
        theirs = right.get(found, [])
        if len(ours) != len(theirs) and not (uneven and theirs):
            continue
        for pair in _in_order(sides, ours, theirs):
            if _differ(sides, pair, twins):
                continue
            number = len(sides[0].pair)
            for side, node in zip(sides, pair, strict=True):
                side.pair[node] = number


def _twins(sides: tuple[_Side, _Side]) -> frozenset[tuple[int, str]]:
    """Return what free nodes of both sides have in common: operation and name without numbers."""
    ours, theirs = ({(side.op[n], side.name[n]) for n in side.free()} for side in sides)
    return frozenset(ours & theirs)


def _differ(sides: tuple[_Side, _Side], pair: tuple[int, int], twins: Container[tuple[int, str]]) -> bool:
    ours, theirs = ((side.op[n], side.name[n]) for side, n in zip(sides, pair, strict=True))
    return ours != theirs and (ours in twins or theirs in twins)


def _grouped(side: _Side, key: Key) -> dict[Hashable, list[int]]:
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for number in side.free():
        if (found := key(side, number)) not in {None, ()}:
            groups[found].append(number)
    return groups


def _in_order(sides: tuple[_Side, _Side], ours: list[int], theirs: list[int]) -> list[tuple[int, int]]:
    """Pair nodes of the same name, then the others in the order in which they run."""
    names: dict[str, list[int]] = defaultdict(list)
    for number in reversed(theirs):
        names[sides[1].nodes[number].name].append(number)
    named = [(n, names[sides[0].nodes[n].name].pop()) for n in ours if names.get(sides[0].nodes[n].name)]
    taken = {n for n, _ in named}, {n for _, n in named}
    rest = zip((n for n in ours if n not in taken[0]), (n for n in theirs if n not in taken[1]), strict=False)
    return [*named, *rest]
