"""One simulated run: looked at as a real one is, and judged once at its end, too."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from perfgate.gate.decide import decide
from perfgate.gate.judge import cases_of
from perfgate.gate.looking import Looking
from perfgate.gate.verdict import MetricVerdict, Verdict
from perfgate.metrics import BY_NAME, Source
from perfgate.scenario.schema import Gate, MetricGate
from perfgate.scenario.severity import Severity
from perfgate.stats.table import TrialTable
from tests.stats.generator import World, columns, design, facts, logs

METRIC = BY_NAME["execute_ms"]
_OTHERS = ("cpu_ms_per_request", "service_mean_ms", "rss_peak_mb")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one run."""

    sequential: Verdict
    once: Verdict
    """In a single look at the end."""
    fraction: float
    """Of the time, when the looks were over."""
    covered: bool
    """Whether the 95 % interval at the time when the looks were over has the truth in it."""
    covered_at_end: bool
    bounds_hold: bool
    """Whether the truth lies within the bounds that decide, at the time when the looks were over."""


def simulate(world: World, effect: float, catch: float, seed: tuple[int, ...], looks: int = 8) -> Outcome:
    """Make one run of true change `effect` and judge it, with so many looks and without."""
    gate = Gate(metrics={METRIC.name: MetricGate(catch=catch), **dict.fromkeys(_OTHERS, MetricGate(gate=False))})
    measured = logs(world, effect, np.random.default_rng(seed))
    candidate, known = design(world)[0], facts(world)
    looking = Looking(gate, {}, (Source.EXECUTE,))
    for number in range(1, looks + 1):
        blocks = world.blocks * number // looks
        table = TrialTable(columns(measured[:blocks], candidate), known)
        (found,) = looking.look(Source.EXECUTE, number / looks, 1.0 * number, table)
        if looking.settled(Source.EXECUTE, (found,)):
            break
    end = _once(TrialTable(columns(measured, candidate), known), gate)
    return Outcome(
        sequential=found.verdict,
        once=end.verdict,
        fraction=number / looks,
        covered=found.effect.ci95_lower <= effect <= found.effect.ci95_upper,
        covered_at_end=end.effect.ci95_lower <= effect <= end.effect.ci95_upper,
        bounds_hold=found.effect.lower <= effect <= found.effect.upper,
    )


def _once(table: TrialTable, gate: Gate) -> MetricVerdict:
    (case,) = cases_of([METRIC], table, gate, (), cross_check=False)
    return decide([replace(case, severity=Severity.ERROR)], gate.alpha)[0]
