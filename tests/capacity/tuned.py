"""An invented answer of `perfgate capacity --tune`."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan

from perfgate.capacity.answer import (
    CapacityAnswer,
    CapacityChange,
    CapacityKind,
    SettingsCompared,
    TunedSettings,
    Tuning,
)
from perfgate.capacity.tuning_candidates import CURRENT, NO_BATCHING
from perfgate.capacity.tuning_front import with_front
from perfgate.gate.verdict import Verdict
from perfgate.trials import Arm
from tests.capacity.answers import answer, arm

LARGE = "batch 128, wait 1 ms, 1 thread"


def tried(
    name: str, capacity: tuple[float, float, float], p99: tuple[float, float, float], **other: object
) -> TunedSettings:
    """Return settings with an estimate: value and both ends of capacity and p99."""
    plain = TunedSettings(
        name, 32, 1000, 1, 1, 1, 2, "", CapacityKind.ESTIMATED, *capacity, *p99, 1.2 * capacity[0], front=False
    )
    return replace(plain, **other)  # type: ignore[arg-type]


def settings() -> tuple[TunedSettings, ...]:
    """Return four settings, one of which does not work."""
    return with_front(
        (
            tried(CURRENT, (400, 370, 430), (21, 18, 25)),
            tried(NO_BATCHING, (380, 350, 410), (9, 8, 11)),
            tried(LARGE, (520, 480, 560), (24, 20, inf)),
            replace(
                tried("batch 4, no wait, 1 thread", (nan, 0, inf), (nan, 0, inf)),
                kind=CapacityKind.OPEN, rounds=0, throughput_rps=nan,
                problem="the first request failed: \x1b[31m[red]8 rows are more than max_batch_size",
            ),
        )
    )  # fmt: skip


def tuned(lower: float = 0.12, change: float = 0.28) -> CapacityAnswer:
    """Return an answer whose larger batches beat the current settings, unless `lower` is not above 0."""
    verdict = Verdict.PASS
    current, other = arm(Arm.CANDIDATE, "models/ranker/2", 402.0), arm(Arm.CANDIDATE, "models/ranker/2", 515.0)
    current = replace(current, breaks_rps=current.breaks_rps if lower > 0 else nan)
    compared = SettingsCompared(LARGE, current, other, CapacityChange(change, lower, 2 * change, 0.05, verdict))
    return replace(
        answer(current),
        tuning=Tuning(
            reference_rps=120.0,
            reference_stated=True,
            settings=settings(),
            throughput=LARGE,
            latency=NO_BATCHING,
            objective=LARGE if compared.better else CURRENT,
            alike=((CURRENT, NO_BATCHING),),
            compared=compared,
            batching_file="max_batch_size { value: 128 }\nbatch_timeout_micros { value: 1000 }\n",
            server_toml="[server]\nintra_op_threads = 1\n",
        ),
    )
