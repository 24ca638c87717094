"""Which kept results can be judged among another number of gates."""

from __future__ import annotations

from dataclasses import replace
from math import log1p

import pytest

from perfgate.fleet.judging import Levels
from perfgate.fleet.schema import Correction, Family
from perfgate.gate.verdict import Verdict
from perfgate.pipeline.fleet_opening import is_strict_enough
from tests.fleet.results import at_p, objective, result


def levels(gates: int) -> Levels:
    return Levels(0.01, Family.FLEET, Correction.HOLM, 2, gates)


@pytest.mark.parametrize(
    ("was", "now", "missed", "fits"),
    [
        (50, 50, True, True),
        (50, 10, True, True),
        (10, 50, False, True),
        (10, 50, True, False),
        (1, 1, True, True),
        (1, 2, False, False),
    ],
)
def test_a_milder_level_is_not_enough_for_objectives_nor_for_early_looks(
    *, was: int, now: int, missed: bool, fits: bool
) -> None:
    verdict = Verdict.FAIL if missed else Verdict.PASS
    kept = result({"execute_ms": (0.0, 0.004)}, gates=was, objectives=(objective(verdict),))
    assert is_strict_enough(replace(kept, scenario={"gate": {"gates": was}}), levels(now), 1) is fits


@pytest.mark.parametrize(("p", "number", "fits"), [(1e-4, 1, True), (1e-3, 1, False), (1e-4, 2, False), (0.3, 1, True)])
def test_a_failure_that_is_none_among_more_gates_is_measured_again(p: float, number: int, *, fits: bool) -> None:
    """The first round may spend 0.0075 / 50 on each gate, the second one a third of that."""
    how = levels(2)
    change = at_p(p, log1p(0.025))
    kept = result({"execute_ms": (change, 0.004)}, alpha=how.of_round(number), gates=2)
    assert is_strict_enough(replace(kept, scenario={"gate": {"gates": 2}}), levels(50), number) is fits
