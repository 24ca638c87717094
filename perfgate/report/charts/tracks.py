"""Quantities measured over the whole run, one a track, all on the run's time axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from perfgate.experiment.cautions import PRESSURE_LIMIT, STEAL_LIMIT
from perfgate.experiment.timeline import Timeline
from perfgate.report.charts.downsample import Numbers
from perfgate.results.result import BlockColumns, Result, TrialColumns

Series = tuple[Numbers, Numbers]
"""Seconds since the run began, ascending, and values."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One quantity, of each arm or of the machine."""

    slug: str
    title: str
    unit: str
    series: Mapping[str, Series]
    """Series by arm, or by what the machine did."""
    log: bool = False
    from_zero: bool = False
    limits: tuple[tuple[float, str], ...] = ()
    """Notable values, with their names."""
    typical: Callable[[Numbers], np.floating] = np.median
    """Summary of a stretch, for tables."""
    quiet: str = ""
    """Text shown instead of a picture if every value is 0."""


def trial_frame(trials: TrialColumns) -> pd.DataFrame:
    """Return one row a trial in order of time; columns that an older result lacks are all NaN."""
    count = len(trials.block)
    names = TrialColumns.__dataclass_fields__
    columns = {name: getattr(trials, name) or np.full(count, np.nan) for name in names}
    return pd.DataFrame(columns).sort_values("start_s", kind="stable")


def tracks(result: Result) -> tuple[Track, ...]:
    """Return a track for each measured quantity."""
    if not result.trials.block:
        return ()
    frame = trial_frame(result.trials)
    every = (
        _median_time(frame),
        _tail(frame),
        _throughput(frame),
        _cores(frame, result.timeline),
        _memory(frame, result.timeline),
        _errors(frame),
        _machine(result.blocks),
    )
    return tuple(track for track in every if track.series)


def _median_time(frame: pd.DataFrame) -> Track:
    value = frame["response_p50_ms"].where(frame["lane"] == "load", frame["service_mean_ms"])
    return Track("p50", "Request time, p50 per turn", "ms", _by_arm(frame, value), log=True)


def _tail(frame: pd.DataFrame) -> Track:
    loaded = frame[frame["lane"] == "load"]
    if loaded["response_p99_ms"].notna().any():
        return Track(
            "p99",
            "Request time, p99 per turn under load",
            "ms",
            _by_arm(loaded, loaded["response_p99_ms"]),
            log=True,
        )
    return Track(
        "max", "Slowest request per turn under load", "ms", _by_arm(loaded, loaded["response_max_ms"]), log=True
    )


def _throughput(frame: pd.DataFrame) -> Track:
    loaded = frame[(frame["lane"] == "load") & (frame["wall_s"] > 0)]
    value = (loaded["requests"] - loaded["errors"]) / loaded["wall_s"]
    return Track("throughput", "Throughput under load, answered requests", "1/s", _by_arm(loaded, value))


def _cores(frame: pd.DataFrame, timeline: Timeline) -> Track:
    used = frame["cpu_ms"] / 1e3 / frame["wall_s"].where(frame["wall_s"] > 0)
    sampled = _sampled_cores(timeline, frame)
    rest = frame["lane"] != "load" if _has_all(sampled, frame) else pd.Series(data=True, index=frame.index)
    points = pd.concat([_points(frame[rest], used[rest]), sampled[: 0 if rest.all() else None]])
    return Track("cores", "CPU cores used by the server", "cores", _split(points))


