from __future__ import annotations

import copy
from typing import Any

import pytest
from pydantic import ValidationError

from perfgate.errors import UsageError
from perfgate.sketch.dimensions import Range, dimensions_of, parse_scale, parse_set, parse_sets, with_dimensions

DATA: dict[str, Any] = {
    "batch": 8,
    "inputs": {"features": {"shape": [64, 2]}},
    "embeddings": {"user": {"rows": 100, "dim": 4}},
    "blocks": {"encoder": {"kind": "attention", "width": 32, "heads": 2, "from": ["features"]}},
    "layers": {"width": 16},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [("512", 512), ("0", 0), ("1k", 1000), ("10M", 10_000_000), ("2G", 2_000_000_000), ("1_000", 1000), (" 7 ", 7)],
)
def test_a_value_is_a_whole_number_or_powers_of_ten(text: str, value: int) -> None:
    assert parse_set(f"layers.width={text}") == ("layers.width", value)


@pytest.mark.parametrize("text", ["layers.width", "=3", "a=", "a=1.5", "a=-1", "a=1e3", "a=1m", "a=1kk", "a=_1"])
def test_other_values_say_what_to_write(text: str) -> None:
    with pytest.raises(UsageError, match=r"--set .*: not a dimension and a whole number") as caught:
        parse_set(text)
    assert "NAME=NUMBER" in caught.value.remedy


def test_a_range_has_two_ends() -> None:
    assert parse_scale("layers.width=256..4096") == Range("layers.width", 256, 4096)
    assert parse_scale("embeddings.user.rows=10k..1G") == Range("embeddings.user.rows", 10_000, 10**9)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("layers.width=256", "two whole numbers"),
        ("layers.width=1..2..3", "two whole numbers"),
        ("layers.width=..3", "two whole numbers"),
        ("=1..3", "two whole numbers"),
        ("a=5..5", "below HIGH"),
        ("a=6..5", "below HIGH"),
        ("a=0..5", "at least 1"),
    ],
)
def test_other_ranges_say_what_to_write(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        parse_scale(text)
    assert "NAME=LOW..HIGH" in caught.value.remedy


def test_all_whole_numbers_are_dimensions_with_defaults_that_apply() -> None:
    assert dimensions_of(DATA) == {
        "batch": 8,
        "inputs.features.shape.0": 64,
        "inputs.features.shape.1": 2,
        "embeddings.user.rows": 100,
        "embeddings.user.dim": 4,
        "embeddings.user.lookups": 1,
        "blocks.encoder.width": 32,
        "blocks.encoder.heads": 2,
        "blocks.encoder.feed_forward": 128,
        "blocks.encoder.depth": 1,
        "layers.width": 16,
        "layers.depth": 1,
        "heads.score.units": 1,
    }


def test_only_defaults_that_apply_count() -> None:
    data = {"layers": {"widths": [4, 2]}, "embeddings": {"a": {"rows": 9, "dim": 2, "input": "x"}}}
    found = dimensions_of({**data, "inputs": {"x": {"dtype": "int64"}}})
    assert set(found) == {
        "layers.widths.0", "layers.widths.1", "embeddings.a.rows", "embeddings.a.dim", "heads.score.units"
    }  # fmt: skip


def test_an_invalid_sketch_has_no_dimensions() -> None:
    with pytest.raises(ValidationError):
        dimensions_of({"layers": {"width": 0}})


@pytest.mark.parametrize("name", dimensions_of(DATA))
def test_each_dimension_can_be_set_and_changes_no_other(name: str) -> None:
    before, given = dimensions_of(DATA), copy.deepcopy(DATA)
    after = dimensions_of(with_dimensions(DATA, {name: 77}))
    follows = {"blocks.encoder.feed_forward": 308} if name == "blocks.encoder.width" else {}
    assert after == {**before, name: 77, **follows}
    assert given == DATA


def test_several_are_set_at_once_also_in_lists_and_missing_tables() -> None:
    data = with_dimensions(
        {"layers": {"widths": [4, 2]}}, {"layers.widths.1": 9, "heads.score.units": 3, "layers.widths.0": 5}
    )
    assert data == {"layers": {"widths": [5, 9]}, "heads": {"score": {"units": 3}}}


def test_an_unknown_dimension_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"the sketch has no dimension layers\.widht") as caught:
        with_dimensions(DATA, {"layers.widht": 3})
    assert caught.value.remedy == "did you mean layers.width?"


def test_a_dimension_is_set_once() -> None:
    assert parse_sets(["layers.width=8", "batch=1k"]) == {"layers.width": 8, "batch": 1000}
    with pytest.raises(UsageError, match=r"--set gives layers\.width twice"):
        parse_sets(["layers.width=8", "batch=4", "layers.width=7"])
