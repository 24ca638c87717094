"""The second simulation of `perfgate plan --scale`: its truths, its test of a percentile, its searches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.simulation.capacity.independent import erlang_d
from benchmarks.simulation.plan.independent import Seen, main, percentile, row, searched, worlds
from benchmarks.simulation.plan.independent_worlds import (
    RATE_RPS,
    Queue,
    constant,
    exponential,
    exponential_share,
    interrupted,
    slow_payloads,
    wandering,
)
from perfgate.planning.answer import ObjectiveStatus


def _queue(shape: str, service_s: float) -> Queue:
    shapes = {"exponential": exponential(), "constant": constant(), "mixed": slow_payloads(0.05, 5.0)}
    others = (0.5, 0.015) if shape == "mixed" else ()
    return Queue(0.02, lambda _: service_s, shapes[shape], *others)


@pytest.mark.parametrize("service_s", [0.0018, 0.0022, 0.0028, 0.0034])
def test_transforms_agree_with_formulas(service_s: float) -> None:
    assert _queue("exponential", service_s).share(1, 1) == pytest.approx(exponential_share(service_s, 0.02), rel=1e-5)
    assert _queue("constant", service_s).share(1, 1) == pytest.approx(
        erlang_d(RATE_RPS, service_s, 0.02), rel=1e-3, abs=1e-6
    )


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["exponential", "constant", "mixed"])
def test_served_requests_miss_as_often_as_the_transform_says(shape: str) -> None:
    rng, queue = np.random.default_rng(81), _queue(shape, 0.0029)
    response_s = np.array([each for _ in range(300) for _, each in queue.responses(1, 1, rng)])
    assert (response_s > 0.02).mean() == pytest.approx(queue.share(1, 1), rel=0.2)


def test_machines_are_as_uneven_as_they_say() -> None:
    rng = np.random.default_rng(82)
    speeds = np.log([wandering(0.03, 0.9)(rng) for _ in range(100)])
    slow = np.array([interrupted(60, 2, 1.5)(rng) for _ in range(100)])
    assert float(speeds.std()) == pytest.approx(0.03, rel=0.1)
    assert float(np.corrcoef(speeds[:, :-1].ravel(), speeds[:, 1:].ravel())[0, 1]) == pytest.approx(0.9, abs=0.02)
    assert float((slow > 1).mean()) == pytest.approx(2 / 60, rel=0.15)


def test_misses_that_come_together_prove_less() -> None:
    response_s, cluster = np.full(3000, 0.01), np.repeat(np.arange(24), 125)
    response_s[::200] = 0.03
    apart = percentile(0.02, [Seen(response_s, cluster)])
    together = percentile(0.02, [Seen(np.sort(response_s), cluster)])
    assert apart.status is ObjectiveStatus.HOLDS
    assert together.status is ObjectiveStatus.OPEN
    assert percentile(0.02, [Seen(response_s * 2.5, cluster)]).status is ObjectiveStatus.BREAKS


def test_searches_find_the_truth_and_no_other() -> None:
    world = next(each for each in worlds() if each.name == "memory")
    found = [searched(world, 83, number) for number in range(3)]
    assert row(world, found).split(" | ")[2].startswith("100 ")
    assert row(replace(world, truth=world.truth * 1.2), found).split(" | ")[2:5] == ["0 [0.0, 70.8]", "0", "100"]
    assert row(replace(world, truth=world.truth / 1.2), found).split(" | ")[3] == "100"


@pytest.mark.slow
def test_a_row_for_each_world_asked_for() -> None:
    found = CliRunner().invoke(main, ["M/D/1", "--searches", "3", "--seed", "84"])
    assert found.exit_code == 0, found.output
    assert [line.split(" | ")[0] for line in found.output.splitlines()] == [
        "| world",
        "|---" + "|---" * 9 + "|",
        "| M/D/1",
    ]
