"""Which kept results can be judged among another number of gates."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perfgate.gate.verdict import Verdict
from perfgate.pipeline.fleet_opening import is_strict_enough
from tests.fleet.results import objective, result


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
    assert is_strict_enough(replace(kept, scenario={"gate": {"gates": was}}), now) is fits
