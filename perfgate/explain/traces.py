"""Traced executions of two versions as one table: a row a visit, a column a unit (an operation of one or both)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from perfgate.experiment.tracing import ExecutedGraph, TracedVisit
from perfgate.explain.explanation import ChangeKind
from perfgate.explain.matching import Matching, match
from perfgate.explain.steps import Floats, read_steps
from perfgate.model import messages
from perfgate.model.graph import Graph, Node, executed_graph
from perfgate.trials import Arm

_OUTSIDE = {"_SOURCE", "_SINK"}


@dataclass(frozen=True, slots=True)
class Unit:
    """An operation of both versions, or of one: node numbers in the graphs of `Compared`."""

    kind: ChangeKind
    baseline: int | None
    candidate: int | None


@dataclass(frozen=True, slots=True)
class Compared:
    """Both arms' graphs as executed, matched."""

    graphs: Mapping[Arm, Graph]
    matching: Matching
    units: tuple[Unit, ...]
    columns: Mapping[Arm, Mapping[str, int]]
    """The unit of each node, by the node's name."""

    @property
    def differs(self) -> NDArray[np.bool_]:
        """Which units are not the same in both versions."""
        return np.array([unit.kind is not ChangeKind.SAME for unit in self.units], np.bool_)

    def nodes(self, unit: Unit) -> tuple[Node | None, Node | None]:
        """Return a unit's node in the baseline and in the candidate."""
        return (
            None if unit.baseline is None else self.graphs[Arm.BASELINE].nodes[unit.baseline],
            None if unit.candidate is None else self.graphs[Arm.CANDIDATE].nodes[unit.candidate],
        )

    def unit_of(self, arm: Arm) -> Mapping[str, Unit]:
        """Return the unit of each node of an arm, by the node's name."""
        return {name: self.units[column] for name, column in self.columns[arm].items()}

    def node(self, unit: Unit) -> Node:
        """Return a unit's node in the candidate, or in the baseline if it was removed."""
        old, new = self.nodes(unit)
        if (found := new or old) is None:
            raise ValueError("a unit is an operation of at least one version")
        return found


def compare_graphs(executed: Mapping[Arm, ExecutedGraph]) -> Compared:
    """Read and match the graphs that both arms execute."""
    graphs = {arm: _graph(each) for arm, each in executed.items()}
    matching = match(graphs[Arm.BASELINE], graphs[Arm.CANDIDATE])
    units = (
        *(Unit(ChangeKind.SAME, *pair) for pair in matching.same),
        *(Unit(ChangeKind.CHANGED, *pair) for pair in matching.changed),
        *(Unit(ChangeKind.REMOVED, number, None) for number in matching.removed),
        *(Unit(ChangeKind.ADDED, None, number) for number in matching.added),
    )
    columns: dict[Arm, dict[str, int]] = {arm: {} for arm in graphs}
    for column, unit in enumerate(units):
        for arm, number in ((Arm.BASELINE, unit.baseline), (Arm.CANDIDATE, unit.candidate)):
            if number is not None:
                columns[arm][graphs[arm].nodes[number].name] = column
    return Compared(graphs, matching, units, columns)


def _graph(executed: ExecutedGraph) -> Graph:
    """Read a graph, with the operations of functions that run inside of others and are only seen in the trace."""
    found = messages.RunMetadata.FromString(executed.run_metadata)
    merged, *others = found.partition_graphs  # one for each device
    for part in others:
        merged.MergeFrom(part)
    graph = executed_graph(merged, executed.found.inputs, executed.found.outputs)
    known = {node.name for node in graph.nodes} | _OUTSIDE
    steps = read_steps(executed.run_metadata)
    seen = {name: op for name, op in zip(steps.names, steps.ops, strict=True) if name not in known}
    inside = (Node(name, op, (), (), (), None) for name, op in sorted(seen.items()))
    return Graph((*graph.nodes, *inside))


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """All visits; arrays with a row a visit."""

    compared: Compared
    arm: NDArray[np.bool_]
    """True: candidate."""
    replica: NDArray[np.int64]
    request: NDArray[np.int64]
    own_ms: Floats
    """Execution without tracing."""
    cpu_ms: Floats
    traced_ms: Floats
    unit_ms: Floats
    """Visits x units; 0 where the arm does not have the unit."""
    calls: Floats
    """Arms x units: executions a request, mean."""


@dataclass(slots=True)
class Trace:
    """Visits as they come in."""

    compared: Compared
    visits: list[TracedVisit] = field(default_factory=list)
    rows: list[Floats] = field(default_factory=list)
    _calls: dict[Arm, Floats] = field(default_factory=dict)

    def add(self, visit: TracedVisit) -> Floats:
        """Read a visit's operations, and return the time of each unit, ms."""
        steps, columns = read_steps(visit.run_metadata), self.compared.columns[visit.arm]
        size = len(self.compared.units)
        places = np.array([columns.get(name, -1) for name in steps.names], np.int64)
        known = places >= 0
        row = np.bincount(places[known], weights=steps.own_ms[known], minlength=size).astype(np.float64)
        calls = np.bincount(places[known], minlength=size).astype(np.float64)
        self._calls[visit.arm] = self._calls.get(visit.arm, np.zeros(size)) + calls
        self.visits.append(_without_data(visit))
        self.rows.append(row)
        return row

    def table(self) -> Traced:
        """Return all visits so far."""
        visits, size = self.visits, len(self.compared.units)
        counts = [max(1, sum(visit.arm is arm for visit in visits)) for arm in Arm]
        sums = [self._calls.get(arm, np.zeros(size)) for arm in Arm]
        return Traced(
            compared=self.compared,
            arm=np.array([visit.arm is Arm.CANDIDATE for visit in visits], np.bool_),
            replica=np.array([visit.replica for visit in visits], np.int64),
            request=np.array([visit.request for visit in visits], np.int64),
            own_ms=_column(visit.own_ms for visit in visits),
            cpu_ms=_column(visit.cpu_ms for visit in visits),
            traced_ms=_column(visit.traced_ms for visit in visits),
            unit_ms=np.array(self.rows, np.float64).reshape(len(visits), size),
            calls=np.array([each / count for each, count in zip(sums, counts, strict=True)]),
        )


def _column(values: Iterable[float]) -> Floats:
    return np.fromiter(values, np.float64)


def _without_data(visit: TracedVisit) -> TracedVisit:
    return TracedVisit(
        visit.arm, visit.replica, visit.request, visit.start_s, visit.own_ms, visit.cpu_ms, visit.traced_ms, b""
    )
