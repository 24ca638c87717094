"""A result's series for each lane separately: latency and CPU time of every trial."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from perfgate.report.charts.series import Panel
from perfgate.report.charts.tracks import trial_frame
from perfgate.results.result import TrialColumns

Values = Callable[[pd.DataFrame], "pd.Series[float]"]

_PANELS: tuple[tuple[str, str, str, str, Values], ...] = (
    # slug, title, unit, lane/depth, value of a trial
    ("execute", "Execution time, cold", "ms", "cost/execute", lambda frame: frame["service_mean_ms"]),
    ("request", "Request time, one in flight", "ms", "cost/request", lambda frame: frame["service_mean_ms"]),
    ("response", "Median response time under load", "ms", "load/request", lambda frame: frame["response_p50_ms"]),
    (
        "cpu-execute",
        "CPU time per execution",
        "ms",
        "cost/execute",
        lambda frame: frame["cpu_ms"] / frame["requests"],
    ),
    (
        "cpu-load",
        "CPU time per request under load",
        "ms",
        "load/request",
        lambda frame: frame["cpu_ms"] / frame["requests"],
    ),
)


def panels(trials: TrialColumns) -> tuple[Panel, ...]:
    """Return a panel for each measured quantity."""
    if not trials.block:
        return ()
    frame = trial_frame(trials)
    place = frame["lane"] + "/" + frame["depth"]
    made = (_panel(slug, title, unit, frame[place == where], values) for slug, title, unit, where, values in _PANELS)
    return tuple(panel for panel in made if panel.arms)


def _panel(slug: str, title: str, unit: str, frame: pd.DataFrame, values: Values) -> Panel:
    shown = pd.DataFrame({"arm": frame["arm"], "t": frame["start_s"], "value": values(frame).astype(float)})
    shown = shown[np.isfinite(shown["value"]) & np.isfinite(shown["t"])]
    order: Sequence[str] = sorted(shown["arm"].unique())
    arms = {arm: shown[shown["arm"] == arm] for arm in order}
    return Panel(
        slug, title, unit, {arm: (rows["t"].to_numpy(), rows["value"].to_numpy()) for arm, rows in arms.items()}
    )
