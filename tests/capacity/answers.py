"""Invented answers of `perfgate capacity` whose numbers agree with each other, one of each kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import exp, inf, log, nan

from perfgate.capacity.answer import (
    SCHEMA_VERSION,
    ArmCapacity,
    Bound,
    CapacityAnswer,
    CapacityChange,
    CapacityKind,
    CurvePoint,
    Limit,
    Point,
    RateStatus,
)
from perfgate.gate.verdict import Verdict
from perfgate.trials import Arm

HOSTILE = '"><script>alert(1)</script>{{ 7*7 }}\u202e\x07 [red]'
BOUND = Bound("latency_p99_ms", 0.01, 20.0)
ERRORS = Bound("error_rate", 0.001, stated=False)
OBJECTIVES = (BOUND, ERRORS)
RATES = (20.0, 60.0, 120.0, 200.0, 280.0, 340.0, 380.0, 410.0, 440.0, 520.0, 640.0)
"""Rates that were tried with both versions."""
_SERVICE_MS = 4.0
_CPU_MS = 2.4
_FULL = 1.2
"""Rate at which a server is busy all the time, over its capacity."""
_TURNS, _TURN_S = 6, 10.0


def one_arm() -> CapacityAnswer:
    """Return one version with an estimate."""
    return answer(arm(Arm.CANDIDATE, "models/ranker/2", 412.0))


def two_arms() -> CapacityAnswer:
    """Return a candidate that carries 16 % less, which fails."""
    change = CapacityChange(412 / 491 - 1, -0.189, -0.132, 0.05, Verdict.FAIL)
    return answer(
        arm(Arm.BASELINE, "models/ranker/1", 491.0), arm(Arm.CANDIDATE, "models/ranker/2", 412.0), change=change
    )


def no_difference() -> CapacityAnswer:
    """Return versions of which none is shown to carry more, which passes."""
    change = CapacityChange(0.003, -0.019, 0.026, 0.05, Verdict.PASS)
    return answer(
        arm(Arm.BASELINE, "models/ranker/1", 411.0), arm(Arm.CANDIDATE, "models/ranker/2", 412.0), change=change
    )


def undecided() -> CapacityAnswer:
    """Return a change whose interval contains the tolerance."""
    change = CapacityChange(-0.041, -0.093, 0.012, 0.05, Verdict.INCONCLUSIVE)
    return answer(
        arm(Arm.BASELINE, "models/ranker/1", 430.0), arm(Arm.CANDIDATE, "models/ranker/2", 412.0), change=change
    )


def above() -> CapacityAnswer:
    """Return a version that holds at the highest rate tried, beside a baseline with an estimate."""
    fast = arm(Arm.CANDIDATE, "models/ranker/2", 5000.0)
    highest = max(RATES)
    fast = replace(
        fast, kind=CapacityKind.ABOVE, rate_rps=highest, lower_rps=highest, upper_rps=inf, objective="",
        holds_rps=highest, breaks_rps=nan, limit=Limit("unknown", ""),
    )  # fmt: skip
    return answer(arm(Arm.BASELINE, "models/ranker/1", 491.0), fast)


def below() -> CapacityAnswer:
    """Return a version of which no rate holds."""
    slow = arm(Arm.CANDIDATE, "models/ranker/2", 9.0)
    slow = replace(
        slow, kind=CapacityKind.BELOW, rate_rps=min(RATES), lower_rps=0.0, upper_rps=min(RATES), holds_rps=nan,
        breaks_rps=min(RATES), limit=Limit("unknown", ""),
    )  # fmt: skip
    return answer(slow)


def generator() -> CapacityAnswer:
    """Return a version that is faster than the load generator."""
    fast = arm(Arm.CANDIDATE, "models/ranker/2", 90_000.0)
    fast = replace(
        fast, kind=CapacityKind.GENERATOR, rate_rps=41_000.0, lower_rps=max(RATES), upper_rps=inf, objective="",
        holds_rps=max(RATES), breaks_rps=nan,
        limit=Limit("generator", "the load generator used 1.0 of its 1 CPUs and sent 99% of requests up to 12 ms late"),
    )  # fmt: skip
    return answer(arm(Arm.BASELINE, "models/ranker/1", 491.0), fast)


def open_() -> CapacityAnswer:
    """Return a version with too few requests."""
    found = arm(Arm.CANDIDATE, "models/ranker/2", 412.0, RATES[:3])
    points = tuple(
        replace(each, turns=1, requests=71 + place, status=RateStatus.OPEN, p99_ms=nan)
        for place, each in enumerate(found.points)
    )
    found = replace(
        found, kind=CapacityKind.OPEN, rate_rps=nan, lower_rps=0.0, upper_rps=inf, objective="", points=points,
        curve=(), holds_rps=nan, breaks_rps=nan, limit=Limit("unknown", ""),
    )  # fmt: skip
    return answer(found)


def low_load() -> CapacityAnswer:
    """Return a version whose batches wait for more requests at low load."""
    found = arm(Arm.CANDIDATE, "models/ranker/2", 412.0)
    first = found.points[0]
    slow = replace(
        first, status=RateStatus.BREAKS, missed={**first.missed, "latency_p99_ms": 0.08}, p50_ms=14.0, p90_ms=19.0,
        p99_ms=26.0, queue_share=0.82, batch_size=1.1,
    )  # fmt: skip
    return answer(replace(found, breaks_low_rps=first.rate_rps, points=(slow, *found.points[1:])))


def unknown_numbers() -> CapacityAnswer:
    """Return a server of which only response times are known, with an interval open upwards."""
    found = arm(Arm.CANDIDATE, "models/ranker/2", 412.0)
    points = tuple(
        replace(each, p99_ms=nan, cpu_cores=nan, memory_mb=nan, batch_size=nan, queue_share=nan, little=nan,
                generator_cores=nan, growth=nan, send_lag_ms=nan)
        for each in found.points
    )  # fmt: skip
    found = replace(
        found, points=points, curve=(), upper_rps=inf, holds_rps=nan, breaks_rps=nan, cpu_ms_per_request=nan,
        memory_mb=nan, unloaded_ms=nan, limit=Limit("unknown", ""),
    )  # fmt: skip
    return answer(found)


def interrupted() -> CapacityAnswer:
    """Return what was known when it was interrupted: nothing of the candidate."""
    baseline = arm(Arm.BASELINE, "models/ranker/1", 491.0, RATES[3:6])
    baseline = replace(baseline, kind=CapacityKind.OPEN, rate_rps=nan, lower_rps=280.0, upper_rps=inf, breaks_rps=nan)
    candidate = replace(
        arm(Arm.CANDIDATE, "models/ranker/2", 412.0, ()), kind=CapacityKind.OPEN, rate_rps=nan, lower_rps=0.0,
        upper_rps=inf, objective="", holds_rps=nan, breaks_rps=nan, limit=Limit("unknown", ""),
    )  # fmt: skip
    return replace(answer(baseline, candidate), complete=False, turns=7, seconds=81.0)


def hostile() -> CapacityAnswer:
    """Return text that would be markup, code or control characters where it is not escaped."""
    found = two_arms()
    arms = tuple(replace(each, model=HOSTILE, limit=Limit("cpu", HOSTILE)) for each in found.arms)
    return replace(found, arms=arms, notes=(HOSTILE,), run_id=HOSTILE, scenario={"name": HOSTILE})


SAMPLES: dict[str, Callable[[], CapacityAnswer]] = {
    each.__name__.rstrip("_"): each
    for each in (
        one_arm, two_arms, no_difference, undecided, above, below, generator, open_, low_load, unknown_numbers,
        interrupted, hostile,
    )
}  # fmt: skip
"""Each kind of answer by name."""


def answer(*arms: ArmCapacity, change: CapacityChange | None = None) -> CapacityAnswer:
    """Return an answer about these versions."""
    turns = sum(point.turns for each in arms for point in each.points)
    return CapacityAnswer(
        schema_version=SCHEMA_VERSION,
        run_id="ranking-20261129-104502",
        created_utc="2026-11-29T10:45:02+00:00",
        perfgate_version="0.9.0",
        complete=True,
        scenario={"name": "ranking"},
        objectives=OBJECTIVES,
        arms=arms,
        change=change,
        cores=2,
        servers=4,
        turn_s=_TURN_S,
        lead_in_s=2.0,
        turns=turns,
        seconds=turns * (_TURN_S + 2.0),
        seed=7,
        notes=("The clock frequency of the CPU may change.",),
        environment={"cpu_model": "Example CPU", "cpus": 4},
        fingerprint="sha256:" + 16 * "a1b2",
    )


def arm(which: Arm, model: str, capacity_rps: float, rates: tuple[float, ...] = RATES) -> ArmCapacity:
    """Return a version that has a capacity, tried at some rates."""
    points = tuple(_point(rate, capacity_rps) for rate in rates)
    holding = [each.rate_rps for each in points if each.status is RateStatus.HOLDS]
    breaking = [each.rate_rps for each in points if each.status is RateStatus.BREAKS]
    return ArmCapacity(
        arm=which,
        model=model,
        kind=CapacityKind.ESTIMATED,
        rate_rps=capacity_rps,
        lower_rps=capacity_rps - 0.034 * capacity_rps,
        upper_rps=capacity_rps + 0.032 * capacity_rps,
        objective=BOUND.metric,
        holds_rps=max(holding, default=nan),
        breaks_rps=min(breaking, default=nan),
        breaks_low_rps=nan,
        limit=Limit("cpu", "the server uses 1.9 of its 2 CPUs near the capacity"),
        points=points,
        curve=tuple(_curve_point(each) for each in points),
        cpu_ms_per_request=_CPU_MS,
        memory_mb=612.0,
        unloaded_ms=_SERVICE_MS + 0.4,
    )


def _point(rate_rps: float, capacity_rps: float) -> Point:
    """Return what a server shows whose waiting times are exponential and grow without end at 1.2 times its capacity."""
    wait_ms = _wait_ms(rate_rps, capacity_rps)
    requests = round(_TURNS * _TURN_S * rate_rps)
    missed = round(exp(-(20.0 - _SERVICE_MS) / wait_ms) * requests) / requests
    close = abs(log(rate_rps / capacity_rps)) < log(1.05)
    status = RateStatus.OPEN if close else RateStatus.HOLDS if missed <= BOUND.share else RateStatus.BREAKS
    achieved_rps, load = min(rate_rps, _FULL * capacity_rps), min(rate_rps / (_FULL * capacity_rps), 1.0)
    return Point(
        rate_rps=rate_rps,
        turns=_TURNS,
        requests=requests,
        status=status,
        missed={BOUND.metric: missed, ERRORS.metric: 0.0},
        p50_ms=_SERVICE_MS + wait_ms * log(2),
        p90_ms=_SERVICE_MS + wait_ms * log(10),
        p99_ms=_SERVICE_MS + wait_ms * log(100),
        achieved_rps=achieved_rps,
        cpu_cores=achieved_rps * _CPU_MS / 1e3,
        memory_mb=600.0 + 12 * load,
        batch_size=1 + 7 * load,
        queue_share=wait_ms / (_SERVICE_MS + wait_ms),
        in_flight=achieved_rps * (_SERVICE_MS + wait_ms) / 1e3,
        growth=1 - achieved_rps / rate_rps,
        generator_cores=rate_rps * 0.1 / 1e3,
        send_lag_ms=0.08,
        little=1.0 if load < 1 else 0.81,
    )


def _wait_ms(rate_rps: float, capacity_rps: float) -> float:
    """Return the mean waiting time, with which exactly the share that may misses the bound at the capacity."""
    at_capacity_ms = (20.0 - _SERVICE_MS) / log(1 / BOUND.share)
    left = max(1 - rate_rps / (_FULL * capacity_rps), 0.002)
    return at_capacity_ms * (1 - 1 / _FULL) / left


def _curve_point(point: Point) -> CurvePoint:
    share = point.missed[BOUND.metric]
    return CurvePoint(point.rate_rps, share, 0.8 * share, min(1.0, 1.25 * share))
