"""Preparation for a comparison happens once, however many stages need it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

import pytest

from perfgate.experiment.plan import make_plan
from perfgate.loadgen.trace import read_trace
from perfgate.payload.arms import request_differences
from perfgate.payload.record import record_scenario
from perfgate.payload.rest import rest_form
from perfgate.scenario.files import scenario_digest
from tests.cli.conftest import SCENARIO, Commands

ONE_A_COMPARISON = (request_differences, read_trace, scenario_digest, make_plan)
ONE_AN_ARM = (record_scenario, rest_form)
BUSY = (
    SCENARIO
    + """
[load]
arrivals = "trace"
trace = "trace"
[target]
protocol = "rest"
"""
)


@contextmanager
def _counted(*functions: Any) -> Iterator[Counter[str]]:
    """Count calls under every name that modules have for them."""
    names: dict[CodeType, str] = {function.__code__: function.__name__ for function in functions}
    found: Counter[str] = Counter()

    def see(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in names:
            found[names[frame.f_code]] += 1

    before = sys.getprofile()
    sys.setprofile(see)
    try:
        yield found
    finally:
        sys.setprofile(before)


@pytest.mark.slow
@pytest.mark.parametrize("against", ["a model", "a stored baseline"])
def test_a_comparison_is_prepared_once(commands: Commands, against: str) -> None:
    (commands.home / "trace").write_text("0\n0.01\n0.05\n")
    (commands.home / "s.toml").write_text(BUSY)
    commands.record("old")
    with _counted(*ONE_A_COMPARISON, *ONE_AN_ARM) as found:
        if against == "a model":
            commands.ends("compare", "old", "same", "-s", "s.toml", "--seed", "1", "--out", "out")
        else:
            commands.ends("run", "same", "--baseline", "prod", "--store", "kept", "-s", "s.toml", "--seed", "1")
    once = {function.__name__: 1 for function in ONE_A_COMPARISON}
    assert found == once | {function.__name__: 2 for function in ONE_AN_ARM}
