"""`fleet.json`: an answer of `perfgate fleet` written as a document, and read back."""

from __future__ import annotations

from dataclasses import replace
from math import inf, isnan
from pathlib import Path
from typing import Any

from perfgate.fleet.answer import SCHEMA_VERSION, FleetAnswer, GateAnswer, MetricMove, ModelDemand
from perfgate.results.capacity_document import parts_with_ends
from perfgate.results.json_document import JsonDocument

FILE_NAME = "fleet.json"

_DOCUMENT = JsonDocument(
    FleetAnswer, "fleet", FILE_NAME, SCHEMA_VERSION, "use fleet.json or the directory that contains it"
)


def json_schema() -> dict[str, Any]:
    """Describe `fleet.json` as a JSON Schema (draft 2020-12)."""
    return _DOCUMENT.json_schema()


def to_json(answer: FleetAnswer) -> str:
    """Write the answer as JSON; NaN and infinities are null."""
    return _DOCUMENT.to_json(answer)


def from_json(text: str) -> FleetAnswer:
    """Read an answer; null is NaN, or infinite at the end of an interval. UsageError if it is none or too new."""
    found = _DOCUMENT.from_json(text)
    return replace(found, gates=tuple(map(_gate, found.gates)), demands=tuple(map(_demand, found.demands)))


def write(answer: FleetAnswer, directory: Path) -> Path:
    """Write `fleet.json` into the directory atomically."""
    return _DOCUMENT.write(to_json(answer), directory)


def is_fleet(place: Path) -> bool:
    """Return whether a directory, or a file by its name, is a fleet's and not a run's."""
    return (place / FILE_NAME).is_file() if place.is_dir() else place.name == FILE_NAME


def read(place: Path) -> FleetAnswer:
    """Read an answer, from its directory or the file itself."""
    return from_json(_DOCUMENT.read(place))


def _gate(gate: GateAnswer) -> GateAnswer:
    return replace(gate, moves=tuple(map(_move, gate.moves)))


def _move(move: MetricMove) -> MetricMove:
    lower, upper = _end(move.lower, -inf), _end(move.upper, inf)
    worse_lower, worse_upper = _end(move.worse_lower, -inf), _end(move.worse_upper, inf)
    return replace(move, lower=lower, upper=upper, worse_lower=worse_lower, worse_upper=worse_upper)


def _demand(demand: ModelDemand) -> ModelDemand:
    arms, change, needed = parts_with_ends(demand.arms, demand.change, demand.needed)
    return replace(demand, arms=arms, change=change, needed=needed)


def _end(bound: float, none: float) -> float:
    return none if isnan(bound) else bound
