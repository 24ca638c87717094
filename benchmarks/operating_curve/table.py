"""The lines of a file, and what each run came to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from benchmarks.operating_curve.measure import Line
from benchmarks.operating_curve.rows import Outcome, Row, Wanted
from perfgate.stats.binomial import lower_share, upper_share

_SIDE = 0.025


def read_rows(file: Path) -> tuple[Line, ...]:
    """Read all whole lines."""
    return tuple(json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip())


def outcomes(line: Line, row: Row) -> frozenset[Outcome]:
    """Say what a run came to; a run without a verdict came to nothing that is wanted."""
    verdict = line["verdict"]
    others = [each["verdict"] for name, each in line["effects"].items() if name != row.metric]
    others += line.get("objectives", {}).values()
    own_fails = line["effects"].get(row.metric, {}).get("verdict") == "fail"
    in_time = row.within_s is None or line["wall_s"] <= row.within_s
    came = {
        Outcome.FAIL: verdict == "fail",
        Outcome.PASS: verdict == "pass",
        Outcome.INCONCLUSIVE: verdict == "inconclusive",
        Outcome.FOUND: verdict == "fail" and in_time,
        Outcome.METRIC_FAILS: verdict == "fail" and own_fails,
        Outcome.ALONE: verdict == "fail" and own_fails and all(each == "pass" for each in others),
    }
    return frozenset(outcome for outcome, so in came.items() if so)


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many runs."""

    count: int
    runs: int

    @property
    def share(self) -> float:
        """Observed; 0 without runs."""
        return self.count / self.runs if self.runs else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Exact 95 % interval: Clopper & Pearson, Biometrika 26 (1934) 404."""
        return lower_share(self.count, self.runs, _SIDE), upper_share(self.count, self.runs, _SIDE)

    def __str__(self) -> str:
        """Print as `1 of 40 (0.1 to 13.2 %)`."""
        low, high = (100 * end for end in self.interval)
        return f"{self.count} of {self.runs} ({low:.1f} to {high:.1f} %)" if self.runs else ""


def standing(rate: Rate, wanted: Wanted) -> str:
    """Say whether a bound holds: surely where the whole interval is on one side of it."""
    if not rate.runs:
        return "no run yet"
    (low, high), inside = rate.interval, wanted.at_least <= rate.share <= wanted.at_most
    if wanted.at_least <= low and high <= wanted.at_most:
        return "met"
    if high < wanted.at_least or low > wanted.at_most:
        return "not met"
    return f"too few runs to say, {'met' if inside else 'not met'} so far"
