"""Differences between the two sides of a comparison: their models, and the environments of their measurements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from perfgate import formatting
from perfgate.baseline.fingerprint import STABLE, VOLATILE
from perfgate.results.result import ModelFacts, Result
from perfgate.trials import Arm

_NOTHING = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class FactRow:
    """One fact of both sides."""

    name: str
    baseline: str
    candidate: str
    """For environments: the value of the run."""
    changed: bool
    note: str = ""


def model_rows(result: Result) -> tuple[FactRow, ...]:
    """Compare the facts of both arms' models, differing ones first; nothing if there is only one model."""
    sides = _baseline_model(result), result.models.get(Arm.CANDIDATE)
    if sides[0] is None or sides[1] is None:
        return ()
    pairs = zip(_facts_of(sides[0]), _facts_of(sides[1]), strict=True)
    rows = [FactRow(name, one, other, changed=one != other) for (name, one), (_, other) in pairs if one or other]
    return tuple(sorted(rows, key=lambda row: not row.changed))


def _baseline_model(result: Result) -> ModelFacts | None:
    if result.stored is None:
        return result.models.get(Arm.BASELINE)
    return ModelFacts(result.stored.model_given, "", result.stored.model_digest, 0, result.stored.size_mb)


def _facts_of(model: ModelFacts) -> Iterator[tuple[str, str]]:
    yield "named", model.given
    yield "version", str(model.version) if model.version > 0 else ""
    yield "size", formatting.with_unit(model.size_mb, "MiB") if model.size_mb > 0 else ""
    yield "digest", formatting.short_digest(model.digest)


def environment_rows(result: Result) -> tuple[FactRow, ...]:
    """Compare the environment of the baseline's record with the run's: changed facts first, decisive ones first."""
    if result.record is None:
        return ()
    then, now = dict(flat(result.record.environment)), dict(flat(result.environment))
    rows = [
        _environment_row(name, then, now) for name in dict.fromkeys((*STABLE, *then, *now)) if name in {*then, *now}
    ]
    return tuple(sorted(rows, key=lambda row: (not row.changed, row.note == _MOMENT)))


_DECIDES = "part of the fingerprint: stored numbers are not comparable"
_MOMENT = "varies between runs"


def _environment_row(name: str, then: Mapping[str, str], now: Mapping[str, str]) -> FactRow:
    was, is_now = then.get(name, _NOTHING), now.get(name, _NOTHING)
    changed = was != is_now and name not in VOLATILE
    note = _MOMENT if name in VOLATILE else _DECIDES if changed and name in STABLE else ""
    return FactRow(name, was, is_now, changed, note)


def settings_differ(result: Result) -> bool:
    """Return whether fingerprints differ although no fact of the environment does: then the server settings differ."""
    if result.record is None or result.record.fingerprint == result.fingerprint:
        return False
    then, now = result.record.environment, result.environment
    return all(then.get(name) == now.get(name) for name in STABLE)


def flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Return nested facts as rows of text, such as `cpu.cores`; lists in one line, booleans as yes and no."""
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from flat(item, f"{prefix}{key}.")
        elif isinstance(item, list | tuple):
            yield f"{prefix}{key}", " ".join(map(_plain, item))
        else:
            yield f"{prefix}{key}", _plain(item)


def _plain(item: object) -> str:
    if isinstance(item, float):
        return formatting.given(item)
    words = {"True": "yes", "False": "no", "None": _NOTHING}  # compared as text, because 1 == True
    return words.get(str(item), str(item))
