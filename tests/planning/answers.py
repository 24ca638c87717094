"""Invented answers of `perfgate plan` whose numbers agree with each other, one of each kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf, nan

from perfgate.explain.profile import GroupTime, OpTime, Profile
from perfgate.gate.verdict import Verdict
from perfgate.planning.answer import (
    SCHEMA_VERSION,
    CoresNeeded,
    ObjectiveAnswer,
    ObjectiveStatus,
    PlanAnswer,
    Promise,
    Scale,
    ScaleLimit,
    ScalePoint,
    ScaleRange,
    Unseen,
)
from perfgate.planning.check import SCHEMA_VERSION as CHECK_VERSION
from perfgate.planning.check import CheckedPromise, PlanCheck, TrackRecord
from perfgate.sketch.built import SketchFacts
from perfgate.trials import Arm
from tests.capacity.answers import HOSTILE
from tests.capacity.answers import answer as capacity_answer
from tests.capacity.answers import arm as capacity_arm

GIVEN = "ranker.toml"
BOUND_MS = 20.0
HOLDING = ObjectiveAnswer("latency_p99_ms", ObjectiveStatus.HOLDS, BOUND_MS, True, 8.4, 7.8, 9.4)  # noqa: FBT003
NO_ERRORS = ObjectiveAnswer("error_rate", ObjectiveStatus.HOLDS, 0.001, True, 0.0, 0.0, 0.0002)  # noqa: FBT003
BREAKING = replace(HOLDING, status=ObjectiveStatus.BREAKS, value=28.4, lower=25.8, upper=31.6)
OPEN = replace(
    HOLDING, status=ObjectiveStatus.OPEN, value=19.2, lower=17.8, upper=21.6,
    more="needs about 4,100 more requests, 12,400 in total",
)  # fmt: skip
SKETCH = SketchFacts(
    given=GIVEN,
    kind="toml",
    digest="sha256:" + 16 * "c3d4",
    dimensions={"embeddings.user.rows": 10_000, "layers.depth": 3, "layers.width": 512},
    parameters=868_353,
    path="plan/model",
    model_digest="sha256:" + 16 * "e5f6",
    size_mb=3.42,
    build_s=1.8,
    cardinalities={"user": 10_000},
)
_OPS = (
    ("MatMul", "layers_2", 1.04),
    ("MatMul", "layers_3", 0.52),
    ("MatMul", "layers_1", 0.08),
    ("ResourceGather", "user_embedding", 0.31),
    ("Relu", "layers_2", 0.06),
    ("Mean", "user_embedding", 0.05),
)
_EXECUTE_MS = 2.31


def passes() -> PlanAnswer:
    """Return a sketch that holds its objectives, with a profile and a capacity."""
    return answer((HOLDING, NO_ERRORS), Verdict.PASS)


def breaks() -> PlanAnswer:
    """Return a sketch that misses an objective at a rate that needs two servers; its operations were not timed."""
    promised = tuple(replace(each, value=28.4, lower=24.1, upper=33.0) if each.metric == HOLDING.metric else each
                     for each in _promises())  # fmt: skip
    found = answer((BREAKING, NO_ERRORS), Verdict.FAIL)
    scenario = {**found.scenario, "load": {"rate": 440}}
    return replace(found, promises=promised, profile=None, needed=CoresNeeded(440.0, 2, 2, 2, 2), scenario=scenario)


def undecided() -> PlanAnswer:
    """Return a sketch of which an objective is open."""
    return replace(answer((OPEN, NO_ERRORS), Verdict.INCONCLUSIVE), capacity=None, needed=None)


def no_numbers() -> PlanAnswer:
    """Return a measurement that showed nothing."""
    nothing = replace(OPEN, value=nan, lower=-inf, upper=inf, more="include a lane that measures it")
    promises = tuple(replace(each, value=nan, lower=-inf, upper=inf) for each in _promises())
    return replace(
        answer((nothing,), Verdict.INVALID), promises=promises, profile=None, capacity=None, needed=None, unseen=(),
        complete=False, notes=(),
    )  # fmt: skip


def searched(scale: Scale, width: int) -> PlanAnswer:
    """Return the answer of a search: nothing but how large it may become, and the largest size that holds."""
    built = replace(
        SKETCH, dimensions={**SKETCH.dimensions, "layers.width": width}, parameters=_parameters(width), size_mb=16.9
    )
    return replace(
        passes(), sketch=built, objectives=(), promises=(), profile=None, capacity=None, needed=None, scale=scale
    )


def one_dimension() -> PlanAnswer:
    """Return the largest width that holds."""
    return searched(Scale((ScaleRange("layers.width", 256, 4096),), (limit(1460.0),), 412.0), 1408)


def everything() -> PlanAnswer:
    """Return a plan that has all parts of an answer."""
    return replace(passes(), scale=one_dimension().scale)


def two_dimensions() -> PlanAnswer:
    """Return the largest width by the number of lookups: one limit not bounded below, one above, one not known."""
    limits = (
        replace(limit(3800.0), upper=inf, breaks=None),
        limit(1460.0),
        replace(limit(300.0), lower=256.0, holds=None),
        replace(limit(90.0), estimate=nan, lower=256.0, upper=256.0),
    )
    ranges = (ScaleRange("layers.width", 256, 4096), ScaleRange("embeddings.user.lookups", 10, 400))
    fixed = zip((10, 40, 160, 400), limits, strict=True)
    named = tuple(replace(each, fixed={ranges[1].dimension: value}) for value, each in fixed)
    return searched(Scale(ranges, named, 1804.0), 2048)


def hostile() -> PlanAnswer:
    """Return text that would be markup, code or control characters where it is not escaped."""
    found = everything()
    assert found.profile
    assert found.scale
    ops = tuple(replace(each, name=HOSTILE, layer=HOSTILE) for each in found.profile.ops)
    layers = tuple(replace(each, name=HOSTILE) for each in found.profile.by_layer)
    ranges = (replace(found.scale.ranges[0], dimension=HOSTILE),)
    return replace(
        found,
        verdict=Verdict.INCONCLUSIVE,
        plan_id=HOSTILE,
        notes=(HOSTILE,),
        scenario={"name": HOSTILE},
        environment={"cpu": HOSTILE},
        sketch=replace(SKETCH, given=HOSTILE, dimensions={HOSTILE: 3}, kind=HOSTILE),
        objectives=(replace(OPEN, more=HOSTILE),),
        unseen=(Unseen(HOSTILE, HOSTILE, HOSTILE),),
        profile=replace(found.profile, ops=ops, by_layer=layers),
        scale=replace(found.scale, ranges=ranges),
    )


def check() -> PlanCheck:
    """Return a trained model that keeps all promises but one: it needs more memory."""
    shown = {
        "execute_ms": (2.36, 2.30, 2.42),
        "latency_p99_ms": (8.9, 8.2, 9.8),
        "rss_peak_mb": (641.0, 633.0, 649.0),
        "load_time_s": (0.88, 0.80, 0.97),
        "cold_start_s": (0.98, 0.89, 1.07),
        "model_size_mb": (3.42, 3.42, 3.42),
    }
    steady = {"rss_peak_mb", "model_size_mb", "execute_ms", "latency_p99_ms"}
    promises = tuple(
        CheckedPromise(
            each.metric, each.value, each.lower, each.upper, *shown[each.metric],
            covered=each.lower <= shown[each.metric][0] <= each.upper,
            error=shown[each.metric][0] / each.value - 1, same_speed=each.metric in steady,
        )
        for each in _promises()
    )  # fmt: skip
    return PlanCheck(
        schema_version=CHECK_VERSION,
        check_id="check-ranking-20261130-091500",
        created_utc="2026-11-30T09:15:00+00:00",
        perfgate_version="0.9.0",
        complete=True,
        plan_id="plan-ranking-20261129-104502",
        sketch=SKETCH,
        model="models/ranker/1",
        model_digest="sha256:" + 16 * "d5e6",
        beside=True,
        promises=promises,
        objectives=(replace(HOLDING, value=8.9, lower=8.2, upper=9.8), NO_ERRORS),
        verdict=Verdict.PASS,
        record=TrackRecord(3, 18, 16, 0.027, 0.061),
        notes=("The clock frequency of the CPU may change.",),
        scenario={"name": "ranking", "load": {"rate": 200}},
        environment={"cpu_model": "Example CPU", "cpus": 4},
        fingerprint="sha256:" + 16 * "a1b2",
    )


def alone() -> PlanCheck:
    """Return a trained model that is slower than promised and breaks an objective, measured on another day."""
    slow = {"execute_ms": (5.2, 5.05, 5.36), HOLDING.metric: (BREAKING.value, BREAKING.lower, BREAKING.upper)}
    promises = tuple(
        CheckedPromise(
            each.metric, each.promised, each.promised_lower, each.promised_upper, *slow[each.metric],
            covered=False, error=slow[each.metric][0] / each.promised - 1, same_speed=False,
        )
        for each in check().promises if each.metric in slow
    )  # fmt: skip
    unknown = replace(
        check().promises[3], measured=nan, measured_lower=-inf, measured_upper=inf, covered=False, error=nan
    )
    return replace(
        check(), beside=False, promises=(*promises, unknown), objectives=(BREAKING, NO_ERRORS), verdict=Verdict.FAIL,
        record=TrackRecord(1, 2, 0, 1.82, 2.38),
    )  # fmt: skip


def nothing_checked() -> PlanCheck:
    """Return a check that was interrupted before anything was measured."""
    return replace(
        check(),
        complete=False,
        promises=(),
        objectives=(),
        verdict=Verdict.INVALID,
        record=TrackRecord(0, 0, 0, nan, nan),
    )


def hostile_check() -> PlanCheck:
    """Return text that would be markup, code or control characters where it is not escaped."""
    promises = tuple(replace(each, metric=HOSTILE) for each in check().promises[:2])
    return replace(
        check(), model=HOSTILE, plan_id=HOSTILE, check_id=HOSTILE, promises=promises, notes=(HOSTILE,),
        sketch=replace(SKETCH, given=HOSTILE), scenario={"name": HOSTILE}, environment={"cpu": HOSTILE},
    )  # fmt: skip


CHECKS: dict[str, Callable[[], PlanCheck]] = {
    each.__name__: each for each in (check, alone, nothing_checked, hostile_check)
}
"""Each kind of check by name."""
SAMPLES: dict[str, Callable[[], PlanAnswer]] = {
    each.__name__: each
    for each in (passes, breaks, undecided, no_numbers, one_dimension, two_dimensions, everything, hostile)
}
"""Each kind of answer by name."""


def answer(objectives: tuple[ObjectiveAnswer, ...], verdict: Verdict) -> PlanAnswer:
    """Return a whole answer with these objectives."""
    return PlanAnswer(
        schema_version=SCHEMA_VERSION,
        plan_id="plan-ranking-20261129-104502",
        created_utc="2026-11-29T10:45:02+00:00",
        perfgate_version="0.9.0",
        complete=True,
        sketch=SKETCH,
        scenario={"name": "ranking", "load": {"rate": 200}},
        scenario_digest="sha256:" + 16 * "a7b8",
        verdict=verdict,
        objectives=objectives,
        promises=_promises(),
        profile=profile(),
        capacity=capacity_answer(capacity_arm(Arm.CANDIDATE, GIVEN, 412.0)),
        needed=CoresNeeded(200.0, 2, 1, 1, 1),
        unseen=(
            Unseen(
                "embedding skew",
                "Ids were drawn evenly from 10,000 rows of user: trained models see some ids far more often, which "
                "caches answer faster.",
                "Record real requests: payload.requests.",
            ),
            Unseen("trained weights", "Weights near 0 may take longer (denormal numbers); none were drawn.", ""),
        ),
        notes=("The clock frequency of the CPU may change.",),
        seconds=184.0,
        seed=7,
        environment={"cpu_model": "Example CPU", "cpus": 4},
        fingerprint="sha256:" + 16 * "a1b2",
    )


def _promises() -> tuple[Promise, ...]:
    return (
        Promise("execute_ms", _EXECUTE_MS, 2.19, 2.44),
        Promise("latency_p99_ms", 8.4, 7.1, 10.0),
        Promise("rss_peak_mb", 612.0, 598.0, 627.0),
        Promise("load_time_s", 0.84, 0.71, 0.99),
        Promise("cold_start_s", 0.93, 0.78, 1.11),
        Promise("model_size_mb", 3.42, 3.42, 3.42),
    )


def profile() -> Profile:
    """Return where the time goes: 71 % in products of matrices."""
    ops = tuple(OpTime(op, f"ranker/{layer}/{op}", layer, ms, 0.97 * ms, 1.04 * ms, 1.0) for op, layer, ms in _OPS)
    return Profile(
        execute_ms=_EXECUTE_MS,
        low=2.26,
        high=2.37,
        ops=tuple(sorted(ops, key=lambda each: -each.ms)),
        by_type=_groups([(op, ms) for op, _, ms in _OPS]),
        by_layer=_groups([(layer, ms) for _, layer, ms in _OPS]),
        rest_ms=_EXECUTE_MS - sum(ms for _, _, ms in _OPS),
        op_count=len(_OPS),
        tracing_overhead=0.083,
        executions=320,
        replicas=4,
        peak_bytes=9 << 20,
        confidence=0.95,
    )


def _groups(parts: Sequence[tuple[str, float]]) -> tuple[GroupTime, ...]:
    names = dict.fromkeys(name for name, _ in parts)
    sums = {name: sum(ms for other, ms in parts if other == name) for name in names}
    return tuple(
        GroupTime(name, ms, 0.97 * ms, 1.04 * ms) for name, ms in sorted(sums.items(), key=lambda one: -one[1])
    )


def limit(estimate: float) -> ScaleLimit:
    """Return a limit of the width: the time grows as the square of the width."""
    points = tuple(_point(value, (value / estimate) ** 2) for value in (256, 512, 1024, 1408, 1536, 2048, 4096))
    holding = [each.value for each in points if each.status is ObjectiveStatus.HOLDS]
    breaking = [each.value for each in points if each.status is ObjectiveStatus.BREAKS]
    return ScaleLimit(
        fixed={},
        holds=max(holding, default=None),
        breaks=min(breaking, default=None),
        estimate=estimate,
        lower=0.945 * estimate,
        upper=1.07 * estimate,
        objective=HOLDING.metric,
        points=points,
    )


def _point(value: int, ratio: float) -> ScalePoint:
    low, high = 0.94 * ratio, 1.06 * ratio
    status = ObjectiveStatus.HOLDS if high <= 1 else ObjectiveStatus.BREAKS if low > 1 else ObjectiveStatus.OPEN
    return ScalePoint(value, status, HOLDING.metric, ratio, low, high, 2, _parameters(value))


def _parameters(width: int) -> int:
    return 160_000 + 2 * width**2 + 80 * width
