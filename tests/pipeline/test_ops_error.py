"""Blocks of the metric `changed_ops_ms`."""

from __future__ import annotations

import numpy as np
import pytest

from perfgate.experiment.tracing import TracedVisit
from perfgate.explain.explanation import ChangeKind
from perfgate.explain.matching import Matching
from perfgate.explain.traces import Compared, Unit
from perfgate.model.graph import Graph, Node
from perfgate.pipeline.ops import block_of
from perfgate.stats.table import Columns
from perfgate.trials import Arm, Conditions

CALM = Conditions(0.0, 0.0)
UNITS = (Unit(ChangeKind.SAME, 0, 0), Unit(ChangeKind.ADDED, None, 1))
OPS = Graph(tuple(Node(name, "Mul", (), (), (), None) for name in ("old", "new")))
COMPARED = Compared(dict.fromkeys(Arm, OPS), Matching(((0, 0),), (), (), (1,)), UNITS, {arm: {} for arm in Arm})


def times(own_ms: tuple[float, ...], new_ms: tuple[float, ...]) -> list[float]:
    """Return the block's times: baselines first, whose added operation takes nothing."""
    equal = len(own_ms) - len(new_ms)
    arms, new = [Arm.BASELINE] * equal + [Arm.CANDIDATE] * len(new_ms), (0.0,) * equal + new_ms
    visits = [TracedVisit(arm, 0, 0, 0.0, own, own, own, b"") for arm, own in zip(arms, own_ms, strict=True)]
    block = block_of(0, visits, [np.array([own - ms, ms]) for own, ms in zip(own_ms, new, strict=True)], COMPARED, CALM)
    return [float(ms) for ms in Columns.of(block.trials).service_ms]


def test_the_arms_differ_by_what_was_added_and_not_by_what_both_have() -> None:
    assert times((2.0, 2.0, 5.0, 6.0), (0.1, 0.2)) == pytest.approx([2.0, 2.0, 2.1, 2.2])


def test_the_spread_of_the_execution_times_counts_as_much_as_it_moves_the_ratio() -> None:
    """With 0.5 ms added to 2 ms, an execution time that is 0.1 ms longer lowers the ratio by 0.5 / 2.5 x 0.1 / 2."""
    low, middle, high, slower = times((1.9, 2.0, 2.1, 2.5), (0.5,))
    assert (slower, middle) == pytest.approx((2.5, 2.0))
    moved = np.log(2.5 / 2.0) - np.log(2.6 / 2.1)
    assert [np.log(high / middle), np.log(middle / low)] == pytest.approx([moved] * 2, rel=0.06)


def test_equal_operations_leave_the_baseline_as_it_is() -> None:
    assert times((1.9, 2.0, 2.1, 2.0), (0.0,)) == pytest.approx([2.0] * 4)


def test_an_interrupted_execution_of_the_baseline_moves_its_trial_no_further_than_two_deviations() -> None:
    own_ms = (1.9, 1.95, 2.0, 2.05, 2.1)
    calm, struck = (times((*own_ms[:-1], last, 2.5), (0.5,)) for last in (2.1, 6.1))
    assert calm[-2] == pytest.approx(2.0 + 0.1 * 0.5 / 2.5)
    assert struck[-2] == pytest.approx(2.0 + 3 * 0.05 * 0.5 / 2.5)
    assert struck[:-2] == pytest.approx(calm[:-2])
