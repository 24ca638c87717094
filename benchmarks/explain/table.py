"""Rows of explanations as tables for docs/explanation/explain.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from perfgate.formatting import change, difference, difference_interval, interval
from tests.explain.faults.pairs import ADDED

Row = Mapping[str, Any]
_VARIANTS = ("dense_",)


def table(rows: Sequence[Row]) -> str:
    """Return one line a pair, and one line for each group of the detector's variants."""
    single = [row for row in rows if not row["pair"].startswith(_VARIANTS)]
    variants = [row for row in rows if row["pair"].startswith(_VARIANTS)]
    return "\n\n".join(filter(None, (_of_pairs(single), _of_variants(variants))))


def _of_pairs(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    head = "| pair | true cause | rank | causes named | change of an execution, ms | parts without the rest, ms |\n"
    return head + "|---|---|---|---|---|---|\n" + "\n".join(map(_pair, rows)) + "\n\n" + _summary(rows)


def _pair(row: Row) -> str:
    place = str(_rank(row) or "missing") if row["expected"] else "" if not row["causes"] else "false"
    found = row["change_ms"]
    whole = f"{difference(found['estimate'], '')} {_bounds(found)}" if found else ""
    parts = sum(part["estimate"] for name, part in row["parts_ms"].items() if name != "rest")
    cells = (row["pair"], row["expected"] or "none", place, ", ".join(row["causes"]) or "none", whole)
    return f"| {' | '.join(cells)} | {difference(parts, '') if found else ''} |"


def _bounds(found: Mapping[str, float]) -> str:
    return difference_interval(found["low"], found["high"], "")


def _rank(row: Row) -> int:
    """Return the place of the true cause, from 1; 0 if it is missing."""
    return row["causes"].index(row["expected"]) + 1 if row["expected"] in row["causes"] else 0


def _summary(rows: Sequence[Row]) -> str:
    faults, equal = [row for row in rows if row["expected"]], [row for row in rows if not row["expected"]]
    ranks = Counter(map(_rank, faults))
    three = sum(count for rank, count in ranks.items() if 1 <= rank <= 3)
    quiet = sum(not row["causes"] for row in equal)
    overheads = sorted(row["overhead"]["estimate"] for row in rows if row["overhead"])
    spread = f"; tracing took {change(overheads[0])} to {change(overheads[-1])} of an execution" if overheads else ""
    covered = sum(_covers(row) for row in rows if row["change_ms"])
    adds = f"; the interval of the rest covers 0 in {covered} of {sum(bool(row['change_ms']) for row in rows)}"
    return (
        f"True cause first in {ranks[1]} of {len(faults)}, in the first three in {three}; no cause in {quiet} of "
        f"{len(equal)} equal pairs{spread}{adds}."
    )


def _covers(row: Row) -> bool:
    return bool(row["parts_ms"]["rest"]["low"] <= 0 <= row["parts_ms"]["rest"]["high"])


def _of_variants(rows: Sequence[Row]) -> str:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(next((name for name in ADDED if row["pair"].startswith(name)), "equal"), []).append(row)
    if not groups:
        return ""
    head = (
        "| added | pairs | interval above 0 | op named first | any alarm | changed_ops_ms, median | tracing, most s |\n"
    )
    lines = [_group(name, found) for name, found in groups.items()]
    return head + "|---|---|---|---|---|---|---|\n" + "\n".join(lines)


def _group(name: str, rows: Sequence[Row]) -> str:
    above = sum(bool(row["metric"]) and row["metric"]["low"] > 0 for row in rows)
    named = sum(row["causes"][:1] == ["op added"] for row in rows)
    alarms = sum(bool(row["causes"]) or bool(row["metric"]) for row in rows) if name == "equal" else 0
    found = sorted((row["metric"] for row in rows if row["metric"]), key=lambda each: each["estimate"])
    middle = found[len(found) // 2] if found else None
    shown = f"{change(middle['estimate'])} {interval(middle['low'], middle['high'])}" if middle else "no op differs"
    alarm = f"{alarms} of {len(rows)}" if name == "equal" else ""
    longest = max(row["trace_s"] for row in rows)
    return f"| {name} | {len(rows)} | {above} | {named} | {alarm} | {shown} | {longest:.1f} |"
