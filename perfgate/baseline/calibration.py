"""Results of `perfgate calibrate` on a machine, kept per environment fingerprint and scenario."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter

from perfgate.baseline.place import StoreLocation
from perfgate.baseline.plain_json import first_line, to_text
from perfgate.errors import UsageError
from perfgate.stats.variance_components import Components

SCHEMA_VERSION = 1
FOLDER = "calibrations"
"""Folder in a store, with a folder a fingerprint, which holds `<utc>-<digest of the scenario's digest>.json`."""


@dataclass(frozen=True, slots=True)
class Detectable:
    """Smallest regression of one metric that a budget detects with 80% power, by this calibration."""

    metric: str
    budget_s: float
    share: float


@dataclass(frozen=True, slots=True)
class AgainstItself:
    """One run of the model against itself."""

    run_id: str
    created_utc: str
    verdict: str
    false_alarms: tuple[str, ...] = ()
    """Gated metrics that failed, although both arms are the same model."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Result of A/A runs of one scenario on one machine."""

    created_utc: str
    """ISO 8601 with time zone."""
    fingerprint: str
    scenario_name: str
    scenario_digest: str
    model_digest: str
    components: tuple[Components, ...]
    detectable: tuple[Detectable, ...] = ()
    overhead_s: float = 0.0
    """Start and warm-up of all servers, on top of the measuring time."""
    measure_s: float = math.nan
    """Measuring time of each run."""
    parents: int = 0
    """Fork servers of each run; 0: unknown."""
    runs: tuple[AgainstItself, ...] = ()
    perfgate_version: str = ""
    schema_version: int = field(default=SCHEMA_VERSION)


_ADAPTER = TypeAdapter(Calibration)


def keep_calibration(store_url: str, calibration: Calibration) -> str:
    """Write a calibration into a store, beside older ones; returns its location. UsageError if that fails."""
    if not _is_fingerprint(calibration.fingerprint):
        raise UsageError(f"{calibration.fingerprint!r} is not a fingerprint", "calibrate again")
    place = StoreLocation(store_url)
    created = datetime.fromisoformat(calibration.created_utc).astimezone(UTC)
    stamp = f"{created:%Y%m%dT%H%M%S}.{created.microsecond // 1000:03d}Z"
    name = f"{FOLDER}/{calibration.fingerprint}/{stamp}-{_key(calibration.scenario_digest)}.json"
    place.write(name, to_json(calibration))
    return place.shown(name)


def find_calibration(store_url: str, fingerprint: str, scenario_digest: str) -> Calibration | None:
    """Return the newest calibration of a scenario in an environment; None if there is none.

    UsageError naming the file if it is not a calibration, or of another schema version.
    """
    found = _newest_first(store_url, fingerprint, f"-{_key(scenario_digest)}.json")
    return next((each for each in found if each.scenario_digest == scenario_digest), None)


def calibrations_of(store_url: str, fingerprint: str, scenario_digest: str) -> tuple[Calibration, ...]:
    """Return all calibrations of a scenario in an environment, the newest first, without unreadable ones."""
    return tuple(
        each
        for each in _newest_first(store_url, fingerprint, f"-{_key(scenario_digest)}.json", skip_broken=True)
        if each.scenario_digest == scenario_digest
    )


def nearest_calibration(store_url: str, fingerprint: str) -> Calibration | None:
    """Return the newest calibration of an environment for any scenario, which it names; None if there is none.

    It is unknown whether another scenario has the same spread, so the caller names the source of the numbers.
    """
    return next(_newest_first(store_url, fingerprint, ".json"), None)


def to_json(calibration: Calibration) -> str:
    """Write a calibration in a form that diffs well: sorted keys, 6 significant digits, null for NaN."""
    return to_text(_ADAPTER.dump_python(calibration))


def from_json(text: str, source: str) -> Calibration:
    """Read a calibration; `source` names it in the UsageError for text that is not one of this schema version."""
    remedy = "delete the file, or calibrate again"
    try:
        data = json.loads(text)
        if isinstance(data, dict) and (version := data.get("schema_version")) != SCHEMA_VERSION:
            problem = f"{source}: a calibration of schema version {version}, this perfgate reads {SCHEMA_VERSION}"
            raise UsageError(problem, remedy)
        calibration = _ADAPTER.validate_python(_with_nan(data))
        datetime.fromisoformat(calibration.created_utc)
    except ValueError as error:
        raise UsageError(f"{source}: invalid calibration: {first_line(error)}", remedy) from error
    return calibration


def _newest_first(store_url: str, fingerprint: str, ending: str, *, skip_broken: bool = False) -> Iterator[Calibration]:
    if not _is_fingerprint(fingerprint):
        return
    place, folder = StoreLocation(store_url), f"{FOLDER}/{fingerprint}"
    for file in reversed(place.files(folder)):
        if file.endswith(ending) and (text := place.read(f"{folder}/{file}")) is not None:
            with suppress(UsageError) if skip_broken else nullcontext():
                yield from_json(text, place.shown(f"{folder}/{file}"))


def _is_fingerprint(text: str) -> bool:
    """Return whether it is a valid fingerprint, and not a folder name that could lead out of the store."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", text) is not None


def _key(scenario_digest: str) -> str:
    return hashlib.sha256(scenario_digest.encode()).hexdigest()[:12]


def _with_nan(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return `value` with NaN for each null: only numbers can be missing from a calibration."""
    if value is None:
        return math.nan
    if isinstance(value, dict):
        return {key: _with_nan(item) for key, item in value.items()}
    return [_with_nan(item) for item in value] if isinstance(value, list) else value
