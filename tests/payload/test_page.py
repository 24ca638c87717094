"""Statements of docs/reference/payloads.md, checked against the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from perfgate.payload.order import LONGEST_CYCLE, cycle_order
from perfgate.payload.record import _MOST_CLASSES
from perfgate.payload.zipf import LARGEST_RANGE
from perfgate.scenario.schema import Scenario, Source

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "payloads.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_its_examples_are_scenarios(example: str) -> None:
    Scenario.model_validate(tomllib.loads(example))


def test_it_has_every_source() -> None:
    rows = re.findall(r'^\| `"(\w+)"` \|', PAGE, re.MULTILINE)
    assert tuple(rows) == get_args(Source)


def test_its_numbers_are_the_programs() -> None:
    assert f"at most {LONGEST_CYCLE // 1000} 000 requests" in PAGE
    assert f"There may be {_MOST_CLASSES} classes" in PAGE
    assert LARGEST_RANGE == 2**53
    classes = Scenario.model_validate(tomllib.loads(EXAMPLES[-1])).request_classes()
    weights = [weight for _, weight, _ in classes]
    assert len(cycle_order(weights, [16, 16, 1], 0)) == 101
