"""`capacity.json`: an answer about capacities written as a document, and read back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf, isnan
from pathlib import Path
from typing import Any

from perfgate.capacity.answer import (
    SCHEMA_VERSION,
    ArmCapacity,
    CapacityAnswer,
    CapacityChange,
    FleetChange,
    ServersNeeded,
    Tuning,
)
from perfgate.results.json_document import JsonDocument

FILE_NAME = "capacity.json"

_DOCUMENT = JsonDocument(
    CapacityAnswer, "capacity", FILE_NAME, SCHEMA_VERSION, "use capacity.json or the directory that contains it"
)


def json_schema() -> dict[str, Any]:
    """Describe `capacity.json` as a JSON Schema (draft 2020-12)."""
    return _DOCUMENT.json_schema()


def to_json(answer: CapacityAnswer) -> str:
    """Write the answer as JSON; NaN and infinities are null."""
    return _DOCUMENT.to_json(answer)


def from_json(text: str) -> CapacityAnswer:
    """Read an answer; null is NaN, or infinite at the end of an interval. UsageError if it is none or too new."""
    return with_ends(_DOCUMENT.from_json(text))


def with_ends(found: CapacityAnswer) -> CapacityAnswer:
    """Return an answer as it was, after null became NaN: ends of intervals are infinite."""
    arms, change, needs = parts_with_ends(found.arms, found.change, found.needs)
    return replace(found, arms=arms, change=change, needs=needs, tuning=_tuning(found.tuning))


def parts_with_ends(
    arms: Sequence[ArmCapacity], change: CapacityChange | None, needs: ServersNeeded | None
) -> tuple[tuple[ArmCapacity, ...], CapacityChange | None, ServersNeeded | None]:
    """Return the same of the parts of an answer, as other documents contain them."""
    return tuple(map(_arm, arms)), _with_both(change) if change else None, _needs(needs)


def write(answer: CapacityAnswer, directory: Path) -> Path:
    """Write `capacity.json` into the directory atomically."""
    return _DOCUMENT.write(to_json(answer), directory)


def read(place: Path) -> CapacityAnswer:
    """Read an answer, from its directory or the file itself."""
    return from_json(_DOCUMENT.read(place))


def _arm(arm: ArmCapacity) -> ArmCapacity:
    return replace(arm, upper_rps=_end(arm.upper_rps, inf))


def _tuning(found: Tuning | None) -> Tuning | None:
    if found is None:
        return None
    settings = tuple(
        replace(
            each,
            capacity_upper_rps=_end(each.capacity_upper_rps, inf),
            p99_upper_ms=_end(each.p99_upper_ms, inf),
        )
        for each in found.settings
    )
    compared = found.compared
    if compared is not None:
        change = _with_both(compared.change) if compared.change else None
        compared = replace(compared, current=_arm(compared.current), other=_arm(compared.other), change=change)
    return replace(found, settings=settings, compared=compared)


def _needs(found: ServersNeeded | None) -> ServersNeeded | None:
    if found is None or found.change is None:
        return found
    return replace(found, change=_with_upper(found.change))


def _with_both(change: CapacityChange) -> CapacityChange:
    return replace(change, lower=_end(change.lower, -inf), upper=_end(change.upper, inf))


def _with_upper(change: FleetChange) -> FleetChange:
    return replace(change, upper=_end(change.upper, inf))


def _end(bound: float, none: float) -> float:
    """Return the end of an interval, which has none where the file has null."""
    return none if isnan(bound) else bound
