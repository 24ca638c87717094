"""Causes outside of the graph's differences: each finder on invented evidence, from both sides of its threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from perfgate.explain.attribution import attribute
from perfgate.explain.cause_table import BY_CODE
from perfgate.explain.evidence import Evidence
from perfgate.explain.explanation import Cause, Fact, Finding, Interval, StaticDifferences, TensorChange
from perfgate.explain.other_causes import other_causes
from perfgate.explain.traces import Traced
from perfgate.trials import Arm, Memory, ReplicaFacts
from tests.explain.graphs import spec
from tests.explain.measured import Design, Version, traced

NONE = StaticDifferences((), (), (), (0, 0, 0), (), ())
HUGE = 64 << 20
MODEL = Version([spec("a", "MatMul", "x", T="float32"), spec("out", "Softmax", "a", T="float32")])
EXECUTE_MS = 0.5


@pytest.fixture(scope="module")
def table() -> Traced:
    """Two equal models, each execution of exactly 0.5 ms, all of it on a CPU."""
    return traced(MODEL, MODEL, Design(noise=0.0))


def _evidence(**found: object) -> Evidence:
    return replace(Evidence({arm: arm.value for arm in Arm}), **found)  # type: ignore[arg-type]


def _static(**found: object) -> Evidence:
    return _evidence(static=replace(NONE, **found))  # type: ignore[arg-type]


def _weighed(evidence: Evidence) -> dict[str, tuple[Cause, float]]:
    attribution = attribute(evidence.traced, 1.0) if evidence.traced else None
    found = other_causes(evidence, attribution)
    assert all(cause.sentence.startswith(BY_CODE[cause.code].meaning[:-1]) for cause, _ in found)
    assert all(cause.remedy == BY_CODE[cause.code].remedy for cause, _ in found)
    return {cause.code: (cause, weight) for cause, weight in found}


def _codes(evidence: Evidence) -> list[str]:
    return list(_weighed(evidence))


def test_nothing_is_found_in_nothing(table: Traced) -> None:
    assert _codes(_evidence()) == []
    assert _codes(_evidence(static=NONE, traced=table, cpus=2)) == []


def test_a_python_function_weighs_more_than_all_others() -> None:
    finding = Finding("python function", (0, 1), "StatefulPartitionedCall/model/EagerPyFunc")
    settings = {Arm.BASELINE: {"cpus": 1}, Arm.CANDIDATE: {"cpus": 2}}
    static = replace(NONE, findings=(finding,))
    found = _weighed(_evidence(static=static, settings=settings, problem="it does not load"))
    assert found["python function"][0].sentence.endswith(": model/EagerPyFunc")
    assert found["python function"][0].evidence == ("it does not load",)
    assert found["python function"][1] > found["server settings"][1] > 100
    assert _codes(_static(findings=(replace(finding, nodes=(1, 1)),))) == []


def test_settings_that_differ_are_listed() -> None:
    same = {"intra_op_threads": 1, "rpc_threads": 4}
    found = _weighed(_evidence(settings={Arm.BASELINE: same, Arm.CANDIDATE: {**same, "rpc_threads": 2}}))
    assert found["server settings"][0].sentence.endswith(": rpc_threads 4 -> 2")
    assert _codes(_evidence(settings={Arm.BASELINE: same, Arm.CANDIDATE: dict(same)})) == []
    assert _codes(_evidence(settings={Arm.CANDIDATE: same})) == []


@pytest.mark.parametrize(
    ("threads", "cpus", "times_ms", "is_named"),
    [
        (4, 2, (0.2, 0.0), True),
        (4, 2, (0.2, 0.1), True),
        (4, 2, (0.2, 0.3), False),  # it computes more, and takes longer by that
        (2, 2, (0.2, 0.0), False),
        (4, 0, (0.2, 0.0), False),  # unknown
        (4, 2, (0.0, 0.0), False),
        (0, 2, (0.2, 0.0), False),  # one per core
    ],
)
def test_threads_compete_if_there_are_more_than_cpus_and_cpu_time_is_spent(
    table: Traced, threads: int, cpus: int, times_ms: tuple[float, float], is_named: bool
) -> None:
    spent_ms, longer_ms = times_ms
    more = replace(
        table,
        cpu_ms=table.cpu_ms + np.where(table.arm, spent_ms, 0.0),
        own_ms=table.own_ms + np.where(table.arm, longer_ms, 0.0),
    )
    settings = {arm: {"intra_op_threads": 1, "inter_op_threads": threads} for arm in Arm}
    found = _weighed(_evidence(traced=more, settings=settings, cpus=cpus))
    assert ("too many threads" in found) is is_named
    if is_named:
        assert found["too many threads"][1] == pytest.approx(spent_ms / EXECUTE_MS)
        assert f"{threads} threads on {cpus} CPUs" in found["too many threads"][0].sentence


def _memory(baseline: Sequence[float], candidate: Sequence[float]) -> tuple[tuple[Arm, Memory], ...]:
    sides = ((Arm.BASELINE, baseline), (Arm.CANDIDATE, candidate))
    return tuple((arm, Memory(400.0, 400.0, 300.0, mib)) for arm, side in sides for mib in side)


@pytest.mark.parametrize(
    ("before", "more", "is_named"),
    [
        (100, 7.9, False),
        (100, 8.1, True),
        (1000, 49, False),
        (1000, 51, True),
        (100, -50, False),
    ],
)
def test_memory_must_grow_by_8_mib_and_by_5_percent(before: float, more: float, is_named: bool) -> None:
    found = _weighed(_evidence(memory=_memory([before] * 3, [before + more] * 3)))
    assert bool(found) is is_named
    if is_named:
        assert found["memory grown"][1] == pytest.approx(more / before)


def test_memory_that_varies_is_not_called_grown() -> None:
    assert _codes(_evidence(memory=_memory([100, 130, 160], [120, 150, 180]))) == []
    assert _codes(_evidence(memory=_memory([100, 100], [200]))) == [], "one server says nothing"
    assert _codes(_evidence(memory=_memory([100, 100], [200, float("nan")]))) == []


def test_memory_names_at_most_three_tensors_that_grew() -> None:
    tensors = [
        TensorChange("variable", f"table_{n}", ("", f"float32[{n}, 4]"), (0 if n else 9, 1 << 20)) for n in range(4)
    ]
    smaller = TensorChange("variable", "small", ("float32[9]", "float32[8]"), (36, 32))
    static = replace(NONE, tensors=(smaller, *tensors))
    cause, _ = _weighed(_evidence(static=static, memory=_memory([100] * 2, [150] * 2)))["memory grown"]
    assert cause.evidence[1] == "variable table_0: none -> float32[0, 4], +1 MiB"
    assert [each.split()[1] for each in cause.evidence[1:]] == ["table_0:", "table_1:", "table_2:"]


def _first(arm: Arm, *first_ms: float) -> tuple[ReplicaFacts, ...]:
    return tuple(ReplicaFacts(n, arm, 0, n, 1, 0.5, each, 20, 1.0, warm=True) for n, each in enumerate(first_ms))


@pytest.mark.parametrize(
    ("baseline", "candidate", "is_named"),
    [
        ((50, 60, 70), (210, 220, 230), True),
        ((100, 101, 102), (198, 199, 200), False),  # less than twice
        ((100, 101, 102), (202, 203, 204), True),
        ((20, 20, 20), (69, 69, 69), False),  # less than 50 ms
        ((20, 20, 20), (71, 71, 71), True),
        ((50, 60, 400), (210, 220, 230), False),  # one of the baseline is as slow
    ],
)
def test_a_first_request_is_slow_if_it_takes_twice_as_long_in_every_server(
    baseline: tuple[float, ...], candidate: tuple[float, ...], is_named: bool
) -> None:
    replicas = (*_first(Arm.BASELINE, *baseline), *_first(Arm.CANDIDATE, *candidate))
    found = _weighed(_evidence(replicas=replicas))
    assert bool(found) is is_named
    if is_named:
        cold_start_ms = 500 + baseline[1]
        assert found["first request slow"][1] == pytest.approx((candidate[1] - baseline[1]) / cold_start_ms)


def test_a_first_request_names_what_is_compiled_and_warm_up_requests() -> None:
    replicas = (*_first(Arm.BASELINE, 50, 60), *_first(Arm.CANDIDATE, 900, 950))
    assert _codes(_evidence(replicas=replicas[:3])) == [], "one server says nothing"
    finding, fact = Finding("compiled by XLA", (0, 2), "model/jit"), Fact("warm-up requests", ("1.0 KiB, ab", "none"))
    told = "warm-up requests in the model: 1.0 KiB, ab -> none"
    for static, more in (
        (replace(NONE, findings=(finding,)), ["compiled by XLA at the first request of each shape: model/jit"]),
        (replace(NONE, findings=(replace(finding, nodes=(2, 2)),)), []),
        (replace(NONE, facts=(fact,)), [told]),
    ):
        cause, _ = _weighed(_evidence(replicas=replicas, static=static))["first request slow"]
        assert list(cause.evidence[:-1]) == more
        assert cause.evidence[-1] == "slowest of the baseline 60.0 ms, fastest of the candidate 900 ms"


@pytest.mark.parametrize(
    ("kind", "sizes", "is_named"),
    [
        ("constant", (0, HUGE), True),
        ("constant", (0, HUGE - 1), False),
        ("constant", (HUGE - 1, HUGE), True),
        ("constant", (HUGE, HUGE), False),  # it was there before
        ("variable", (0, HUGE), False),
    ],
)
def test_constants_are_huge_from_64_mib(kind: str, sizes: tuple[int, int], is_named: bool) -> None:
    tensor = TensorChange(kind, "vocabulary", ("", "float32[9]"), sizes)
    assert _codes(_static(tensors=(tensor,))) == ["huge constants"] * is_named


@pytest.mark.parametrize(
    ("name", "values", "is_named"),
    [
        ("input x", ("float32[?, 16]", "float32[1, 16]"), True),
        ("input x", ("float32[1, 16]", "float32[?, 16]"), False),
        ("input x", ("float32[?, 16]", "float32[?, 8]"), False),
        ("input x", ("", "float32[1, 16]"), False),
        ("input x", ("float32?", "float32[1, 16]"), False),
        ("output y", ("float32[?, 4]", "float32[1, 4]"), False),
    ],
)
def test_a_signature_is_not_batched_if_the_first_dimension_was_free_and_is_fixed(
    name: str, values: tuple[str, str], is_named: bool
) -> None:
    assert _codes(_static(facts=(Fact(name, values),))) == ["not batched"] * is_named


def test_padding_is_waste_from_two_percent_of_the_rows() -> None:
    assert _codes(_evidence(padding_share=(0.10, 0.119))) == []
    (cause, weight) = _weighed(_evidence(padding_share=(0.10, 0.25)))["padding waste"]
    assert cause.sentence.endswith(": 10% -> 25% of the rows")
    assert weight == pytest.approx(0.15)


def test_growth_that_a_run_found_is_named() -> None:
    cause, _ = _weighed(_evidence(growth_mb_per_1k=(0.1, 12.0)))["memory growth"]
    assert cause.sentence.endswith(": 0.100 -> 12.0 MiB/1k requests")


@pytest.mark.parametrize(
    ("waiting_ms", "longer_ms", "is_named"),
    [(0.009, 0.1, False), (0.012, 0.1, True), (0.1, 0.0, False), (0.1, 0.1, True)],
)
def test_waiting_is_two_percent_of_an_execution_that_became_longer(
    table: Traced, waiting_ms: float, longer_ms: float, is_named: bool
) -> None:
    own_ms = table.own_ms + np.where(table.arm, longer_ms, 0.0)
    waits = replace(table, own_ms=own_ms, cpu_ms=own_ms - np.where(table.arm, waiting_ms, 0.0))
    found = _weighed(_evidence(traced=waits))
    assert ("waiting" in found) is is_named
    if is_named:
        assert found["waiting"][1] == pytest.approx(waiting_ms / EXECUTE_MS, rel=1e-3)


def test_cpu_time_of_several_threads_hides_no_waiting_of_others(table: Traced) -> None:
    own_ms = table.own_ms + np.where(table.arm, 0.1, 0.0)
    busy = replace(table, own_ms=own_ms, cpu_ms=np.where(table.arm, own_ms, 3 * own_ms))
    assert "waiting" not in _codes(_evidence(traced=busy)), "more than the wall time is no negative waiting"


def _slower(matmul: float, softmax: float = 1.0, op: str = "MatMul") -> dict[str, tuple[Cause, float]]:
    """Return what is found in equal graphs whose operations take so many times as long."""
    specs = [replace(each, op=op) if each.op == "MatMul" else each for each in MODEL.specs]
    new = Version(specs, ms={"a": 0.1 * matmul, "out": 0.1 * softmax})
    return _weighed(_evidence(traced=traced(Version(specs), new, Design(noise=0.0005))))


def test_operations_of_both_versions_are_slower_from_one_percent_of_the_execution() -> None:
    assert _slower(1.02) == {}
    found = _slower(1.07)
    assert list(found) == ["same graph"]
    cause, weight = found["same graph"]
    assert weight == pytest.approx(0.007 / EXECUTE_MS, rel=0.1)
    assert (cause.ops, cause.evidence) == (("a",), ("MatMul a: 0.100 ms -> 0.107 ms",))
    assert cause.change_ms is not None
    assert cause.change_ms.estimate == pytest.approx(0.007, rel=0.1)


def test_with_other_settings_no_operation_is_blamed() -> None:
    found = traced(Version(MODEL.specs), Version(MODEL.specs, ms={"a": 0.107, "out": 0.1}), Design(noise=0.0005))
    settings = {Arm.BASELINE: {"inter_op_threads": 4}, Arm.CANDIDATE: {"inter_op_threads": 1}}
    assert _codes(_evidence(traced=found)) == ["same graph"]
    assert _codes(_evidence(traced=found, settings=settings)) == ["server settings"]


def test_what_the_execution_without_tracing_has_no_room_for_is_of_the_tracing() -> None:
    found = traced(Version(MODEL.specs), Version(MODEL.specs, ms={"a": 0.107, "out": 0.1}), Design(noise=0.0005))
    evidence, slower = _evidence(traced=found), attribute(found, 1.0)
    assert [cause.code for cause, _ in other_causes(evidence, slower)] == ["same graph"]
    unchanged = replace(slower, change_ms=Interval(0.0, -0.001, 0.001))
    assert other_causes(evidence, unchanged) == ()


def test_one_operation_that_is_slower_than_its_placement_explains_is_named_beside_faster_ones() -> None:
    cause, weight = _slower(1.05, softmax=0.95)["same graph"]
    assert cause.ops == ("a",)
    assert cause.change_ms is not None
    assert cause.change_ms.estimate == pytest.approx(0.005, rel=0.1)
    assert weight == pytest.approx(0.005 / EXECUTE_MS, rel=0.1)
    assert _slower(1.02, softmax=0.98) == {}


def test_faster_operations_are_no_cause() -> None:
    assert _slower(0.5) == {}


def test_arithmetic_that_takes_three_times_as_long_is_denormal() -> None:
    assert list(_slower(2.9)) == ["same graph"]
    assert list(_slower(3.1)) == ["denormals"]
    assert list(_slower(3.1, op="GatherV2")) == ["same graph"], "no arithmetic"
