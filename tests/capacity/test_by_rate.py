"""Turns grouped by rate."""

from __future__ import annotations

import pytest

from perfgate.capacity.points import by_rate
from perfgate.capacity.search import Ask
from perfgate.capacity.turn import Stage
from tests.capacity.turns import curve


def test_groups_come_in_order_of_their_mean_rates() -> None:
    """A tested rate may lie within a step of others, below some of its turns and above others."""
    rates = [(583.0, Stage.SEARCH), (605.0, Stage.SEARCH), (606.0, Stage.SEARCH), (590.0, Stage.TEST)]
    turns = [curve(Ask(rate, stage, 0, number), 0.0) for number, (rate, stage) in enumerate(rates)]
    for tested in (580.0, 590.0, 602.0, 610.0):
        turns[-1] = curve(Ask(tested, Stage.TEST, 0, 3), 0.0)
        means = [sum(turn.rate_rps for turn in group) / len(group) for group in by_rate(turns, (tested,))]
        assert means == sorted(means)
        assert tested in means


@pytest.mark.parametrize("stage", list(Stage))
def test_only_turns_of_the_last_stage_stand_at_a_tested_rate(stage: Stage) -> None:
    turns = [curve(Ask(600.0, Stage.TEST, 0, 0), 0.0), curve(Ask(601.0, stage, 0, 1), 0.0)]
    groups = by_rate(turns, (600.0, 601.0))
    assert len(groups) == 2
