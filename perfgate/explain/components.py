"""Operations that differ, grouped: those that are connected, or take the same place, are one change to the model."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from perfgate.explain.explanation import ChangeKind
from perfgate.explain.traces import Compared
from perfgate.model.graph import Graph
from perfgate.trials import Arm


@dataclass(frozen=True, slots=True)
class Component:
    """Units that changed together, by number."""

    units: tuple[int, ...]


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
        unit_of = _units_of(compared, arm)
        for user, place, source in _edges(compared.graphs[arm], unit_of):
            if differs[source] and differs[user]:
                parent[root(source)] = root(user)
            elif differs[source]:
                other = feeds.setdefault((user, place), source)
                parent[root(source)] = root(other)
    groups: dict[int, list[int]] = defaultdict(list)
    for number, unit in enumerate(compared.units):
        if unit.kind is not ChangeKind.SAME:
            groups[root(number)].append(number)
    return tuple(Component(tuple(group)) for group in groups.values())


def _units_of(compared: Compared, arm: Arm) -> dict[int, int]:
    """Return the unit of each node."""
    numbers = ((unit.baseline if arm is Arm.BASELINE else unit.candidate) for unit in compared.units)
    return {node: unit for unit, node in enumerate(numbers) if node is not None}


def _edges(graph: Graph, unit_of: dict[int, int]) -> list[tuple[int, int, int]]:
    """Return who uses what as which input; controls after the inputs."""
    found = []
    for number, node in enumerate(graph.nodes):
        sources = (*(edge.node for edge in node.inputs), *node.controls)
        found += [(unit_of[number], place, unit_of[source]) for place, source in enumerate(sources)]
    return found


def request_independent(graph: Graph) -> frozenset[int]:
    """Return the nodes that no input of a request reaches: what they compute is the same at each request."""
    depends: set[int] = set()
    for number, node in enumerate(graph.nodes):
        if node.op == "_Arg" or any(edge.node in depends for edge in node.inputs):
            depends.add(number)
    return frozenset(range(len(graph.nodes))) - depends
