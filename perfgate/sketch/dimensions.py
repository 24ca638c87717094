"""Dimensions of a sketch by dotted name, such as `layers.width`, and the values that are given for them."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from perfgate.errors import UsageError
from perfgate.nearest import suggestion
from perfgate.sketch.schema import Sketch

_NUMBER = re.compile(r"(\d[\d_]*)([kMG]?)")
_POWERS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
_SET = "write NAME=NUMBER, such as layers.width=512; 10k, 5M and 1G are powers of ten"
_SCALE = "write NAME=LOW..HIGH, such as layers.width=256..4096; 10k, 5M and 1G are powers of ten"


@dataclass(frozen=True, slots=True)
class Range:
    """Between which values a dimension is varied."""

    dimension: str
    """Its name."""
    low: int
    """Smallest value; 1 or more."""
    high: int
    """Largest value."""


def parse_set(text: str) -> tuple[str, int]:
    """Read `layers.width=512`: the dimension and its value; UsageError if it is written differently."""
    name, equals, written = text.partition("=")
    value = _number(written)
    if not equals or not name.strip() or value is None:
        raise UsageError(f"--set {text}: not a dimension and a whole number", _SET)
    return name.strip(), value


def parse_sets(texts: Iterable[str]) -> dict[str, int]:
    """Read several; UsageError if one dimension is given twice."""
    found: dict[str, int] = {}
    for name, value in map(parse_set, texts):
        if name in found:
            raise UsageError(f"--set gives {name} twice", "give one value")
        found[name] = value
    return found


def parse_scale(text: str) -> Range:
    """Read `layers.width=256..4096`; UsageError if it is written differently, or low is not from 1 to below high."""
    name, equals, written = text.partition("=")
    ends = [_number(end) for end in written.split("..")]
    if not equals or not name.strip() or len(ends) != 2 or ends[0] is None or ends[1] is None:
        raise UsageError(f"--scale {text}: not a dimension and two whole numbers", _SCALE)
    low, high = ends[0], ends[1]
    if not 1 <= low < high:
        raise UsageError(f"--scale {text}: LOW must be at least 1, and below HIGH", _SCALE)
    return Range(name.strip(), low, high)


def dimensions_of(data: Mapping[str, Any]) -> dict[str, int]:
    """Return all whole numbers of a valid sketch by dotted name, including defaults that apply.

    pydantic's ValidationError if the sketch is not valid.
    """
    return numbers_of(Sketch.model_validate(dict(data)))


def numbers_of(sketch: Sketch) -> dict[str, int]:
    """Return all whole numbers of a sketch by dotted name."""
    return dict(_numbers("", sketch.model_dump(mode="json", by_alias=True, exclude_none=True)))


def with_dimensions(data: Mapping[str, Any], values: Mapping[str, int]) -> dict[str, Any]:
    """Return a valid sketch with other values for some dimensions; UsageError, naming the nearest, if one is unknown.

    The result is not validated.
    """
    known = dimensions_of(data)
    changed = copy.deepcopy(dict(data))
    for name, value in values.items():
        if name not in known:
            raise UsageError(f"the sketch has no dimension {name}", suggestion(name, known))
        _set(changed, name.split("."), value)
    return changed


def _number(text: str) -> int | None:
    match = _NUMBER.fullmatch(text.strip())
    return int(match[1].replace("_", "")) * _POWERS[match[2]] if match else None


def _numbers(name: str, tree: Any) -> Iterator[tuple[str, int]]:  # noqa: ANN401 - any JSON
    if isinstance(tree, int) and not isinstance(tree, bool):
        yield name, tree
        return
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in children:
        yield from _numbers(f"{name}.{key}".lstrip("."), value)


def _set(tree: Any, path: list[str], value: int) -> None:  # noqa: ANN401 - any TOML
    """Set a value in place; tables that the file leaves out are added."""
    for part in path[:-1]:
        tree = tree[int(part)] if isinstance(tree, list) else tree.setdefault(part, {})
    if isinstance(tree, list):
        tree[int(path[-1])] = value
    else:
        tree[path[-1]] = value
