"""The method's page has the program's numbers."""

from __future__ import annotations

import pytest

from perfgate.baseline import levels, numbers
from perfgate.experiment import cautions, overload, plan, warmup
from perfgate.gate import remedy, stopping, validity
from perfgate.scenario.schema import Budget, Gate
from perfgate.stats import contrast, days, payloads, prediction, replicate
from perfgate.stats.sequential import nominal_levels
from tests.docs.pages import ROOT

METHOD = " ".join((ROOT / "docs" / "explanation" / "method.md").read_text(encoding="utf-8").split())
BASELINES = " ".join((ROOT / "docs" / "reference" / "baselines.md").read_text(encoding="utf-8").split())


@pytest.mark.parametrize(
    "words",
    [
        f"Several replicas of each arm ({Budget().replicas} by default)",
        f"in turns of {plan._TURN_S[0]:g} to {plan._TURN_S[1]:g} s, of a closed loop {plan._CLOSED_TURN_S[0]:g} s at",
        f"when the last {warmup.WINDOW} requests show no downward trend",
        f"one-sided, p ≥ {warmup.TREND_LEVEL:g}",
        f"at most {100 * (warmup.STILL_FALLING - 1):.0f} % above that of their second",
        f"repeated every {warmup._AT_A_TIME} requests, up to {warmup.MAX_REQUESTS}",
        f"{100 * plan._WARMUP_SHARE:.0f} % of the budget over all servers",
        f"where half of it is up, {warmup.SHORT_WINDOW} requests are enough",
        f"longer than a quarter of the turn ({overload._OF_A_TURN * overload._LONG_TURN_S:g} s in turns of",
        f"used more than {100 * cautions.GENERATOR_LIMIT:.0f} % of a core each",
        f"actual minus scheduled, is above {cautions._LAG_LIMIT_MS:g} ms",
        f"A lag of more than {cautions._LATE_MS:g} ms",
        f"the mean of the arms' {100 * payloads.LEVEL_TRIM:.0f} % trimmed means",
        f"An execution counts as {payloads.FAR_SD:g} robust standard deviations",
        f"surely further apart in this payload than over all ({payloads.APART_SE:g} standard",
        f"where it has fewer than {payloads._FEW} values",
        f"Where more than {100 * replicate.COARSE_SHARE:.0f} % of CPU times are 0",
        f"moved by {stopping.LUCK_SD:g} standard deviations",
        f"with fewer than {plan.ENOUGH_FOR_EARLY_LOOKS} an arm takes no look before {8 * plan.FIRST_LOOK:g}/8 of",
        f"{replicate.requests_for_quantile(0.99):,} for p99, {replicate.requests_for_quantile(0.999):,} for p99.9",
        f"at least {contrast.SPARE_DF} degrees of freedom are left",
        f"(t-test at {100 * contrast.SLOPE_ALPHA:.0f} %)",
        f"With fewer than {contrast.LEAST_PAIRS} pairs",
        f"each at level \N{GREEK SMALL LETTER ALPHA} ({100 * Gate().alpha:.0f} % by default)",
        f"when more than {100 * validity.MOST_FAILED:.0f} % of an arm's requests failed",
        f"(`budget.looks`, {Budget().looks} by default",
        f"with {100 * remedy.POWER:.0f} % power (`detectable`)",
        f"Above {remedy.MOST_TIMES} times the time it says that none is practical",
        f"up to {remedy.MOST_REPLICAS} an arm",
        f"with correlation exp(\N{MINUS SIGN}hours / {prediction.CORRELATION_H[1]:g})",
        "From five days on",
        f"less than {days.DAY_H:g} hours before the newest of their day",
        f"the **prior**, with {prediction.PRIOR_DF:.0f} degrees of freedom: {100 * prediction._PRIOR_SD:.0f} %",
        f"{100 * prediction._PRIOR_MEMORY_SD:.0f} % for memory",
    ],
)
def test_the_method_is_the_programs(words: str) -> None:
    assert words in METHOD


def test_the_levels_of_eight_looks_are_those_of_the_page() -> None:
    levels = nominal_levels(tuple(k / 8 for k in range(1, 9)), 0.01)
    percent = [f"{100 * level:.{3 if level < 5e-4 else 2}f}" for level in levels]
    assert f"they are {', '.join(percent[:-1])} and {percent[-1]} %" in METHOD


def test_baselines_are_remembered_as_the_page_says() -> None:
    assert f"among the name's newest {numbers.MOST_RECORDS}" in BASELINES
    assert levels.OCCASION_GAP_S == 3600
    assert "Records less than an hour apart" in BASELINES
