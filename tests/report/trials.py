"""Trials and blocks made from a seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from perfgate.trials import Arm, Block, Conditions, Depth, Lane, Memory, Requests, Stages, State, Trial


def trial(
    rng: np.random.Generator,
    *,
    block: int,
    arm: Arm,
    replica: int,
    requests: int = 1,
    memory: Memory | None = None,
    with_stages: bool = False,
) -> Trial:
    service_ms = rng.lognormal(0.7, 0.1, requests)
    return Trial(
        lane=Lane.COST,
        depth=Depth.EXECUTE,
        state=State.COLD,
        block=block,
        arm=arm,
        replica=replica,
        start_s=block + replica / 100 + (0.5 if arm is Arm.CANDIDATE else 0.0),
        wall_s=float(service_ms.sum()) / 1000,
        requests=Requests(
            scheduled_s=np.linspace(0, 0.25, requests),
            response_ms=service_ms + 0.5,
            service_ms=service_ms,
            send_lag_ms=rng.uniform(0, 0.1, requests),
            status=np.zeros(requests, np.int8),
            kind=np.arange(1, requests + 1).astype(np.int8) if with_stages else None,
            stages=_stages(service_ms) if with_stages else None,
        ),
        cpu_ms=float(service_ms.sum()) * 0.98,
        driver_cpu_ms=0.0,
        memory=memory,
        unrecorded=replica % 3,
    )


def _stages(service_ms: NDArray[np.float64]) -> Stages:
    """Make stage times, in single precision as in the file; the last request has none."""

    def single(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.append(values[:-1].astype(np.float32).astype(np.float64), np.nan)

    return Stages(
        single(0.1 * service_ms),
        single(0.75 * service_ms),
        single(0.05 * service_ms),
        single(np.full(service_ms.size, 8.0)),
    )


def block(rng: np.random.Generator, index: int, *, replicas: int = 12, requests: int = 1) -> Block:
    memory = Memory(rss_mb=300.0 + index, rss_peak_mb=310.0, pss_mb=80.0, uss_mb=60.0) if index % 2 else None
    trials = tuple(
        trial(rng, block=index, arm=arm, replica=replica, requests=requests, memory=memory)
        for replica in range(replicas)
        for arm in Arm
    )
    return Block(Lane.COST, Depth.EXECUTE, index, float(index), 0.9, trials, Conditions(0.01, float("nan")))
