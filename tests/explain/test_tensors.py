from __future__ import annotations

from dataclasses import replace

from perfgate.experiment.tracing import ExecutedGraph
from perfgate.explain.tensors import peak_changes, read_tensors
from perfgate.explain.traces import compare_graphs
from perfgate.trials import Arm
from tests.explain.graphs import spec
from tests.explain.measured import Ran, Version, run_metadata

MODEL = Version([spec("a", "Exp", "x", T="float32"), spec("out", "Softmax", "a", T="float32")])


def _ran(name: str, *allocations: tuple[int, int], output: tuple[str, tuple[int, ...]] | None = None) -> Ran:
    return Ran(name, "Exp", 0, 10, output=output, allocations=allocations)


def test_the_peak_is_where_most_is_allocated_and_what_is_alive_then() -> None:
    """After 0: 100; 10: 100+50; 20: 50 (a is freed); 30: 50+90; 40: 90; 50: 190."""
    found = read_tensors(
        run_metadata([
            _ran("a", (0, 100), (20, -100)), _ran("b", (10, 50), (40, -50)), _ran("c", (30, 90)), _ran("d", (50, 100)),
        ])
    )  # fmt: skip
    assert found.peak_bytes == 190
    assert found.alive == {"c": 90, "d": 100}


def test_a_peak_in_the_middle_has_what_was_not_yet_freed() -> None:
    found = read_tensors(run_metadata([_ran("a", (0, 100), (20, -100)), _ran("b", (10, 50), (40, -50)), _ran("c")]))
    assert (found.peak_bytes, found.alive) == (150, {"a": 100, "b": 50})


def test_what_is_freed_in_the_instant_in_which_other_memory_is_allocated_comes_first() -> None:
    found = read_tensors(run_metadata([_ran("a", (0, 100), (20, -100)), _ran("b", (20, 80))]))
    assert (found.peak_bytes, found.alive) == (100, {"a": 100})


def test_without_records_nothing_is_alive() -> None:
    found = read_tensors(run_metadata([_ran("a")]))
    assert (found.peak_bytes, found.alive, found.outputs) == (0, {}, {})


def test_outputs_have_type_shape_and_size() -> None:
    found = read_tensors(run_metadata([_ran("a", output=("float32", (4, 8))), _ran("b", output=("int64", ()))]))
    assert (str(found.outputs["a"]), found.outputs["a"].elements) == ("float32[4, 8]", 32)
    assert (str(found.outputs["b"]), found.outputs["b"].elements) == ("int64[]", 1)


def _executed(*calls: Ran) -> ExecutedGraph:
    return replace(MODEL.executed(), run_metadata=run_metadata(calls, MODEL.nodes))


def test_what_is_alive_is_compared_with_the_largest_difference_first() -> None:
    old = _executed(_ran("a", (0, 100), output=("float32", (25,))), _ran("out", (1, 500)))
    new = _executed(_ran("a", (0, 300), output=("float32", (75,))), _ran("out", (1, 510)))
    executed = {Arm.BASELINE: old, Arm.CANDIDATE: new}
    found = peak_changes(compare_graphs(executed), {a: read_tensors(each.run_metadata) for a, each in executed.items()})
    assert [(each.name, each.size_bytes) for each in found] == [("a", (100, 300)), ("out", (500, 510))]
    assert found[0].shapes == ("float32[25]", "float32[75]")
    assert {each.kind for each in found} == {"tensor"}
