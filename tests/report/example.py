"""Realistic results from a seed, for every way in which a run can end."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from perfgate.baseline.numbers import StoredFacts
from perfgate.experiment.timeline import ThreadTime, Timeline
from perfgate.gate.headline import headline
from perfgate.gate.verdict import Accepted, Judgement, MetricVerdict, ObjectiveVerdict, Verdict
from perfgate.metrics import BY_NAME, Scale
from perfgate.pipeline.cautions import verdict_cautions
from perfgate.results.result import BlockColumns, ComparisonKind, ModelFacts, Outcome, Result, TrialColumns
from perfgate.scenario.effective import effective
from perfgate.scenario.schema import Scenario
from perfgate.scenario.severity import Severity
from perfgate.stats.effect import Effect
from perfgate.stats.prediction import OccasionSpread
from perfgate.stats.summary import ArmSummary, BatchSizes, ClassSummary, Generator, StageSummary
from perfgate.trials import Arm, Caution, ReplicaFacts, State
from tests.report.example_trials import blocks, curve, only, trials

HOSTILE = '"><script>alert(1)</script>'

# metric, gated, catch, baseline value, state, half-width of the interval
_METRICS = (
    ("execute_ms", True, 0.05, 1.92, State.COLD, 0.008),
    ("cpu_ms_per_request", True, 0.05, 1.98, State.COLD, 0.009),
    ("service_mean_ms", True, 0.10, 2.61, State.WARM, 0.018),
    ("rss_peak_mb", True, 0.10, 312.4, State.UNDER_LOAD, 0.012),
    ("latency_p50_ms", False, 0.10, 4.31, State.UNDER_LOAD, 0.03),
    ("latency_p90_ms", False, 0.20, 6.02, State.UNDER_LOAD, 0.05),
    ("latency_p99_ms", False, 0.30, 11.7, State.UNDER_LOAD, 0.14),
    ("throughput_rps", False, 0.10, 448.0, State.UNDER_LOAD, 0.03),
    ("pss_mb", False, 0.20, 96.3, State.UNDER_LOAD, 0.02),
    ("load_time_s", False, 0.50, 0.81, State.COLD, 0.08),
    ("first_request_ms", False, 0.50, 38.2, State.COLD, 0.12),
)


def passing(seed: int = 1) -> Result:
    return _result(seed, {}, Verdict.PASS)


def passing_small() -> Result:
    """Build the smallest result that has one of each, which a property test can afford to change often."""
    result = passing()
    assert result.judgement
    judgement = replace(result.judgement, metrics=result.judgement.metrics[:1])
    return replace(result, judgement=judgement, trials=TrialColumns(), blocks=BlockColumns(), curves=(), summaries=())


def failing(seed: int = 2) -> Result:
    changes = {"execute_ms": 0.124, "cpu_ms_per_request": 0.131, "service_mean_ms": 0.094, "throughput_rps": -0.09}
    return _result(seed, changes, Verdict.FAIL)


def inconclusive(seed: int = 3) -> Result:
    result = _result(seed, {"service_mean_ms": 0.045, "execute_ms": 0.012}, Verdict.INCONCLUSIVE)
    noisy = Caution(
        "noisy_machine",
        "another process took 31% of the CPU while the model was measured",
        "run on a quieter machine, or give the run more time: --budget 2min",
    )
    return replace(result, cautions=(noisy,))


def invalid(seed: int = 4) -> Result:
    judgement = Judgement(
        Verdict.INVALID, "the server of candidate replica 3 died (signal 9)", (), (), ("out of memory",)
    )
    died = Caution(
        "server_died", "the server of candidate replica 3 died (signal 9)", "use fewer replicas: --replicas 4"
    )
    return replace(
        _result(seed, {}, Verdict.PASS),
        status=Outcome.INVALID,
        judgement=judgement,
        cautions=(died,),
        curves=(),
        summaries=(),
        stages=(),
        batch_sizes=(),
        request_classes=(),
        threads=(),
        timeline=Timeline(),
        generator=None,
    )


def interrupted(seed: int = 5) -> Result:
    result = _result(seed, {}, Verdict.PASS)
    return replace(
        result,
        status=Outcome.INTERRUPTED,
        judgement=None,
        curves=(),
        summaries=(),
        stages=(),
        threads=(),
        generator=None,
    )


def no_baseline(seed: int = 6) -> Result:
    result = _result(seed, {}, Verdict.PASS)
    assert result.judgement
    mine = Arm.CANDIDATE
    return replace(
        result,
        comparison=ComparisonKind.NONE,
        baseline_name=None,
        models={mine: result.models[mine]},
        judgement=replace(result.judgement, metrics=(), headline="2 objectives hold, nothing to compare with"),
        summaries=tuple(s for s in result.summaries if s.arm == mine),
        replicas=tuple(r for r in result.replicas if r.arm == mine),
        trials=only(result.trials, mine),
        curves=tuple(c for c in result.curves if c.arm == mine),
        stages=tuple(s for s in result.stages if s.arm == mine),
        batch_sizes=tuple(b for b in result.batch_sizes if b.arm == mine),
        request_classes=tuple(c for c in result.request_classes if c.arm == mine),
        threads=tuple(t for t in result.threads if t.arm == mine),
    )


def stored_numbers(seed: int = 10) -> Result:
    """Compare the candidate alone with numbers of three days."""
    result = no_baseline(seed)
    whole = inconclusive(seed)
    assert whole.judgement
    spread = OccasionSpread(0.041, 4.0, "5 days")
    metrics = tuple(replace(m, effect=replace(m.effect, occasion=spread)) for m in whole.judgement.metrics)
    return replace(
        result,
        comparison=ComparisonKind.STORED_NUMBERS,
        baseline_name="prod",
        judgement=replace(whole.judgement, metrics=metrics),
        stored=StoredFacts(
            ("prod/20260228T101500.000Z-0123456789ab", "prod/20260227T101500.000Z-0123456789ab"),
            "2026-02-28T10:15:00Z",
            "models/ranker/1",
            "sha256:" + "a1" * 32,
            14.2,
            2,
        ),
    )


def one_replica(seed: int = 7) -> Result:
    result = inconclusive(seed)
    assert result.judgement
    blind = tuple(
        replace(
            m,
            verdict=Verdict.INCONCLUSIVE,
            detectable=math.nan,
            effect=_blind(m.effect),
            reason="one replica tells no spread",
            more="2 replicas at least",
        )
        for m in result.judgement.metrics
    )
    judgement = replace(result.judgement, metrics=blind, headline="execute_ms n/a: one replica tells no spread")
    first = tuple(r for r in result.replicas if r.replica == 0)
    return replace(result, judgement=judgement, replicas=first)


def hostile(seed: int = 8) -> Result:
    """Build a failing result in which every external string tries to break out."""
    nasty = HOSTILE + "\x1b[31m\x00\u202e\n' & <svg onload=x> {{ 7*7 }} </style> [bold]"
    result = failing(seed)
    assert result.judgement
    return replace(
        result,
        run_id=nasty,
        command=("perfgate", "run", nasty),
        baseline_name=nasty,
        stored=StoredFacts((nasty,), nasty, nasty, nasty, 1.0),
        models={arm: replace(facts, given=nasty, path=nasty) for arm, facts in result.models.items()},
        scenario={**result.scenario, "name": nasty, "description": nasty},
        environment={nasty: nasty, **result.environment},
        plan={**result.plan, nasty: [nasty]},
        judgement=replace(result.judgement, headline=nasty, reasons=(nasty,)),
        cautions=(Caution(nasty, nasty, nasty),),
        phases_s={nasty: 1.0},
        request_classes=tuple(replace(each, name=nasty) for each in result.request_classes),
    )


def big(rows: int, seed: int = 9) -> Result:
    return replace(failing(seed), trials=trials(np.random.default_rng(seed), rows, {"execute_ms": 0.124}))


def leaking(seed: int = 11) -> Result:
    """Build a result whose candidate leaks and loses requests: metrics that are compared by difference."""
    result = passing(seed)
    assert result.judgement
    leak = _apart("rss_growth_mb_per_1k", (0.98, 0.91, 1.05), (0.02, 1.0), 0.5, Verdict.FAIL)
    lost = _apart("error_rate", (0.012, 0.004, 0.021), (0.0, 0.012), 0.01, Verdict.INCONCLUSIVE)
    headline = "rss_growth_mb_per_1k +0.98 [+0.91, +1.05] > 0.5 MiB/1k requests"
    metrics = (*result.judgement.metrics, leak, lost)
    return replace(
        result, judgement=replace(result.judgement, verdict=Verdict.FAIL, headline=headline, metrics=metrics)
    )


def lenient(seed: int = 14, reason: str = "the new tower pays for it") -> Result:
    """Build a passing result in which one regression is accepted, and another one and an objective are warn-only."""
    result = _result(seed, {"execute_ms": 0.2, "throughput_rps": -0.12}, Verdict.PASS)
    assert result.judgement
    accepted = {"execute_ms": Verdict.FAIL, "rss_peak_mb": Verdict.PASS}
    metrics = tuple(
        _accepting(each, reason, accepted[each.metric]) if each.metric in accepted else each
        for each in result.judgement.metrics
    )
    warns = {"throughput_rps", "latency_p90_ms"}
    metrics = tuple(
        replace(each, gated=True, severity=Severity.WARN) if each.metric in warns else each for each in metrics
    )
    p99, throughput = result.judgement.objectives
    objectives = (replace(p99, verdict=Verdict.FAIL, bound=10.0, severity=Severity.WARN, reason="is above"), throughput)
    parts: tuple[MetricVerdict | ObjectiveVerdict, ...] = (*metrics, *objectives)
    failed = [each for each in parts if each.warns and each.verdict is Verdict.FAIL]
    judgement = Judgement(
        Verdict.PASS,
        headline(Verdict.PASS, metrics, objectives, ()),
        metrics,
        objectives,
        (),
        tuple(f"{each.metric} {each.reason}" for each in failed),
    )
    return replace(result, judgement=judgement, cautions=verdict_cautions(judgement))


def _accepting(verdict: MetricVerdict, reason: str, own: Verdict) -> MetricVerdict:
    accepted = Accepted(0.25, reason, "jo", "2027-03-01", verdict.tolerance, own)
    words = "is within the 25% accepted until 2027-03-01"
    return replace(verdict, verdict=Verdict.PASS, tolerance=0.25, accepted=accepted, reason=words)


def _apart(
    name: str, ends: tuple[float, float, float], values: tuple[float, float], tolerance: float, verdict: Verdict
) -> MetricVerdict:
    effect = Effect(
        metric=name,
        change=ends[0],
        lower=ends[1],
        upper=ends[2],
        alpha=0.01,
        log_change=ends[0],
        log_se=(ends[2] - ends[1]) / 5,
        df=20.5,
        baseline_value=values[0],
        candidate_value=values[1],
        baseline_replicas=(values[0],) * 12,
        candidate_replicas=(values[1],) * 12,
        sign_flip_p=0.0005,
        state=State.UNDER_LOAD,
        source="load/request",
        scale=Scale.DIFFERENCE,
    )
    more = "needs about 900 more requests" if verdict is Verdict.INCONCLUSIVE else ""
    return MetricVerdict(name, True, verdict, tolerance, effect, 1.3 * tolerance, "said in its unit", more, 0.0025)  # noqa: FBT003


EVERY = (
    passing,
    failing,
    inconclusive,
    invalid,
    interrupted,
    no_baseline,
    stored_numbers,
    one_replica,
    hostile,
    leaking,
    lenient,
)


def _result(seed: int, changes: dict[str, float], verdict: Verdict) -> Result:
    rng = np.random.default_rng(seed)
    metrics = tuple(_metric(rng, row, changes.get(row[0], 0.0)) for row in _METRICS)
    measured = trials(rng, 2400, changes)
    return Result(
        run_id=f"20260301-101500-{seed:04d}",
        created_utc="2026-03-01T10:15:00Z",
        perfgate_version="0.1.0",
        status=Outcome.COMPLETE,
        command=("perfgate", "compare", "models/ranker/1", "models/ranker/2", "--seed", str(seed)),
        comparison=ComparisonKind.SIDE_BY_SIDE,
        baseline_name="prod",
        scenario=effective(Scenario(name="ranker")).model_dump(mode="json"),
        scenario_digest="sha256:" + "5c" * 32,
        payload_digest="sha256:" + "1f" * 32,
        models={
            Arm.BASELINE: ModelFacts("models/ranker/1", "models/ranker/1", "sha256:" + "a1" * 32, 1, 14.2),
            Arm.CANDIDATE: ModelFacts("models/ranker/2", "models/ranker/2", "sha256:" + "b2" * 32, 2, 16.8),
        },
        plan={"seed": seed, "replicas": 12, "parents": 2, "start_order": list("ABBABAAB"), "huge_pages": True},
        environment=_environment(),
        fingerprint="sha256:" + "e9" * 32,
        judgement=Judgement(verdict, _headline(metrics, verdict), metrics, _objectives(rng), ()),
        summaries=_summaries(rng, changes),
        replicas=_replicas(rng),
        trials=measured,
        blocks=blocks(rng, measured),
        curves=tuple(curve(rng, arm, 1 + changes.get("service_mean_ms", 0.0) * (arm == Arm.CANDIDATE)) for arm in Arm),
        stages=_stages(changes),
        batch_sizes=tuple(BatchSizes(arm, (8, 16, 24, 64), (800, 900, 400, 110)) for arm in Arm),
        request_classes=tuple(
            ClassSummary(arm, name, count, 0, 2.6, 4.1, 6.2, None if count < 299 else 12.5)
            for arm in Arm
            for name, count in (("feed", 2000), ("search", 210))
        ),
        threads=tuple(
            ThreadTime(arm, thread, 9000 * share, share)
            for arm in Arm
            for thread, share in (("rpc", 0.72), ("tf_Compute", 0.275), ("python", 0.005))
        ),
        timeline=Timeline((45.0, 45.1), ("baseline",) * 2, (0, 0), (900.0, 950.0), (310.0, 311.0), 0.0036),
        generator=Generator(4420, 0.06, 0.9, 3.4, 0.11, 1),
        wall_s=63.4,
        phases_s={
            "start 24 servers": 3.1,
            "warm-up": 5.9,
            "executions inside the servers": 27.0,
            "single requests": 9.0,
            "the scenario's load": 9.0,
        },
    )


def _stages(changes: dict[str, float]) -> tuple[StageSummary, ...]:
    means = (("send lag", 0.05), ("queue", 0.9), ("execute", 2.4), ("encode", 0.08), ("rest", 0.7))
    return tuple(
        StageSummary(arm, stage, 2210, mean * factor, mean * factor * 0.9, mean * factor * 3)
        for arm, slower in ((Arm.BASELINE, 0.0), (Arm.CANDIDATE, changes.get("execute_ms", 0.0)))
        for stage, mean in means
        for factor in (1 + slower * (stage == "execute"),)
    )


def _environment() -> dict[str, Any]:
    return {
        "cpu_model": "Example CPU @ 2.50GHz",
        "cores": 2.0,
        "memory_class_gib": 8.0,
        "kernel": "6.1.0",
        "python": "3.11.7",
        "tensorflow": "2.21.0",
        "governor": "performance",
        "container": None,
        "variables": {"TF_ENABLE_ONEDNN_OPTS": "1"},
        "load_average": 0.4,
    }


def _metric(
    rng: np.random.Generator, row: tuple[str, bool, float, float, State, float], change: float
) -> MetricVerdict:
    name, gated, catch, value, state, half = row
    seen = math.log1p(change) + rng.normal(0, half / 4)
    effect = Effect(
        metric=name,
        change=math.expm1(seen),
        lower=math.expm1(seen - half),
        upper=math.expm1(seen + half),
        alpha=0.01,
        log_change=seen,
        log_se=half / 2.5,
        df=20.5,
        baseline_value=value,
        candidate_value=value * math.exp(seen),
        baseline_replicas=tuple(rng.normal(-seen / 2, half, 12)),
        candidate_replicas=tuple(rng.normal(seen / 2, half, 12)),
        sign_flip_p=float(rng.uniform(0, 1)) if not change else 0.0005,
        state=state,
        source=BY_NAME[name].sources[0].value,
    )
    return _decide(name, effect, gated=gated, tolerance=catch / 2, half=half)


def _decide(name: str, effect: Effect, *, gated: bool, tolerance: float, half: float) -> MetricVerdict:
    higher = BY_NAME[name].direction == "higher"
    low, high = (-effect.upper, -effect.lower) if higher else (effect.lower, effect.upper)
    verdict = Verdict.FAIL if low > tolerance else Verdict.PASS if high <= tolerance else Verdict.INCONCLUSIVE
    reasons = {
        Verdict.FAIL: f"{100 * effect.change:+.1f}% is beyond the tolerance of {100 * tolerance:g}%",
        Verdict.PASS: f"within the tolerance of {100 * tolerance:g}%",
        Verdict.INCONCLUSIVE: f"the interval reaches over the tolerance of {100 * tolerance:g}%",
    }
    more = "about 90 s more would decide" if verdict is Verdict.INCONCLUSIVE else ""
    could = tolerance + half * 1.3
    return MetricVerdict(name, gated, verdict, tolerance, effect, could, reasons[verdict], more, 0.0025)


def _headline(metrics: tuple[MetricVerdict, ...], verdict: Verdict) -> str:
    first = next((m for m in metrics if m.verdict is verdict and m.gated), metrics[0])
    effect, sign = first.effect, {Verdict.FAIL: ">", Verdict.PASS: "<="}.get(verdict, "vs")
    change, low, high = (100 * value for value in (effect.change, effect.lower, effect.upper))
    return f"{first.metric} {change:+.1f}% [{low:+.1f}, {high:+.1f}] {sign} {100 * first.tolerance:g}%"


def _blind(effect: Effect) -> Effect:
    return replace(
        effect,
        lower=-math.inf,
        upper=math.inf,
        log_se=math.nan,
        df=0.0,
        sign_flip_p=math.nan,
        baseline_replicas=effect.baseline_replicas[:1],
        candidate_replicas=effect.candidate_replicas[:1],
    )


def _objectives(rng: np.random.Generator) -> tuple[ObjectiveVerdict, ...]:
    p99 = float(rng.uniform(11, 13))
    return (
        ObjectiveVerdict("latency_p99_ms", Verdict.PASS, 20.0, True, p99, p99 - 1, p99 + 2, "holds", ""),  # noqa: FBT003
        ObjectiveVerdict("throughput_rps", Verdict.PASS, 300.0, False, 441.0, 433.0, 452.0, "holds", ""),  # noqa: FBT003
    )


def _summaries(rng: np.random.Generator, changes: dict[str, float]) -> tuple[ArmSummary, ...]:
    made = [
        ArmSummary(name, arm, value * factor, tuple(value * factor * np.exp(rng.normal(0, 0.01, 12))))
        for name, _, _, value, _, _ in _METRICS
        for arm, factor in ((Arm.BASELINE, 1.0), (Arm.CANDIDATE, 1 + changes.get(name, 0.0)))
    ]
    unsupported = [ArmSummary("latency_p999_ms", arm, None, (), "needs 3,688 requests, has 2,210") for arm in Arm]
    return (*made, *unsupported)


def _replicas(rng: np.random.Generator) -> tuple[ReplicaFacts, ...]:
    order = [arm for _ in range(6) for arm in (Arm.BASELINE, Arm.CANDIDATE, Arm.CANDIDATE, Arm.BASELINE)]
    return tuple(
        ReplicaFacts(
            replica=order[:position].count(arm),
            arm=arm,
            parent=position // 2 % 2,
            start_position=position,
            pid=4100 + position,
            load_time_s=float(rng.uniform(0.7, 0.95)),
            first_request_ms=float(rng.uniform(30, 45)),
            warmup_requests=int(rng.integers(40, 90)),
            warmup_s=float(rng.uniform(0.2, 0.5)),
            warm=position != 17,
        )
        for position, arm in enumerate(order)
    )
