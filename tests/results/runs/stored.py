"""Small runs on disk, whose numbers a test chooses."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from perfgate.results import document
from tests.report import example

Tree = dict[str, Any]


@cache
def _text() -> str:
    return document.to_json(example.passing_small())


def tree(**changes: object) -> Tree:
    """Return a result's document: `execute_ms` by +2% [+1, +3], and what is named."""
    made: Tree = json.loads(_text())
    effect = made["judgement"]["metrics"][0]["effect"]
    effect |= {"change": 0.02, "lower": 0.01, "upper": 0.03, "ci95_lower": 0.01, "ci95_upper": 0.03}
    for name in ("change", "lower", "upper", "ci95_lower", "ci95_upper"):
        if name in changes:
            effect[name] = changes.pop(name)
    if "model" in changes:
        made["models"]["candidate"]["given"] = changes.pop("model")
    if "scenario" in changes:
        made["scenario"]["name"] = changes.pop("scenario")
    if "verdict" in changes:
        made["judgement"]["verdict"] = changes.pop("verdict")
    if isinstance(time := changes.get("created_utc"), datetime):
        changes["created_utc"] = time.isoformat()
    return {**made, **changes}


def write(directory: Path, made: Tree | str | None = None, **changes: object) -> Path:
    """Write a run, whose id is the directory's name unless it is changed."""
    directory.mkdir(parents=True, exist_ok=True)
    whole = tree(**{"run_id": directory.name, **changes}) if made is None else made
    text = whole if isinstance(whole, str) else json.dumps(whole)
    (directory / "result.json").write_text(text, encoding="utf-8")
    return directory
