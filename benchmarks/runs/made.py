"""Many runs on disk, made from one measured run: whole documents with their own model, scenario, day and effects."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_CHANGING = ("run_id", "created_utc", "status", "models", "scenario", "fingerprint", "judgement", "wall_s")
_SCENARIOS = ("single", "bursts", "ranking")
_VERDICTS = ("pass",) * 16 + ("fail",) * 2 + ("inconclusive",) * 2
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_DAYS = 90
_MODELS = 25


def write_runs(directory: Path, count: int, like: Path, seed: int = 1) -> int:
    """Write `count` runs to `directory`; returns their size in bytes."""
    size = 0
    for name, text in documents(like.read_text(encoding="utf-8"), count, random.Random(seed)):  # noqa: S311 - repeatable
        (directory / name).mkdir(parents=True)
        (directory / name / "result.json").write_text(text, encoding="utf-8")
        size += len(text)
    return size


def documents(like: str, count: int, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Yield the directory and the document of each run; what does not change is encoded once."""
    tree = json.loads(like)
    rest = json.dumps({key: value for key, value in tree.items() if key not in _CHANGING}, separators=(",", ":"))
    for number in range(count):
        own = _changed(tree, number, count, rng)
        yield own["run_id"], f"{json.dumps(own)[:-1]},{rest[1:]}"


def _changed(tree: dict[str, Any], number: int, count: int, rng: random.Random) -> dict[str, Any]:
    created = _FIRST + timedelta(days=_DAYS * number / count)
    scenario = rng.choice(_SCENARIOS)
    given, version = f"models/ranker{rng.randrange(_MODELS)}", 1 + number % 40
    candidate = {**tree["models"]["candidate"], "given": f"{given}/{version}", "version": version}
    return {
        "run_id": f"{created:%Y%m%dT%H%M%SZ}-{scenario}-{number:08x}",
        "created_utc": created.isoformat(timespec="seconds"),
        "status": "complete",
        "models": {**tree["models"], "candidate": {**candidate, "digest": f"sha256:{rng.getrandbits(256):064x}"}},
        "scenario": {**tree["scenario"], "name": scenario},
        "fingerprint": f"{rng.randrange(8):016x}",
        "judgement": {
            **tree["judgement"],
            "verdict": rng.choice(_VERDICTS),
            "metrics": [_moved(metric, rng) for metric in tree["judgement"]["metrics"]],
        },
        "wall_s": rng.uniform(30, 120),
    }


def _moved(metric: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    change, half = rng.gauss(0, 0.02), rng.uniform(0.005, 0.03)
    ends = {"lower": change - half, "upper": change + half, "ci95_lower": change - half, "ci95_upper": change + half}
    return {**metric, "effect": {**metric["effect"], "change": change, "log_change": change, **ends}}
