"""`plan-check.json`: a check of a plan by the trained model, written as a document, and read back."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

from perfgate.planning.check import SCHEMA_VERSION, CheckedPromise, PlanCheck
from perfgate.results.json_document import JsonDocument
from perfgate.results.plan_document import end, objective_with_ends

FILE_NAME = "plan-check.json"

_DOCUMENT = JsonDocument(
    PlanCheck, "plan check", FILE_NAME, SCHEMA_VERSION, "use plan-check.json or the directory that contains it"
)


def json_schema() -> dict[str, Any]:
    """Describe `plan-check.json` as a JSON Schema (draft 2020-12)."""
    return _DOCUMENT.json_schema()


def to_json(check: PlanCheck) -> str:
    """Write the check as JSON; NaN and infinities are null."""
    return _DOCUMENT.to_json(check)


def from_json(text: str) -> PlanCheck:
    """Read a check; null is NaN, or infinite at the end of an interval. UsageError if it is none or too new."""
    found = _DOCUMENT.from_json(text)
    objectives = tuple(map(objective_with_ends, found.objectives))
    return replace(found, promises=tuple(map(_promise, found.promises)), objectives=objectives)


def write(check: PlanCheck, directory: Path) -> Path:
    """Write `plan-check.json` into the directory atomically."""
    return _DOCUMENT.write(to_json(check), directory)


def read(place: Path) -> PlanCheck:
    """Read a check, from its directory or the file itself."""
    return from_json(_DOCUMENT.read(place))


def _promise(promise: CheckedPromise) -> CheckedPromise:
    return replace(
        promise,
        promised_lower=end(promise.promised_lower, -inf),
        promised_upper=end(promise.promised_upper, inf),
        measured_lower=end(promise.measured_lower, -inf),
        measured_upper=end(promise.measured_upper, inf),
    )
