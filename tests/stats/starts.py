"""Synthetic starts of servers with a known change, where machine noise affects neighbours equally."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from perfgate.stats.table import Columns, TrialTable
from perfgate.trials import Arm
from tests.stats.generator import World, autoregressive, design, facts


@dataclass(frozen=True, slots=True)
class Starts:
    """Duration of starts, log scale, measured with the ranking model beside other work (docs/explanation/method.md)."""

    own_sd: float = 0.07
    shared_sd: float = 0.05
    """Standard deviation of the noise that neighbours in the order share."""
    autocorrelation: float = 0.7
    first: float = 0.4
    """The very first server of a run takes this much longer."""


def started(world: World, starts: Starts, change: float, rng: np.random.Generator) -> TrialTable:
    """A run of which only the starts are known; the candidate's take longer by that share."""
    candidate, _, position = design(world)
    shared = autoregressive((candidate.size,), starts.autocorrelation, rng) * starts.shared_sd
    logs = shared + rng.normal(0, starts.own_sd, candidate.size) + np.log1p(change) * candidate
    logs += starts.first * (position == 0)
    times_s = 0.2 * np.exp(logs)
    each = zip(facts(world), times_s.tolist(), strict=True)
    rows = tuple(replace(fact, load_time_s=s, first_request_ms=500 * s) for fact, s in each)
    return TrialTable(Columns.of(()), rows, {Arm.BASELINE: 1.0, Arm.CANDIDATE: 1.0})
