from __future__ import annotations

from dataclasses import replace

import numpy as np

from perfgate.experiment.tracing import ExecutedGraph, TracedVisit
from perfgate.explain.explanation import ChangeKind
from perfgate.explain.traces import Compared, Trace, compare_graphs
from perfgate.serving.interface import TracedGraph
from perfgate.trials import Arm
from tests.explain.graphs import spec
from tests.explain.measured import Ran, Version, run_metadata

OLD = Version([spec("a", "Exp", "x", T="float32"), spec("out", "Softmax", "a", T="float32")])
NEW = Version(
    [spec("a", "Exp", "x", T="float32"), spec("b", "Sin", "a", T="float32"), spec("out", "Softmax", "b", T="float32")]
)


def _compared(old: Version = OLD, new: Version = NEW) -> Compared:
    return compare_graphs({Arm.BASELINE: old.executed(), Arm.CANDIDATE: new.executed()})


def _names(compared: Compared) -> dict[str, ChangeKind]:
    return {compared.node(unit).name: unit.kind for unit in compared.units}


def test_a_unit_is_an_operation_of_both_versions_or_of_one() -> None:
    compared = _compared()
    same = dict.fromkeys(("x", "a", "out", "y"), ChangeKind.SAME)
    assert _names(compared) == {**same, "b": ChangeKind.ADDED}
    assert _names(_compared(NEW, OLD)) == {**same, "b": ChangeKind.REMOVED}
    assert int(compared.differs.sum()) == 1
    assert not _compared(NEW, NEW).differs.any()
    added = compared.unit_of(Arm.CANDIDATE)["b"]
    assert compared.nodes(added)[0] is None
    assert "b" not in compared.unit_of(Arm.BASELINE)


def test_ends_have_the_names_of_the_signature() -> None:
    executed = OLD.executed()
    other = replace(executed, found=TracedGraph(("features",), ("scores",), (0,), 0))
    units = compare_graphs({Arm.BASELINE: executed, Arm.CANDIDATE: other}).units
    assert {unit.kind for unit in units} == {ChangeKind.SAME}


def test_operations_that_only_the_trace_shows_are_units_too() -> None:
    """The bodies of loops run as operations of functions, which are not among the graph's nodes."""
    inside = [*NEW.execution(), Ran("while/body/Mul", "Mul", 10**7, 100), Ran("_SOURCE", "NoOp", 0, 5)]
    new = ExecutedGraph(NEW.executed().found, run_metadata(inside, NEW.nodes))
    compared = compare_graphs({Arm.BASELINE: OLD.executed(), Arm.CANDIDATE: new})
    assert _names(compared)["while/body/Mul"] is ChangeKind.ADDED
    assert "_SOURCE" not in _names(compared)


def _visit(arm: Arm, replica: int, *calls: Ran, own_ms: float = 1.0) -> TracedVisit:
    return TracedVisit(arm, replica, 0, 0.5, own_ms, 0.9, 1.1, run_metadata(calls))


def test_a_row_has_the_time_of_each_unit_and_calls_are_counted() -> None:
    found = Trace(_compared())
    out = Ran("out", "Softmax", 500, 1_000)
    row = found.add(_visit(Arm.BASELINE, 3, Ran("a", "Exp", 0, 100), Ran("a", "Exp", 200, 100), out, own_ms=2.0))
    found.add(_visit(Arm.BASELINE, 3, Ran("a", "Exp", 0, 100), out, Ran("unknown", "Pow", 3_000, 9)))
    found.add(_visit(Arm.CANDIDATE, 4, Ran("b", "Sin", 0, 700)))
    table, at = found.table(), {found.compared.node(unit).name: n for n, unit in enumerate(found.compared.units)}
    assert {name: round(row[n] * 1e6) for name, n in at.items()} == {"x": 0, "a": 200, "out": 1_000, "y": 0, "b": 0}
    assert table.calls[:, at["a"]].tolist() == [1.5, 0]
    assert table.calls[:, at["b"]].tolist() == [0, 1]
    np.testing.assert_allclose(table.unit_ms[:, at["b"]] * 1e6, [0, 0, 700])
    assert table.arm.tolist() == [False, False, True]
    assert table.replica.tolist() == [3, 3, 4]
    assert (table.own_ms.tolist(), table.cpu_ms[0], table.traced_ms[0]) == ([2.0, 1.0, 1.0], 0.9, 1.1)
    assert not any(visit.run_metadata for visit in found.visits), "a long run keeps no traces in memory"


def test_no_visits_are_an_empty_table() -> None:
    table = Trace(_compared()).table()
    assert table.unit_ms.shape == (0, 5)
    assert table.calls.tolist() == [[0.0] * 5] * 2
