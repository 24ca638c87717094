"""A synthetic run as a result directory: executions, single requests, and a load lane with nearly all requests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import numpy as np

from perfgate.experiment.plan import Plan, Slot, make_plan
from perfgate.results import document, samples
from perfgate.results.columns import trial_columns
from perfgate.results.result import ComparisonKind, ModelFacts, Outcome, Result
from perfgate.scenario.schema import Gate, Load, MetricGate, Objective, Scenario
from perfgate.trials import (
    Arm,
    Block,
    Conditions,
    Depth,
    Lane,
    Memory,
    ReplicaFacts,
    Requests,
    Stages,
    State,
    Trial,
    Usage,
)

_GATED = ("execute_ms", "cpu_ms_per_request", "service_mean_ms", "latency_p99_ms", "latency_p999_ms", "rss_peak_mb")


@dataclass(frozen=True, slots=True)
class Side:
    """Properties of a synthetic run; the candidate is slower by `change`."""

    requests: int = 1_000_000
    """Requests of each arm, at least."""
    replicas: int = 12
    seed: int = 1
    change: float = 0.0
    execute_blocks: int = 700
    request_blocks: int = 350
    load_blocks: int = 40
    failed_share: float = 1e-4
    """Rate of the requests under load."""

    @property
    def load_requests(self) -> int:
        """Memory of one replica."""
        return ceil(self.requests / self.replicas) - self.execute_blocks - self.request_blocks


def write_run(directory: Path, side: Side) -> None:
    """Write `samples.arrow` and `result.json` like a run; the same side gives the same bytes."""
    directory.mkdir(parents=True, exist_ok=True)
    plan, result = begun(side)
    trials: list[Trial] = []
    with samples.SampleWriter(directory / samples.FILE_NAME) as writer:
        for block in made_blocks(plan, side):
            writer.append(block)
            trials += block.trials
    document.write(replace(result, status=Outcome.COMPLETE, trials=trial_columns(trials)), directory)


def begun(side: Side) -> tuple[Plan, Result]:
    """Return the plan of a synthetic run, and its result before anything is measured."""
    scenario = _scenario(side)
    plan = make_plan(scenario, tuple(Arm), side.seed, side.replicas)
    return plan, Result(
        run_id=f"made-up-{side.seed}",
        created_utc="2026-03-01T10:15:00+00:00",
        perfgate_version="0",
        status=Outcome.RUNNING,
        command=("perfgate", "compare", "old", "new"),
        comparison=ComparisonKind.SIDE_BY_SIDE,
        baseline_name=None,
        scenario=scenario.model_dump(mode="json"),
        scenario_digest="",
        payload_digest="",
        models={arm.value: ModelFacts(arm.value, arm.value, "", 1, 14.0) for arm in Arm},
        plan=plan.as_dict(),
        environment={},
        fingerprint="",
        judgement=None,
        replicas=tuple(_facts(slot, side) for slot in plan.slots),
    )


def _scenario(side: Side) -> Scenario:
    return Scenario(
        name="million",
        load=Load(arrivals="poisson", rate_rps=side.load_requests / side.load_blocks),
        gate=Gate(metrics={name: MetricGate() for name in _GATED}),
        objectives={
            "latency_p90_ms": Objective(max=20),
            "latency_p99_ms": Objective(max=50),
            "error_rate": Objective(max=0.01),
        },
    )


def _facts(slot: Slot, side: Side) -> ReplicaFacts:
    rng = np.random.default_rng((side.seed, 2, slot.start_position))
    load_s, first_ms, warmup_s = np.array((0.3, 40.0, 0.15)) * rng.lognormal(0, 0.08, 3)
    return ReplicaFacts(
        replica=slot.replica,
        arm=slot.arm,
        parent=slot.parent,
        start_position=slot.start_position,
        pid=1000 + slot.start_position,
        load_time_s=load_s,
        first_request_ms=first_ms,
        warmup_requests=50,
        warmup_s=warmup_s,
        warm=True,
    )


def made_blocks(plan: Plan, side: Side) -> Iterator[Block]:
    """Yield the blocks of a synthetic run, lane after lane."""
    rng = np.random.default_rng(side.seed)
    levels = rng.lognormal(0, 0.006, len(plan.slots)) * [
        1 + side.change * (slot.arm is Arm.CANDIDATE) for slot in plan.slots
    ]
    bulk = np.full(side.load_blocks, side.load_requests // side.load_blocks)
    bulk[: side.load_requests % side.load_blocks] += 1
    kinds = (
        (Lane.COST, Depth.EXECUTE, State.COLD, np.ones(side.execute_blocks, int)),
        (Lane.COST, Depth.REQUEST, State.WARM, np.ones(side.request_blocks, int)),
        (Lane.LOAD, Depth.REQUEST, State.UNDER_LOAD, bulk),
    )
    clock_s = 0.0
    for lane, depth, state, counts in kinds:
        for index, count in enumerate(counts.tolist()):
            began_s, trials = clock_s, []
            for place in rng.permutation(len(plan.slots)).tolist():
                slot = plan.slots[place]
                failed_share = side.failed_share * (lane is Lane.LOAD)
                done = _requests(rng, count, levels[place], failed_share, has_stages=depth is Depth.REQUEST)
                wall_s = 1.0 if lane is Lane.LOAD else float(done.service_ms.sum()) / 1e3
                trials.append(_trial(rng, lane, depth, state, index, slot, clock_s, wall_s, done))
                clock_s += wall_s + 1e-4
            yield Block(lane, depth, index, began_s, clock_s - began_s, tuple(trials), Conditions(0.0, 0.1))


def _requests(rng: np.random.Generator, count: int, level: float, failed_share: float, *, has_stages: bool) -> Requests:
    """Draw log-normal times, one in fifty three times as long; queues only where several requests arrive."""
    execute_ms = 1.9 * level * rng.lognormal(0, 0.1, count) * np.where(rng.random(count) < 0.02, 3.3, 1.0)
    queue_ms = rng.gamma(0.5, 1.5, count) if count > 1 else np.full(count, 0.02)
    encode_ms = rng.lognormal(-2.5, 0.2, count)
    service_ms = execute_ms + has_stages * (queue_ms + encode_ms + 0.4)
    lag_ms = rng.gamma(0.5, 0.1, count) * (count > 1)
    return Requests(
        scheduled_s=np.sort(rng.random(count)) * (count > 1),
        response_ms=service_ms + lag_ms,
        service_ms=service_ms,
        send_lag_ms=lag_ms,
        status=np.where(rng.random(count) < failed_share, 4, 0).astype(np.int8),
        stages=Stages(queue_ms, execute_ms, encode_ms, np.full(count, 8.0)) if has_stages else None,
    )


def _trial(  # noqa: PLR0913, PLR0917 - a row of a table
    rng: np.random.Generator,
    lane: Lane,
    depth: Depth,
    state: State,
    block: int,
    slot: Slot,
    start_s: float,
    wall_s: float,
    done: Requests,
) -> Trial:
    loaded, count = lane is Lane.LOAD, done.status.size
    peak_mb = 320 + float(rng.normal(0, 1.5))
    return Trial(
        lane=lane,
        depth=depth,
        state=state,
        block=block,
        arm=slot.arm,
        replica=slot.replica,
        start_s=start_s,
        wall_s=wall_s,
        requests=done,
        cpu_ms=float(done.service_ms.sum()) * 0.7 if loaded else float(done.service_ms.sum()) * 0.98,
        driver_cpu_ms=0.02 * count if depth is Depth.REQUEST else 0.0,
        unrecorded=int(state is State.WARM),
        memory=Memory(peak_mb - 5, peak_mb, 80.0, 60.0) if loaded else None,
        usage=Usage(3.0 * count, float(rng.poisson(count / 10)), float(rng.poisson(count / 2)), 0, 0)
        if loaded
        else None,
    )
