"""The scenario's arrival process at any rate."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from perfgate.capacity.reference_queue import Arrivals
from perfgate.capacity.turn import Floats
from perfgate.loadgen import arrivals
from perfgate.scenario.schema import Load

SHAPED = ("ramp", "steps")
"""Arrivals whose turns begin and end as they are written, so that nothing of their start is left out."""


def at_any_rate(load: Load, length_s: float, trace_s: Sequence[float] = ()) -> Arrivals:
    """Return a function that draws one turn's arrivals at a mean rate; a closed loop becomes Poisson arrivals.

    A ramp and steps keep their shape, and a trace its own: it is replayed faster or slower, from a random place.
    """
    trace = np.asarray(trace_s, np.float64)

    @lru_cache(1)  # a million turns are drawn at a few rates
    def scaled(rate_rps: float) -> Load:
        return _scaled(load, rate_rps, length_s)

    def draw(rate_rps: float, rng: np.random.Generator) -> Floats:
        if load.arrivals == "trace":
            return _part_of_trace(trace, rate_rps, length_s, rng)
        return arrivals.schedule(scaled(rate_rps), length_s, rng)

    return draw


def _scaled(load: Load, rate_rps: float, length_s: float) -> Load:
    if load.arrivals in SHAPED:
        factor = rate_rps / (arrivals.mean_rate_rps(load, length_s) or rate_rps)
        steps = None if load.steps_rps is None else tuple(step * factor for step in load.steps_rps)
        ends = {key: None if (end := getattr(load, key)) is None else end * factor for key in ("from_rps", "to_rps")}
        return load.model_copy(update={"steps_rps": steps, **ends})
    kind = "poisson" if load.arrivals == "closed" else load.arrivals
    return load.model_copy(update={"arrivals": kind, "rate_rps": rate_rps})


def _part_of_trace(trace_s: Floats, rate_rps: float, length_s: float, rng: np.random.Generator) -> Floats:
    """Replay a trace at another mean rate, in a circle, from a random place."""
    whole_s = trace_s.size / rate_rps
    scaled_s = trace_s * (whole_s / max(arrivals.length_s(trace_s.tolist()), 1e-9)) if trace_s.size > 1 else trace_s
    begin_s = rng.uniform(0, whole_s)
    rounds = int(np.ceil((begin_s + length_s) / whole_s)) + 1
    repeated_s = np.concatenate([scaled_s + turn * whole_s for turn in range(rounds)]) - begin_s
    return repeated_s[(repeated_s >= 0) & (repeated_s < length_s)]
