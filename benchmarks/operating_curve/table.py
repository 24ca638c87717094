"""The lines of a file, and the outcome of each run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import log1p
from pathlib import Path

from scipy import stats

from benchmarks.operating_curve.measure import Line
from benchmarks.operating_curve.row import Outcome, Row, Wanted
from perfgate.stats.binomial import lower_share, upper_share

_SIDE = 0.025
"""Level of all intervals here, on either side, for 95 %."""


def read_rows(file: Path) -> tuple[Line, ...]:
    """Read all whole lines."""
    return tuple(json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip())


def outcomes(line: Line, row: Row) -> frozenset[Outcome]:
    """Return the outcomes of a run; a run without a verdict has none that is expected."""
    verdict = line["verdict"]
    others = [each["verdict"] for name, each in line["effects"].items() if name != row.metric]
    others += line.get("objectives", {}).values()
    own = line["effects"].get(row.metric)
    failed = {name for name, each in line["effects"].items() if each["verdict"] == "fail"}
    own_fails = row.metric in failed
    in_time = row.within_s is None or line["wall_s"] <= row.within_s
    came = {
        Outcome.FAIL: verdict == "fail",
        Outcome.PASS: verdict == "pass",
        Outcome.INCONCLUSIVE: verdict == "inconclusive",
        Outcome.FOUND: verdict == "fail" and in_time,
        Outcome.PASS_IN_TIME: verdict == "pass" and in_time,
        Outcome.METRIC_FAILS: verdict == "fail" and not failed.isdisjoint({row.metric, *row.also}),
        Outcome.ALONE: verdict == "fail" and own_fails and all(each == "pass" for each in others),
        Outcome.COVERS: own is not None and row.truth is not None and covers(own, row.truth),
    }
    return frozenset(outcome for outcome, so in came.items() if so)


def covers(effect: Line, truth: float) -> bool:
    """Return whether the effect's two-sided 95 % interval contains the true change, a share."""
    half = float(stats.t.isf(_SIDE, effect["df"])) * effect["log_se"]
    return bool(abs(effect["log_change"] - log1p(truth)) <= half)


@dataclass(frozen=True, slots=True)
class Rate:
    """A number of runs out of all."""

    count: int
    runs: int

    @property
    def share(self) -> float:
        """Observed share; 0 without runs."""
        return self.count / self.runs if self.runs else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Exact 95 % interval: Clopper & Pearson, Biometrika 26 (1934) 404."""
        return lower_share(self.count, self.runs, _SIDE), upper_share(self.count, self.runs, _SIDE)

    def __str__(self) -> str:
        """Format as `1 of 40 (0.1 to 13.2 %)`."""
        low, high = (100 * end for end in self.interval)
        return f"{self.count} of {self.runs} ({low:.1f} to {high:.1f} %)" if self.runs else ""


def standing(rate: Rate, wanted: Wanted) -> str:
    """Return whether a bound holds: definitely if the whole interval is on one side of it."""
    if not rate.runs:
        return "no runs yet"
    (low, high), inside = rate.interval, wanted.at_least <= rate.share <= wanted.at_most
    if wanted.at_least <= low and high <= wanted.at_most:
        return "met"
    if high < wanted.at_least or low > wanted.at_most:
        return "not met"
    return f"too few runs to say, {'met' if inside else 'not met'} so far"
