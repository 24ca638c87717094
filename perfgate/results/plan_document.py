"""`plan.json`: an answer of `perfgate plan` written as a document, and read back."""

from __future__ import annotations

from dataclasses import replace
from math import inf, isnan
from pathlib import Path
from typing import Any

from perfgate.planning.answer import SCHEMA_VERSION, ObjectiveAnswer, PlanAnswer, Promise, Scale, ScaleLimit
from perfgate.results.capacity_document import with_ends as capacity_with_ends
from perfgate.results.json_document import JsonDocument

FILE_NAME = "plan.json"

_DOCUMENT = JsonDocument(
    PlanAnswer, "plan", FILE_NAME, SCHEMA_VERSION, "use plan.json or the directory that contains it"
)


def json_schema() -> dict[str, Any]:
    """Describe `plan.json` as a JSON Schema (draft 2020-12)."""
    return _DOCUMENT.json_schema()


def to_json(answer: PlanAnswer) -> str:
    """Write the answer as JSON; NaN and infinities are null."""
    return _DOCUMENT.to_json(answer)


def from_json(text: str) -> PlanAnswer:
    """Read an answer; null is NaN, or infinite at the end of an interval. UsageError if it is none or too new."""
    found = _DOCUMENT.from_json(text)
    return replace(
        found,
        objectives=tuple(map(objective_with_ends, found.objectives)),
        promises=tuple(map(_promise, found.promises)),
        capacity=capacity_with_ends(found.capacity) if found.capacity else None,
        scale=_scale(found.scale) if found.scale else None,
    )


def write(answer: PlanAnswer, directory: Path) -> Path:
    """Write `plan.json` into the directory atomically."""
    return _DOCUMENT.write(to_json(answer), directory)


def read(place: Path) -> PlanAnswer:
    """Read an answer, from its directory or the file itself."""
    return from_json(_DOCUMENT.read(place))


def objective_with_ends(objective: ObjectiveAnswer) -> ObjectiveAnswer:
    """Return an objective as it was, after null became NaN: ends of its interval are infinite."""
    lower, upper = end(objective.lower, -inf), end(objective.upper, inf)
    return replace(objective, lower=lower, upper=upper)


def _promise(promise: Promise) -> Promise:
    return replace(promise, lower=end(promise.lower, -inf), upper=end(promise.upper, inf))


def _scale(scale: Scale) -> Scale:
    return replace(scale, limits=tuple(map(_limit, scale.limits)))


def _limit(limit: ScaleLimit) -> ScaleLimit:
    points = tuple(
        replace(each, ratio_lower=end(each.ratio_lower, -inf), ratio_upper=end(each.ratio_upper, inf))
        for each in limit.points
    )
    return replace(limit, upper=end(limit.upper, inf), points=points)


def end(bound: float, none: float) -> float:
    """Return the end of an interval, which has none where the file has null."""
    return none if isnan(bound) else bound
