"""Detection of repeated comparisons: an error level holds for one run, not for the best of several."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from perfgate.cautions import CautionKind
from perfgate.results.document import FILE_NAME
from perfgate.results.result import Result
from perfgate.trials import Caution

MOST_LOOKED_AT = 20
"""Number of newest results beside a run's that are read."""
_NOT_PASSED = ("fail", "inconclusive")


def repeat_caution(started: Result, directory: Path) -> Caution | None:
    """Warn if runs beside this one compared the same files under the same scenario and did not pass.

    A comparison that is repeated until it passes does so too often: at an error of 1% a run, the best of n errs in up
    to n%. Only sibling directories are searched.
    """
    found = [verdict for verdict in _verdicts_of(started, directory) if verdict in _NOT_PASSED]
    if not found:
        return None
    counted = " and ".join(f"{found.count(word)} {word}" for word in _NOT_PASSED if word in found)
    times = "once" if len(found) == 1 else f"{len(found)} times"
    return CautionKind.REPEATED.caution(times=times, counted=counted)


def _verdicts_of(started: Result, directory: Path) -> Iterator[str]:
    """Return the verdicts of runs in sibling directories that compared the same."""
    try:
        beside = [path for path in directory.parent.glob(f"*/{FILE_NAME}") if path.parent != directory]
        newest = sorted(beside, key=lambda path: path.stat().st_mtime, reverse=True)[:MOST_LOOKED_AT]
    except OSError:
        return
    for path in newest:
        try:
            tree = json.loads(path.read_text(encoding="utf-8"))
            same = _compared(tree) == _compared_by(started) and tree["status"] == "complete"
            verdict = str(tree["judgement"]["verdict"]) if same else ""
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # not a result, or another program's file of that name
        if verdict:
            yield verdict


def _compared(tree: dict[str, Any]) -> tuple[str, dict[str, str]]:
    return tree["scenario_digest"], {arm: facts["digest"] for arm, facts in tree["models"].items()}


def _compared_by(result: Result) -> tuple[str, dict[str, str]]:
    return result.scenario_digest, {arm: facts.digest for arm, facts in result.models.items()}
