"""Payloads whose change differs from that of the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import log1p

import numpy as np
from scipy import special

from perfgate import formatting
from perfgate.results.result import Result
from perfgate.stats.payload_changes import PayloadChange

_ALPHA = 0.01
"""Error level, two-sided, over all payloads of a metric."""
_MOST_NAMED = 4
_Z95 = 1.96
_LEAST_APART = 0.01
"""Least difference in the log change: anything closer to the others is not worth a sentence, however certain."""


@dataclass(frozen=True, slots=True)
class PayloadRow:
    """One payload of one metric, formatted."""

    metric: str
    payload: str
    share: str
    baseline: str
    change: str
    interval: str
    """95% interval of this payload alone."""
    stands_out: bool


def payload_rows(result: Result) -> tuple[PayloadRow, ...]:
    """Return one row a payload for each metric whose payloads did not all change alike."""
    return tuple(
        _row(change, change.payload in {each.payload for each in out})
        for _, changes, out in _unlike(result)
        for change in changes
    )


def payload_sentences(result: Result) -> tuple[str, ...]:
    """Name the payloads that differ: `execute_ms of requests 3 and 11: +150%, of the others +0.2%`."""
    return tuple(_sentence(metric, changes, out) for metric, changes, out in _unlike(result))


def _unlike(result: Result) -> Iterator[tuple[str, list[PayloadChange], list[PayloadChange]]]:
    for metric, found in groupby(result.payload_changes, key=lambda each: each.metric):
        changes = list(found)
        if out := standing_out(changes):
            yield metric, changes, out


def standing_out(changes: Sequence[PayloadChange]) -> list[PayloadChange]:
    """Return the payloads whose change clearly differs from the median payload's, the worst first.

    Uses their intervals, widened to 99% over all of them (Bonferroni).
    """
    if len(changes) < 3:
        return []
    logs = np.log1p([each.change for each in changes])
    half = (np.log1p([each.upper for each in changes]) - np.log1p([each.lower for each in changes])) / 2
    far = float(special.ndtri(1 - _ALPHA / 2 / len(changes))) / _Z95
    apart = np.abs(logs - np.median(logs))
    out = [changes[index] for index in np.flatnonzero((apart > far * half) & (apart > _LEAST_APART)).tolist()]
    return sorted(out, key=lambda each: -abs(log1p(each.change)))


def _sentence(metric: str, changes: Sequence[PayloadChange], out: Sequence[PayloadChange]) -> str:
    named = sorted(each.payload for each in out[:_MOST_NAMED])
    more = len(out) - len(named)
    numbers = ", ".join(map(str, named[:-1])) + (" and " if named[:-1] and not more else ", " if named[:-1] else "")
    which = f"request{'s' * (len(out) > 1)} {numbers}{named[-1]}" + (f" and {more} more" if more else "")
    traffic = formatting.share(sum(each.share for each in out))
    others = [each for each in changes if each not in out]
    rest = f"; of the others {_mean_change(others)}" if others else ""
    return f"{metric} of {which} ({traffic} of the traffic): {_mean_change(out)}{rest}"


def _mean_change(changes: Sequence[PayloadChange]) -> str:
    """Return the mean over requests, weighted by the time that each takes."""
    time = np.array([each.share * each.baseline_value for each in changes])
    return formatting.change(float(time @ np.array([each.change for each in changes]) / time.sum()))


def _row(change: PayloadChange, stands_out: bool) -> PayloadRow:  # noqa: FBT001 - private
    return PayloadRow(
        metric=change.metric,
        payload=str(change.payload),
        share=formatting.share(change.share),
        baseline=formatting.quantity(change.baseline_value, change.metric),
        change=formatting.change(change.change),
        interval=formatting.interval(change.lower, change.upper),
        stands_out=stands_out,
    )
