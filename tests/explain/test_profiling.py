from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from perfgate.experiment.tracing import TracedVisit
from perfgate.explain.profile import Profile
from perfgate.explain.profiling import layers_of, profile_of
from perfgate.explain.traces import Trace, Traced, compare_graphs
from perfgate.trials import Arm
from tests.explain.graphs import Spec, spec
from tests.explain.measured import OUTSIDE_MS, TRACING, USUAL_MS, Version, run_metadata, traced

RANKER = Version(
    [
        spec("ranker/dense_1/w", "ReadVariableOp", "x", dtype="float32"),
        spec("ranker/dense_1/MatMul", "MatMul", "x", "ranker/dense_1/w", T="float32"),
        spec("ranker/dense_1/Relu", "Relu", "ranker/dense_1/MatMul", T="float32"),
        spec("ranker/dense_2/MatMul", "MatMul", "ranker/dense_1/Relu", "ranker/dense_1/w", T="float32"),
        spec("out", "Softmax", "ranker/dense_2/MatMul", T="float32"),
    ],
    ms={"ranker/dense_1/MatMul": 0.8, "ranker/dense_2/MatMul": 0.4},
    calls={"ranker/dense_2/MatMul": 3},
)
TIMES_MS = {
    "ranker/dense_1/MatMul": 0.8,
    "ranker/dense_2/MatMul": 1.2,
    "ranker/dense_1/Relu": USUAL_MS,
    "out": USUAL_MS,
}
WHOLE_MS = sum(TIMES_MS.values()) + OUTSIDE_MS


def _alone(version: Version, factors: Sequence[float] = (0.98, 1.0, 1.01, 1.03), rounds: int = 4) -> Traced:
    """Trace one version, without a baseline; its servers are as fast as their factors say."""
    graph = version.executed()
    found = Trace(compare_graphs(dict.fromkeys(Arm, graph)))
    for number in range(rounds):
        for replica, factor in enumerate(factors):
            own_ms, made = factor * (version.whole_ms() + OUTSIDE_MS), run_metadata(version.execution(factor))
            found.add(
                TracedVisit(Arm.CANDIDATE, replica, number % 2, float(number), own_ms, own_ms, TRACING * own_ms, made)
            )
    return found.table()


@pytest.fixture(scope="module")
def found() -> Profile:
    return profile_of(_alone(RANKER), peak_bytes=77)


def test_each_operation_has_its_time_and_its_calls(found: Profile) -> None:
    mean = 1.005  # of the servers' factors
    assert {op.name: op.ms for op in found.ops} == pytest.approx(
        {name: mean * ms for name, ms in TIMES_MS.items()}, rel=1e-3
    )
    assert {op.name: op.calls for op in found.ops} == {
        "ranker/dense_1/MatMul": 1, "ranker/dense_2/MatMul": 3, "ranker/dense_1/Relu": 1, "out": 1,
    }  # fmt: skip
    assert [op.name for op in found.ops][:2] == ["ranker/dense_2/MatMul", "ranker/dense_1/MatMul"]
    assert (found.executions, found.replicas, found.peak_bytes) == (16, 4, 77)
    assert found.tracing_overhead == pytest.approx(TRACING - 1)
    assert found.execute_ms == pytest.approx(mean * WHOLE_MS, rel=1e-3)


def test_operations_and_the_rest_add_up_to_the_whole(found: Profile) -> None:
    assert sum(op.ms for op in found.ops) + found.rest_ms == pytest.approx(found.execute_ms, abs=1e-9)
    for groups in (found.by_type, found.by_layer):
        assert sum(each.ms for each in groups) + found.rest_ms == pytest.approx(found.execute_ms, abs=1e-9)
        assert [each.ms for each in groups] == sorted((each.ms for each in groups), reverse=True)


def test_types_and_layers_are_sums(found: Profile) -> None:
    ms = {op.name: op.ms for op in found.ops}
    types = {each.name: each.ms for each in found.by_type}
    assert types["MatMul"] == pytest.approx(ms["ranker/dense_1/MatMul"] + ms["ranker/dense_2/MatMul"])
    layers = {each.name: each.ms for each in found.by_layer}
    assert layers["dense_1"] == pytest.approx(ms["ranker/dense_1/MatMul"] + ms["ranker/dense_1/Relu"])
    assert set(layers) == {"dense_1", "dense_2", "-"}


