"""Which series a result has: latency, CPU time and memory of every trial, and what the machine did."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from perfgate.report.charts.series import Panel
from perfgate.report.result import TrialColumns

Values = Callable[[pd.DataFrame], "pd.Series[float]"]

_PANELS: tuple[tuple[str, str, str, str, Values], ...] = (
    # slug, title, unit, lane/depth ("" is any), value of a trial
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
    ("memory", "Resident memory", "MiB", "", lambda frame: frame["rss_mb"]),
)


def panels(trials: TrialColumns) -> tuple[Panel, ...]:
    """Take from the trials what there is; a quantity that was not measured has no panel."""
    if not trials.block:
        return ()
    columns = {name: getattr(trials, name) for name in TrialColumns.__dataclass_fields__}
    frame = pd.DataFrame({name: column for name, column in columns.items() if column})  # older results have fewer
    frame = frame.sort_values("start_s", kind="stable")
    place = frame["lane"] + "/" + frame["depth"]
    made = (
        _panel(slug, title, unit, frame[place == where] if where else frame, values)
        for slug, title, unit, where, values in _PANELS
    )
    return tuple(panel for panel in made if panel.arms)


def _panel(slug: str, title: str, unit: str, frame: pd.DataFrame, values: Values) -> Panel:
    shown = pd.DataFrame({"arm": frame["arm"], "t": frame["start_s"], "value": values(frame).astype(float)})
    shown = shown[np.isfinite(shown["value"]) & np.isfinite(shown["t"])]
    order: Sequence[str] = sorted(shown["arm"].unique())
    arms = {arm: shown[shown["arm"] == arm] for arm in order}
    return Panel(
        slug, title, unit, {arm: (rows["t"].to_numpy(), rows["value"].to_numpy()) for arm, rows in arms.items()}
    )
