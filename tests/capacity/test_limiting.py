"""What keeps a version from carrying more."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from typing import Any

import pytest

from perfgate.capacity.limiting import Batches, limit_of
from tests.capacity import answers

POINT = replace(
    answers.one_arm().arms[0].points[0], rate_rps=400.0, achieved_rps=400.0, cpu_cores=0.5, generator_cores=0.1,
    queue_share=0.1, growth=0.0, batch_size=nan, p50_ms=5.0,
)  # fmt: skip


def code(batches: Batches | None = None, **seen: Any) -> str:
    return limit_of([replace(POINT, **seen)], 400.0, 2, batches).code


@pytest.mark.parametrize(
    ("seen", "limit"),
    [
        ({"cpu_cores": 1.9}, "cpu"),
        ({"queue_share": 0.8}, "queue"),
        ({"achieved_rps": 300.0}, "queue"),
        ({"growth": 0.2}, "queue"),
        ({"generator_cores": 0.95, "cpu_cores": 0.9}, "generator"),
        ({}, "unknown"),
    ],
)
def test_the_limit_follows_what_was_seen(seen: dict[str, Any], limit: str) -> None:
    assert code(**seen) == limit


def test_waiting_for_batches_only_while_they_are_not_full() -> None:
    batches = Batches(timeout_ms=60.0, most_rows=32)
    assert code(batches, batch_size=9.0, p50_ms=40.0) == "batching"
    assert code(batches, batch_size=31.9, p50_ms=40.0, queue_share=0.8) == "queue"
    assert code(Batches(1.0, 32), batch_size=9.0, p50_ms=40.0) == "unknown"


def test_one_execution_at_a_time_is_named() -> None:
    words = limit_of([replace(POINT, cpu_cores=1.0, queue_share=0.8)], 400.0, 2, None).sentence
    assert words == (
        "one execution at a time: the server uses 1.00 of 2 cores at 400 requests/s, and 80% of a request's time "
        "passes before its execution"
    )


def test_unknown_cpu_time_is_said_in_words() -> None:
    words = limit_of([replace(POINT, cpu_cores=nan, queue_share=nan)], 400.0, 2, None).sentence
    assert words == "the server's CPU time is unknown at 400 requests/s"


def test_only_turns_at_the_capacity_or_above_count() -> None:
    low = replace(POINT, rate_rps=200.0, cpu_cores=1.9)
    assert limit_of([low], 400.0, 2, None).sentence == "no turn was made at the capacity"


def test_what_limits_far_above_the_capacity_is_not_its_limit() -> None:
    near, far = (
        replace(POINT, rate_rps=rate_rps, cpu_cores=cores, queue_share=queue)
        for rate_rps, cores, queue in ((440.0, 0.8, 0.7), (1600.0, 1.95, 0.03))
    )
    assert limit_of([near, far], 400.0, 2, None).code == "queue"
    assert limit_of([far], 400.0, 2, None).code == "cpu", "nothing nearer was tried"
