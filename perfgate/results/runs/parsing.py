"""From the text of a `result.json` to its row: quickly, and whatever the file contains."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from pydantic_core import from_json

from perfgate.metrics import BY_NAME, METRICS, Scale
from perfgate.results.runs.row import MetricRow, RunRow

_KNOWN_VERSION = 1
"""`SCHEMA_VERSION` of `results/result.py`, which takes half a second to import; a test compares them."""
_ENDED_WITHOUT_VERDICT = ("interrupted", "running")
_ORDER = {metric.name: place for place, metric in enumerate(METRICS)}


class NotAResultError(ValueError):
    """The file is damaged, of another program, or of a newer perfgate; the message says which."""


def parse(data: bytes, directory: str) -> tuple[RunRow, tuple[MetricRow, ...]]:
    """Read the rows of a run in `directory` from its `result.json`; NotAResultError if it is none.

    Only what the tables need is checked: 100,000 whole results would take an hour.
    """
    try:
        tree = from_json(data)
    except ValueError:
        raise NotAResultError("not JSON") from None
    version = tree.get("schema_version") if isinstance(tree, dict) else None
    if not isinstance(version, int):
        raise NotAResultError("not a perfgate result")
    if version > _KNOWN_VERSION:
        raise NotAResultError("of a newer perfgate")
    try:
        metrics = tuple(sorted(_metrics(tree), key=lambda row: _ORDER.get(row.metric, len(_ORDER))))
        return _run(tree, metrics, directory), metrics
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise NotAResultError("not a perfgate result") from None


def _run(tree: Mapping[str, Any], metrics: tuple[MetricRow, ...], directory: str) -> RunRow:
    models, environment = _table(tree["models"]), _table(tree.get("environment"))
    candidate, baseline = _table(models.get("candidate")), _table(models.get("baseline"))
    judgement, status = _table(tree.get("judgement")), _needed(tree["status"])
    has_verdict = bool(judgement) and status not in _ENDED_WITHOUT_VERDICT
    given = _text(candidate.get("given"))
    moved = _moved_most(metrics)
    return RunRow(
        run_id=_needed(tree["run_id"]),
        created_utc=_time(_needed(tree["created_utc"])),
        model=None if given is None else _without_version(given),
        scenario=_text(_table(tree["scenario"]).get("name")),
        verdict=_needed(judgement["verdict"]) if has_verdict else status,
        headline=_text(judgement.get("headline")),
        wall_s=None if status == "running" else _number(tree.get("wall_s")),
        moved_metric=moved.metric if moved else None,
        moved_change=moved.change if moved else None,
        moved_lower=moved.lower if moved else None,
        moved_upper=moved.upper if moved else None,
        model_given=given,
        model_version=_whole(candidate.get("version")),
        model_digest=_text(candidate.get("digest")),
        model_size_mb=_number(candidate.get("size_mb")),
        comparison=_text(tree.get("comparison")),
        baseline_name=_text(tree.get("baseline_name")),
        baseline_given=_text(baseline.get("given")),
        baseline_digest=_text(baseline.get("digest")),
        scenario_digest=_text(tree.get("scenario_digest")),
        payload_digest=_text(tree.get("payload_digest")),
        fingerprint=_text(tree.get("fingerprint")),
        cpu_model=_text(environment.get("cpu_model")),
        cores=_number(environment.get("cores")),
        memory_mib=_number(environment.get("memory_mib")),
        os=_text(environment.get("os")),
        caution_codes=tuple(dict.fromkeys(_needed(each["code"]) for each in tree.get("cautions") or ())),
        perfgate_version=_text(tree.get("perfgate_version")),
        directory=directory,
    )


def _metrics(tree: Mapping[str, Any]) -> Iterator[MetricRow]:
    judgement = _table(tree.get("judgement"))
    judged = {_needed(each["metric"]): each for each in judgement.get("metrics") or ()}
    objectives = {_needed(each["metric"]): each for each in judgement.get("objectives") or ()}
    typical: dict[str, dict[str, float]] = {}
    for each in tree.get("summaries") or ():
        if (value := _number(each["value"])) is not None:
            typical.setdefault(_needed(each["metric"]), {})[_needed(each["arm"])] = value
    for name in dict.fromkeys((*judged, *typical, *objectives)):
        yield _metric(name, judged.get(name), objectives.get(name) or {}, typical.get(name, {}))


def _metric(
    name: str, judged: Mapping[str, Any] | None, objective: Mapping[str, Any], typical: Mapping[str, float]
) -> MetricRow:
    known, found, bounded = BY_NAME.get(name), judged or {}, _number(objective.get("value"))
    effect = _table(found.get("effect"))
    return MetricRow(
        metric=name,
        unit=known.unit if known else "",
        scale=_text(effect.get("scale")) or (known.scale.value if known else None),
        source=_text(effect.get("source")),
        baseline=_number(effect.get("baseline_value")) if effect else typical.get("baseline"),
        candidate=_number(effect.get("candidate_value")) if effect else typical.get("candidate", bounded),
        change=_number(effect.get("change")),
        lower=_number(effect.get("lower")),
        upper=_number(effect.get("upper")),
        ci95_lower=_number(effect.get("ci95_lower")),
        ci95_upper=_number(effect.get("ci95_upper")),
        tolerance=_number(found.get("tolerance")),
        detectable=_number(found.get("detectable")),
        gated=found.get("gated") is True,
        severity=_text(found.get("severity")),
        verdict=_text(found.get("verdict")),
        objective=_number(objective.get("bound")),
        objective_is_maximum=bool(objective["is_maximum"]) if objective else None,
        objective_verdict=_text(objective.get("verdict")),
    )


def _moved_most(metrics: tuple[MetricRow, ...]) -> MetricRow | None:
    compared = [row for row in metrics if row.change is not None and row.tolerance]
    gated = [row for row in compared if row.gated]
    return max(gated or compared, key=_tolerances, default=None)


def _tolerances(row: MetricRow) -> float:
    """Return by how many times its tolerance a metric has changed, on its scale."""
    scale = Scale.DIFFERENCE if row.scale == Scale.DIFFERENCE else Scale.RATIO
    return abs(scale.of_change(row.change or 0.0)) / abs(scale.of_change(row.tolerance or 0.0))


def _without_version(given: str) -> str:
    """Leave out the number of a version below a base path, as TF-Serving lays models out."""
    return re.sub(r"(?<=[^/])/+\d+/*$", "", given).rstrip("/") or given


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _table(value: object) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TypeError
    return value


def _needed(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if isfinite(value) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63 else None
