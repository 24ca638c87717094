"""`capacity.csv`: what each version showed at each rate, for spreadsheets and analyses of your own."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import fields
from math import isfinite
from pathlib import Path

from perfgate.capacity.answer import ArmCapacity, CapacityAnswer, Point
from perfgate.sanitize import one_line

FILE_NAME = "capacity.csv"
_FORMULA = ("=", "+", "-", "@")


def capacity_csv(answer: CapacityAnswer) -> str:
    """Return a header and one line for each version and rate; unknown values are empty.

    The columns are the keys of a point in `capacity.json`; `missed` is one column for each objective.
    """
    plain = [field.name for field in fields(Point) if field.name != "missed"]
    metrics = list(dict.fromkeys(metric for arm in answer.arms for point in arm.points for metric in point.missed))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("arm", "model", *plain, *(f"missed_{metric}" for metric in metrics)))
    writer.writerows(row for arm in answer.arms for row in _rows(arm, plain, metrics))
    return out.getvalue()


def write_csv(answer: CapacityAnswer, directory: Path) -> Path:
    """Write `capacity.csv` into the directory, which has to exist."""
    path = directory / FILE_NAME
    path.write_text(capacity_csv(answer), encoding="utf-8")
    return path


def _rows(arm: ArmCapacity, plain: list[str], metrics: list[str]) -> Iterator[tuple[str, ...]]:
    for point in arm.points:
        values = (*(getattr(point, name) for name in plain), *(point.missed.get(metric) for metric in metrics))
        yield (arm.arm.value, _text(arm.model), *map(_cell, values))


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and not isfinite(value)):
        return ""
    return str(value)


def _text(given: str) -> str:
    """Return a name as text, also where a spreadsheet would take it for a formula."""
    line = one_line(given)
    return f"'{line}" if line.startswith(_FORMULA) else line
