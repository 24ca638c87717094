"""Operations that differ, grouped: those that are connected, or take the same place, are one change to the model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TypeAlias

from perfgate.explain.explanation import ChangeKind
from perfgate.explain.traces import Compared
from perfgate.model.graph import Graph
from perfgate.trials import Arm

Component: TypeAlias = tuple[int, ...]
"""Numbers of units that changed together."""


def components(compared: Compared) -> tuple[Component, ...]:
    """Group the units that differ.

    Two belong together if one reads the other, or if both feed the same input of an operation that is the same in both
    versions: what was there before, and what is there now.
    """
    differs = compared.differs
    parent = list(range(len(compared.units)))

    def root(unit: int) -> int:
        while parent[unit] != unit:
            parent[unit] = parent[parent[unit]]
            unit = parent[unit]
        return unit

    feeds: dict[tuple[int, int], int] = {}
    for arm in Arm:
        for user, place, source in _edges(compared.graphs[arm], compared.columns[arm]):
            if differs[source] and differs[user]:
                parent[root(source)] = root(user)
            elif differs[source]:
                other = feeds.setdefault((user, place), source)
                parent[root(source)] = root(other)
    groups: dict[int, list[int]] = defaultdict(list)
    for number, unit in enumerate(compared.units):
        if unit.kind is not ChangeKind.SAME:
            groups[root(number)].append(number)
    return tuple(map(tuple, groups.values()))


def _edges(graph: Graph, unit_of: Mapping[str, int]) -> list[tuple[int, int, int]]:
    """Return which unit uses which as which input; controls after the inputs."""
    units = [unit_of[node.name] for node in graph.nodes]
    found = []
    for user, node in zip(units, graph.nodes, strict=True):
        sources = (*(edge.node for edge in node.inputs), *node.controls)
        found += [(user, place, units[source]) for place, source in enumerate(sources)]
    return found


def request_independent(graph: Graph) -> frozenset[int]:
    """Return the nodes that no input of a request reaches: what they compute is the same at each request."""
    depends: set[int] = set()
    for number, node in enumerate(graph.nodes):
        if node.op == "_Arg" or any(edge.node in depends for edge in node.inputs):
            depends.add(number)
    return frozenset(range(len(graph.nodes))) - depends