def test_what_only_brings_something_is_left_out_unless_it_takes_time(found: Profile) -> None:
    assert "ReadVariableOp" not in {op.op for op in found.ops}
    assert found.op_count == 5, "it is executed all the same"
    slow = Version(RANKER.specs, ms={**RANKER.ms, "ranker/dense_1/w": 0.5}, calls=RANKER.calls)
    assert profile_of(_alone(slow)).ops[2].op == "ReadVariableOp"


def test_intervals_are_students_over_servers(found: Profile) -> None:
    whole = WHOLE_MS * np.array([0.98, 1.0, 1.01, 1.03])
    half = stats.t.ppf(0.995, 3) * whole.std(ddof=1) / 2
    assert (found.low, found.high) == pytest.approx((whole.mean() - half, whole.mean() + half), rel=1e-3)
    shown = [(each.low, each.ms, each.high) for each in found.ops]
    shown += [(each.low, each.ms, each.high) for each in (*found.by_type, *found.by_layer)]
    assert all(0 <= low <= ms <= high for low, ms, high in shown)
    ends = [(op.low, op.high) for op in found.ops]
    narrow = profile_of(_alone(RANKER, factors=(1.0, 1.001)))
    assert all(low < op.ms < high for op, (low, high) in zip(narrow.ops, ends, strict=True))


def test_the_interval_of_servers_that_differ_a_lot_ends_at_0() -> None:
    wild = profile_of(_alone(RANKER, factors=(0.1, 3.0)))
    assert wild.low == 0.0
    assert wild.high > wild.execute_ms


def test_of_two_arms_only_the_one_that_is_meant_counts() -> None:
    """The other version has an operation more, which this one does not execute."""
    added = spec("b", "Sin", "ranker/dense_2/MatMul", T="float32"), spec("out", "Softmax", "b", T="float32")
    more = Version([*RANKER.specs[:-1], *added], ms={**RANKER.ms, "b": 0.9}, calls=RANKER.calls)
    both = traced(more, RANKER)
    old, new = (profile_of(both, arm) for arm in Arm)
    assert "b" in {op.name for op in old.ops}
    assert "b" not in {op.name for op in new.ops}
    assert (old.op_count, new.op_count) == (6, 5)
    assert old.execute_ms - new.execute_ms == pytest.approx(0.9, rel=0.02)
    assert new.executions == old.executions == 40


def test_the_longest_100_operations_are_listed_and_all_are_counted() -> None:
    nodes: list[Spec] = [spec(f"s/op{number}", "Exp", "x", T="float32") for number in range(130)]
    many = Version([*nodes, spec("out", "Softmax", *(node.name for node in nodes), T="float32")],
                   ms={"s/op7": 5.0})  # fmt: skip
    found = profile_of(_alone(many))
    assert (len(found.ops), found.op_count) == (100, 131)
    assert found.ops[0].name == "s/op7"
    assert sum(each.ms for each in found.by_type) + found.rest_ms == pytest.approx(found.execute_ms)


@pytest.mark.parametrize(
    ("names", "layers"),
    [
        (["m/a/MatMul", "m/b/c/Add", "out"], ["a", "b", "-"]),
        (["a/MatMul", "b/Add"], ["a", "b"]),
        (["m/a/MatMul", "n/b/Add"], ["m", "n"]),
        (["m/a_1/MatMul", "m/b_1/x/Add"], ["a", "b"]),
        (["m/a_1/MatMul", "m/b/Add"], ["a_1", "b"]),
        (["StatefulPartitionedCall/m/a/MatMul", "StatefulPartitionedCall_1/m/b/Add"], ["a", "b"]),
        (["m/MatMul", "m/a/Add"], ["m", "a"]),
        (["MatMul", "out"], ["-", "-"]),
        ([], []),
    ],
)
def test_a_layer_is_its_scope_within_the_models_name(names: list[str], layers: list[str]) -> None:
    assert layers_of(names, [1.0] * len(names)) == layers


def test_what_takes_little_time_may_lie_outside_of_the_models_name() -> None:
    names = ["m/a_1/MatMul", "m/b_1/MatMul", "Func/input/_3", "a/kernel"]
    assert layers_of(names, [5.0, 5.0, 0.01, 0.01]) == ["a", "b", "Func", "a"]
    assert layers_of(names, [5.0, 5.0, 5.0, 0.01]) == ["m", "m", "Func", "a"]