def _sampled_cores(timeline: Timeline, frame: pd.DataFrame) -> pd.DataFrame:
    """Return cores in use between two samples of a server, both within one of its turns."""
    samples = pd.DataFrame(
        {"arm": timeline.arm, "replica": timeline.replica, "t": timeline.time_s, "cpu": timeline.cpu_ms}
    )
    turns = frame[frame["lane"] == "load"]
    parts = []
    for (arm, replica), mine in samples.groupby(["arm", "replica"], sort=True):
        t, cpu_ms = mine["t"].to_numpy(), mine["cpu"].to_numpy()
        its = turns[(turns["arm"] == arm) & (turns["replica"] == replica)]
        turn = np.searchsorted(its["start_s"].to_numpy(), t, side="right") - 1
        ends = np.append((its["start_s"] + its["wall_s"]).to_numpy(), -np.inf)[turn]
        within = (turn[1:] == turn[:-1]) & (turn[:-1] >= 0) & (t[1:] <= ends[1:]) & (np.diff(t) > 0)
        cores = np.diff(cpu_ms)[within] / 1e3 / np.diff(t)[within]
        parts.append(pd.DataFrame({"arm": arm, "t": ((t[1:] + t[:-1]) / 2)[within], "value": cores}))
    return pd.concat([_NOTHING, *parts]) if parts else _NOTHING


def _memory(frame: pd.DataFrame, timeline: Timeline) -> Track:
    sampled = pd.DataFrame({"arm": timeline.arm, "t": timeline.time_s, "value": timeline.rss_mb})
    whole = _has_all(sampled, frame)
    trials = frame[frame["lane"] != "load"] if whole else frame
    points = pd.concat([_points(trials, trials["rss_mb"]), sampled if whole else _NOTHING])
    return Track("rss", "Resident memory of a server", "MiB", _split(points))


def _errors(frame: pd.DataFrame) -> Track:
    asked = frame["requests"].sum()
    share = frame["errors"] / frame["requests"].where(frame["requests"] > 0)
    quiet = f"none of {asked:,} requests failed"
    return Track(
        "errors", "Failed requests", "share", _by_arm(frame, share), from_zero=True, typical=np.mean, quiet=quiet
    )


def _machine(blocks: BlockColumns) -> Track:
    t = np.array(blocks.start_s, np.float64)
    order = np.argsort(t, kind="stable")
    shares = {
        name: np.array(share, np.float64)[order]
        for name, share in (("CPU pressure", blocks.cpu_pressure_share), ("steal", blocks.steal_share))
    }
    known = {name: np.isfinite(values) for name, values in shares.items()}
    series = {
        name: (t[order][known[name]], values[known[name]]) for name, values in shares.items() if known[name].any()
    }
    limits = ((PRESSURE_LIMIT, "limit of CPU pressure, except under load"), (STEAL_LIMIT, "limit of steal"))
    kept = tuple(
        limit
        for limit, name in zip(limits, shares, strict=True)
        if name in series and series[name][1].max() > limit[0] / 2
    )
    return Track(
        "machine", "Interference per block: ● CPU pressure, ■ steal", "share", series, from_zero=True, limits=kept
    )


def _by_arm(frame: pd.DataFrame, value: pd.Series[float]) -> dict[str, Series]:
    return _split(_points(frame, value))


def _points(frame: pd.DataFrame, value: pd.Series[float]) -> pd.DataFrame:
    return pd.DataFrame({"arm": frame["arm"], "t": frame["start_s"], "value": value.astype(float)})


_NOTHING = pd.DataFrame({"arm": pd.Series(dtype=str), "t": pd.Series(dtype=float), "value": pd.Series(dtype=float)})


def _has_all(sampled: pd.DataFrame, frame: pd.DataFrame) -> bool:
    loaded = set(frame.loc[frame["lane"] == "load", "arm"])
    return bool(loaded) and loaded <= set(sampled["arm"])


def _split(points: pd.DataFrame) -> dict[str, Series]:
    known = points[np.isfinite(points["value"]) & np.isfinite(points["t"])].sort_values("t", kind="stable")
    arms = {str(arm): known[known["arm"] == arm] for arm in sorted(known["arm"].unique())}
    return {arm: (rows["t"].to_numpy(), rows["value"].to_numpy()) for arm, rows in arms.items()}
