"""Attribution: where the change of the execution time is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from perfgate.explain.attribution import attribute
from perfgate.explain.explanation import Attribution, ChangeKind
from tests.explain.graphs import Spec, spec
from tests.explain.measured import OUTSIDE_MS, TRACING, USUAL_MS, Design, Version, traced


def _op(name: str, op: str, source: str, **more: Any) -> Spec:
    return spec(name, op, source, T="float32", **more)


OLD = Version([_op("s/a", "Exp", "x"), _op("s/gone", "Sin", "s/a"), _op("t/set", "CumSum", "s/gone", reverse=0),
               _op("out", "Softmax", "t/set")])  # fmt: skip
NEW = Version([_op("s/a", "Exp", "x"), _op("t/set", "CumSum", "s/a", reverse=1), _op("t/more", "Tanh", "t/set"),
               _op("t/most", "Cosh", "t/more"), _op("out", "Softmax", "t/most")],
              ms={"t/set": 0.16, "t/most": 0.4, "t/more": 0.05})  # fmt: skip
PARTS = {"added": 0.45, "removed": -0.1, "changed": 0.06, "same": 0.0, "rest": 0.0}


def _parts(found: Attribution) -> dict[str, float]:
    return {part.name: part.change_ms.estimate for part in found.parts}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("noise", [0.004, 0.2])
def test_parts_add_up_to_the_change_exactly(seed: int, noise: float) -> None:
    found = attribute(traced(OLD, NEW, Design(seed=seed, noise=noise)), 3.0)
    assert sum(_parts(found).values()) == pytest.approx(found.change_ms.estimate, abs=1e-12)
    assert found.execute_ms[1] - found.execute_ms[0] == pytest.approx(found.change_ms.estimate, abs=1e-12)


def test_parts_are_what_was_added_removed_and_changed() -> None:
    found = attribute(traced(OLD, NEW, Design(seed=2)), 3.0)
    assert _parts(found) == pytest.approx(PARTS, abs=0.005)
    for part in found.parts:
        assert part.change_ms.low <= PARTS[part.name] <= part.change_ms.high
    assert found.execute_ms == pytest.approx((4 * USUAL_MS + OUTSIDE_MS, 0.81 + OUTSIDE_MS), rel=0.01)


def test_what_is_outside_of_operations_is_the_rest() -> None:
    slow = traced(OLD, OLD)
    found = attribute(replace(slow, own_ms=slow.own_ms + np.where(slow.arm, 0.07, 0.0)), 3.0)
    assert _parts(found)["rest"] == pytest.approx(0.07, abs=0.002)
    assert _parts(found)["same"] == pytest.approx(0.0, abs=0.002)


def test_operations_that_differ_come_first_by_their_size() -> None:
    found = attribute(traced(OLD, NEW), 3.0)
    assert [op.name for op in found.ops][:4] == ["t/most", "s/gone", "t/set", "t/more"]
    assert [op.significant for op in found.ops] == [True] * 4 + [False] * 4
    by_name = {op.name: op for op in found.ops}
    assert by_name["t/set"].detail == "reverse 0 -> 1"
    assert (by_name["t/most"].baseline_name, by_name["s/gone"].baseline_name) == ("", "s/gone")
    assert by_name["t/most"].times_ms == pytest.approx((0, 0.4), rel=0.01)
    assert by_name["s/gone"].calls == (1, 0)
    assert (found.op_count, found.executions, found.replicas, found.seconds) == ((4, 5), 80, 5, 3.0)


def test_groups_are_sums_over_types_and_scopes() -> None:
    found = attribute(traced(OLD, NEW), 3.0)
    scopes = {group.name: group.change_ms.estimate for group in found.by_scope}
    assert scopes == pytest.approx({"t": 0.51, "s": -0.1, "-": 0.0}, abs=0.01)
    assert next(iter(scopes)) == "t"
    types = {group.name: group.change_ms.estimate for group in found.by_type}
    assert types["Cosh"] == pytest.approx(0.4, abs=0.01)
    assert sum(types.values()) == pytest.approx(sum(scopes.values()))
    assert sum(scopes.values()) + _parts(found)["rest"] == pytest.approx(found.change_ms.estimate, abs=0.002)


@pytest.mark.parametrize(("slower", "named"), [(0.01, False), (0.04, True)])
def test_an_operation_of_both_versions_must_differ_by_more_than_its_placement(slower: float, named: bool) -> None:
    """Up to 2% of itself, and 0.5% of the execution time."""
    slow = replace(OLD, ms={"s/a": 2.0 * (1 + slower)})
    found = attribute(traced(replace(OLD, ms={"s/a": 2.0}), slow, Design(noise=0.0004)), 3.0)
    op = next(op for op in found.ops if op.name == "s/a")
    assert (op.kind, op.significant) == (ChangeKind.SAME, named)
    assert op.change_ms.low > 0, "measured all the same"


@pytest.mark.parametrize(("slower_ms", "named"), [(0.008, False), (0.014, True)])
def test_nor_does_a_small_one_count_that_differs_by_less_than_half_a_percent_of_all(
    slower_ms: float, named: bool
) -> None:
    old = replace(OLD, ms={"s/a": 1.4})
    new = replace(old, ms={"s/a": 1.4, "out": USUAL_MS + slower_ms})
    found = attribute(traced(old, new, Design(noise=0.0004)), 3.0)
    assert next(op for op in found.ops if op.name == "out").significant is named


def test_the_overhead_is_that_of_both_arms_together() -> None:
    found = attribute(traced(OLD, NEW), 3.0).tracing_overhead
    assert found.estimate == pytest.approx(TRACING - 1)
    slow = traced(OLD, NEW)
    found = attribute(replace(slow, traced_ms=np.where(slow.arm, 1.02, 1.0) * slow.traced_ms), 3.0).tracing_overhead
    assert found.estimate == pytest.approx(1.01 * TRACING - 1)
    assert found.low < found.estimate < found.high
