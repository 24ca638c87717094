"""Stage times reported by a server: `server-timing`, in gRPC trailers or HTTP headers.

Syntax: https://www.w3.org/TR/server-timing/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import nan

import numpy as np

from perfgate.trials import Stages

_METRIC = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*((?:;[^;,]*)*)")
_STAGES = ("queue", "execute", "encode", "batch")


def stages_of(timings: Mapping[int, str], requests: int) -> Stages | None:
    """Parse the lines of the requests that have one; None if none has."""
    if not timings:
        return None
    columns = np.full((len(_STAGES), requests), nan)
    for index, line in timings.items():
        columns[:, index] = stage_times(line)
    return None if np.isnan(columns).all() else Stages(*columns)


def stage_times(line: str) -> tuple[float, float, float, float]:
    """Parse queue, execute and encode in ms, and the batch's rows; NaN for missing ones."""
    found = dict.fromkeys(_STAGES, nan)
    for name, parameters in _METRIC.findall(line):
        if name in found:
            wanted = "desc" if name == "batch" else "dur"
            found[name] = _number(parameters, wanted)
    return found["queue"], found["execute"], found["encode"], found["batch"]


def _number(parameters: str, wanted: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == wanted:
            try:
                return float(value.strip().strip('"'))
            except ValueError:
                return nan
    return nan
