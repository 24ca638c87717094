"""Feasibility: what a run cannot decide because it will have too few requests, found before measuring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from perfgate.cautions import CautionKind
from perfgate.experiment.plan import Plan
from perfgate.formatting import duration, number
from perfgate.gate.objectives import FEWEST_REPLICAS, judged_objectives
from perfgate.gate.tolerance import gated_metrics, tolerance_of
from perfgate.loadgen.arrivals import mean_rate_rps
from perfgate.metrics import BY_NAME, Estimator, Source
from perfgate.scenario.schema import Gate, Objective
from perfgate.stats.binomial import requests_needed
from perfgate.stats.clusters import MOST_BATCHES, certainty
from perfgate.stats.failures import LONGEST_BURST
from perfgate.stats.per_trial import quantile_of
from perfgate.stats.replicate import requests_for_quantile
from perfgate.trials import Caution, Lane, ReplicaFacts

_TYPICAL_EFFECT = 4
"""Design effect of a percentile's share where latencies have an autocorrelation time of 4 requests:
docs/explanation/method.md."""


@dataclass(frozen=True, slots=True)
class _Need:
    what: str
    """Metric, or objective on it."""
    requests: int
    """Number needed per arm."""
    between: bool = False
    """Whether it is estimated between servers."""


@dataclass(frozen=True, slots=True)
class _Outlook:
    """What the load lane is expected to deliver."""

    rate_rps: float
    at_most: bool
    """Whether the rate is an upper limit."""
    load_s: float
    total_s: float
    arms: int
    replicas: int
    """Servers per arm."""
    turn_s: float

    @property
    def of_arm(self) -> float:
        """Requests per arm; each server has at least one turn."""
        return self.rate_rps * max(self.load_s / self.arms, self.turn_s * self.replicas)


def shortages(
    plan: Plan, gate: Gate, objectives: Mapping[str, Objective], facts: Sequence[ReplicaFacts] = ()
) -> tuple[Caution, ...]:
    """Warn about metrics and objectives that need more requests under load than the plan has time for.

    The rate of a closed loop is unknown until its servers are warm: with their facts, the highest rate that they could
    reach is assumed; without them, there is no warning.
    """
    outlook = _outlook(plan, facts)
    if outlook is None:
        return ()
    needs = [
        *(_of_gate(gate, outlook) if outlook.arms > 1 else ()),
        *_of_objectives(judged_objectives(objectives), gate.alpha, outlook),
    ]
    return tuple(caution for need in needs if (caution := _shortage(need, outlook)) is not None)


def _outlook(plan: Plan, facts: Sequence[ReplicaFacts]) -> _Outlook | None:
    rate_rps, closed = _rate_rps(plan, facts), plan.load.arrivals == "closed"
    load_s = sum(segment.seconds for segment in plan.segments if segment.lane is Lane.LOAD)
    if rate_rps is None or not load_s:
        return None
    total_s, arms = sum(segment.seconds for segment in plan.segments), len({slot.arm for slot in plan.slots})
    return _Outlook(rate_rps, closed, load_s, total_s, arms, plan.load_replicas, plan.turn_s)


def _rate_rps(plan: Plan, facts: Sequence[ReplicaFacts]) -> float | None:
    if (open_rps := mean_rate_rps(plan.load, plan.turn_s, plan.trace_s)) is not None:
        return open_rps
    warm_ms = [fact.warm_ms for fact in facts if fact.warm_ms > 0]
    if not warm_ms:
        return None
    return plan.load.in_flight / (float(np.median(warm_ms)) / 1e3 + plan.load.think_time_s)


def _of_gate(gate: Gate, outlook: _Outlook) -> Iterator[_Need]:
    for metric in gated_metrics(gate):
        if Source.LOAD not in metric.sources:
            continue
        quantile = quantile_of(metric.statistic)
        if metric.estimator is Estimator.ARM_QUANTILE and quantile:
            yield _Need(metric.name, requests_for_quantile(quantile[1]))
        elif metric.estimator is Estimator.PROPORTION:
            accepted = tolerance_of(metric, gate, 0.0).share
            yield _Need(metric.name, _without_failure(accepted, gate.alpha / 2, outlook))


def _of_objectives(objectives: Mapping[str, Objective], alpha: float, outlook: _Outlook) -> Iterator[_Need]:
    for name, objective in objectives.items():
        metric, quantile = BY_NAME[name], quantile_of(BY_NAME[name].statistic)
        if quantile:
            need = _with_none_above(quantile[1], alpha, outlook)
            yield _Need(f"the objective on {name}", need, between=True)
        elif metric.estimator is Estimator.PROPORTION and objective.max:
            yield _Need(f"the objective on {name}", _without_failure(objective.max, alpha, outlook))


def _with_none_above(quantile: float, alpha: float, outlook: _Outlook) -> int:
    """Return the requests needed to show a percentile below its bound if none exceeds it, at typical correlation."""
    clusters = outlook.replicas if outlook.replicas > 1 else MOST_BATCHES
    return ceil(requests_needed(quantile, alpha) * _TYPICAL_EFFECT / certainty(clusters, alpha))


def _without_failure(share: float, alpha: float, outlook: _Outlook) -> int:
    """Return the requests needed to show a share of failures if none fails; bursts of 20 failures count as one."""
    batches = MOST_BATCHES * outlook.replicas
    return ceil(requests_needed(1 - share, alpha) * LONGEST_BURST / certainty(batches, alpha))


def _shortage(need: _Need, outlook: _Outlook) -> Caution | None:
    if round(outlook.of_arm) >= need.requests:
        return None
    details = {
        "what": need.what,
        "needed": f"{need.requests:,}",
        "expected": f"{'at most' if outlook.at_most else 'about'} {outlook.of_arm:,.0f}",
        "load": duration(outlook.load_s),
        "rate": number(outlook.rate_rps),
        "arms": f"{outlook.arms} arm{'s' * (outlook.arms > 1)}",
    }
    if need.between and 1 < outlook.replicas < FEWEST_REPLICAS:
        return CautionKind.TOO_FEW_SERVERS.caution(**details, replicas=2 * FEWEST_REPLICAS, servers=outlook.replicas)
    load_s = ceil(need.requests * outlook.arms / outlook.rate_rps)
    measure_s = ceil(outlook.total_s * load_s / outlook.load_s)
    return CautionKind.TOO_FEW_REQUESTS.caution(**details, measure_s=measure_s, load_s=load_s)
