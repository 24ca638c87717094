"""Small hand-made trials."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from perfgate.trials import Arm, Block, Conditions, Depth, Lane, Memory, ReplicaFacts, Requests, State, Trial

NAN = float("nan")


def requests(times_ms: Sequence[float], status: Sequence[int] | None = None, queue_ms: float = 0.0) -> Requests:
    times = np.asarray(times_ms, np.float64)
    codes = np.zeros(times.size, np.int8) if status is None else np.asarray(status, np.int8)
    return Requests(np.arange(times.size) / 1000, times + queue_ms, times, np.zeros(times.size), codes)


def trial(  # noqa: PLR0917 - a row of a table
    block: int,
    arm: Arm,
    replica: int,
    done: Requests,
    lane: Lane = Lane.COST,
    depth: Depth = Depth.EXECUTE,
    cpu_ms: float = NAN,
    memory: Memory | None = None,
    wall_s: float = 1.0,
) -> Trial:
    state = State.UNDER_LOAD if lane is Lane.LOAD else State.COLD
    return Trial(lane, depth, state, block, arm, replica, 0.0, wall_s, done, cpu_ms, 0.0, memory)


def execute_trials(blocks: int, replicas: int, time_ms: Callable[[int, Arm, int], float]) -> list[Trial]:
    """Single executions of that many replicas an arm, numbered A B A B …"""
    return [
        trial(block, arm, 2 * number + side, requests([time_ms(block, arm, number)]))
        for block in range(blocks)
        for number in range(replicas)
        for side, arm in enumerate(Arm)
    ]


def load_trials(replicas: int, times_ms: Callable[[Arm, int], Sequence[float]], blocks: int = 1) -> list[Trial]:
    return [
        trial(block, arm, 2 * number + side, requests(times_ms(arm, number)), Lane.LOAD, Depth.REQUEST)
        for block in range(blocks)
        for number in range(replicas)
        for side, arm in enumerate(Arm)
    ]


def fact(replica: int, arm: Arm, load_time_s: float = 0.5, first_request_ms: float = 20.0) -> ReplicaFacts:
    return ReplicaFacts(
        replica=replica,
        arm=arm,
        parent=replica // 2 % 2,
        start_position=replica,
        pid=100 + replica,
        load_time_s=load_time_s,
        first_request_ms=first_request_ms,
        warmup_requests=9,
        warmup_s=0.1,
        warm=True,
    )


def block_of(trials: Sequence[Trial]) -> Block:
    first = trials[0]
    return Block(first.lane, first.depth, first.block, 0.0, 1.0, tuple(trials), Conditions(0.0, 0.0))
