from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from perfgate.explain.explanation import Attribution, ChangeKind
from perfgate.explain.flame import OTHER, OUTSIDE, Bar, bars
from perfgate.explain.waterfall import steps
from tests.explain.samples import equal_models, extra_layer

CALL = "StatefulPartitionedCall/ranker"


@pytest.fixture
def found() -> Attribution:
    attribution = extra_layer().attribution
    assert attribution
    return attribution


def _named(shown: Sequence[Bar]) -> dict[str, Bar]:
    return {bar.name: bar for bar in shown}


@pytest.mark.parametrize("arm", [0, 1])
def test_bars_lie_within_their_parent_and_fill_it(found: Attribution, arm: int) -> None:
    ends: list[float] = []
    for bar in bars(found):
        del ends[bar.depth :]
        end_ms = bar.begin_ms[arm] + bar.times_ms[arm]
        if bar.depth:
            assert end_ms <= ends[-1] + 1e-9
        ends.append(end_ms)
    top = [bar for bar in bars(found) if bar.depth == 1]
    assert sum(bar.times_ms[arm] for bar in top) == pytest.approx(found.execute_ms[arm])


def test_differences_come_first_in_the_same_order_in_both_rows(found: Attribution) -> None:
    shown = bars(found)
    names = [
        bar.name.removeprefix("StatefulPartitionedCall/").removeprefix("ranker/") for bar in shown if bar.depth == 2
    ]
    assert names == ["tower/dense_2", "tower/extra", "tower/dense", "tower/dense_1", "head/MatMul", "head/Sigmoid",
                     "embedding/GatherV2", "embedding/Reshape", "concat/ConcatV2"]  # fmt: skip
    for arm in (0, 1):
        begins = [bar.begin_ms[arm] for bar in shown if bar.depth == 2]
        assert begins == sorted(begins)


def test_an_op_of_one_arm_has_no_room_in_the_other(found: Attribution) -> None:
    shown = _named(bars(found))
    added, removed = shown[f"{CALL}/tower/extra/MatMul"], shown[f"{CALL}/tower/dense_2/_FusedMatMul"]
    assert (added.kind, added.times_ms, added.differs) == (ChangeKind.ADDED, (0.0, 0.168), True)
    assert (removed.kind, removed.times_ms, removed.differs) == (ChangeKind.REMOVED, (0.098, 0.0), True)


def test_what_the_list_leaves_out_is_one_bar(found: Attribution) -> None:
    few = replace(found, ops=found.ops[:3])
    shown = _named(bars(few))
    for arm in (0, 1):
        listed_ms = sum(op.times_ms[arm] for op in few.ops)
        assert shown[OTHER].times_ms[arm] == pytest.approx(found.execute_ms[arm] - listed_ms)
    assert OUTSIDE not in shown
    assert _named(bars(found))[OUTSIDE].times_ms == pytest.approx((0.492, 0.4945))


def test_ops_that_overlap_leave_nothing_outside(found: Attribution) -> None:
    assert OUTSIDE not in _named(bars(replace(found, execute_ms=(0.5, 0.6))))


def test_deep_scopes_end_in_their_ops(found: Attribution) -> None:
    deep = replace(found.ops[0], name="a/b/c/d/e/f/MatMul")
    beside = [replace(found.ops[1], name=f"{'a/b/c/d/e'[:length]}/x") for length in (1, 3, 5, 7, 9)]
    shown = bars(replace(found, ops=(deep, *beside)))
    assert max(bar.depth for bar in shown) == 4
    assert "a/b/c/d/e/f/MatMul" in _named(shown)


def test_steps_lead_from_the_baseline_to_the_candidate(found: Attribution) -> None:
    placed = steps(found)
    assert [step.name for step in placed] == ["added", "removed", "changed", "same", "rest"]
    assert placed[0].begin_ms == found.execute_ms[0]
    assert all(later.begin_ms == before.end_ms for before, later in pairwise(placed))
    assert placed[-1].end_ms == pytest.approx(found.execute_ms[1])
    assert placed[1].begin_ms == pytest.approx(1.734 + 0.308)
    assert placed[1].reach_ms == pytest.approx((1.734 + 0.308 - 0.098 * 1.03, 1.734 + 0.308 - 0.098 * 0.97))


def test_equal_models_have_no_bar_that_differs() -> None:
    equal = equal_models().attribution
    assert equal
    assert not any(bar.differs for bar in bars(equal))
