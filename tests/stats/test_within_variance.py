from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from perfgate.metrics import BY_NAME, Source
from perfgate.stats.payloads import Blocks, payload_means
from perfgate.stats.replicate import replicates
from perfgate.stats.table import TrialTable
from perfgate.stats.within_variance import batch_variance, within, within_blocks
from tests.stats.generator import World, autoregressive, columns, design, logs

WORLDS = {
    "as measured": World(blocks=200),
    "few blocks": World(blocks=40),
    "independent, no spikes": World(blocks=100, autocorrelation=0.0, spike_share=0.0),
    "much alike": World(blocks=700, autocorrelation=0.8),
    "many spikes": World(blocks=200, spike_share=0.1),
}


def _blocks(logs: NDArray[np.float64], payloads: int = 1) -> Blocks:
    return Blocks(logs, np.arange(logs.shape[1]) % 2, np.arange(len(logs)) % payloads)


def _truth(world: World, rng: np.random.Generator) -> float:
    """Variance of replicas' numbers over many runs whose replicas differ only by their requests, times the blocks."""
    alike, arm = replace(world, replica_sd=0.0, parent_sd=0.0), design(world)[0].astype(np.int64)
    payload = np.zeros(world.blocks, np.int64)
    runs = (payload_means(Blocks(logs(alike, 0.0, rng), arm, payload)).over_all for _ in range(100))
    return float(np.mean([numbers.var(ddof=1) for numbers in runs]) * world.blocks)


@pytest.mark.slow
@pytest.mark.parametrize("payloads", [1, 16])
@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS.keys())
def test_it_is_the_variance_of_a_replicas_mean_over_requests(world: World, payloads: int) -> None:
    rng = np.random.default_rng((21, payloads))
    number = np.arange(world.blocks) % payloads
    arm = design(world)[0].astype(np.int64)
    found = [within_blocks(Blocks(logs(world, 0.0, rng), arm, number)) for _ in range(40)]
    estimate = float(np.mean([each.variance for each in found if each is not None]))
    assert (
        0.8 < estimate / _truth(world, rng) < 1.2
    )  # batch means are too low if batches are short and values are clipped


def test_taking_requests_for_independent_would_be_far_too_sure() -> None:
    rng, world = np.random.default_rng(22), WORLDS["much alike"]
    noise = autoregressive((world.blocks, 24), world.autocorrelation, rng)
    assert batch_variance(noise) > 5 * float(noise.var(axis=0, ddof=1).mean())


def test_what_hits_everybody_and_what_replicas_differ_by_count_nothing() -> None:
    rng, world = np.random.default_rng(23), World(blocks=100)
    plain = logs(replace(world, replica_sd=0.0, parent_sd=0.0, drift=0.0), 0.0, rng)
    blocks, levels = rng.normal(0, 0.5, (100, 1)), rng.normal(0, 0.02, plain.shape[1])
    alone, stormy, apart = (within_blocks(_blocks(each)) for each in (plain, plain + blocks, plain + levels))
    assert alone is not None
    assert stormy is not None
    assert apart is not None
    assert stormy.variance == pytest.approx(alone.variance)
    assert apart.variance == pytest.approx(alone.variance, rel=0.1)
    assert stormy.trials == 100


@pytest.mark.parametrize("shape", [(0, 8), (1, 8), (20, 1)])
def test_one_value_per_replica_or_one_replica_gives_nothing(shape: tuple[int, int]) -> None:
    assert within_blocks(_blocks(np.zeros(shape))) is None


@pytest.mark.parametrize("blocks", [2, 3, 7, 8, 9])
def test_few_blocks_are_enough_for_an_estimate(blocks: int) -> None:
    rng = np.random.default_rng(24)
    found = [within_blocks(_blocks(rng.normal(0, 0.1, (blocks, 24)))) for _ in range(50)]
    sd = float(np.sqrt(np.mean([each.variance for each in found if each is not None])))
    assert 0.075 < sd < 0.13  # of three values about their median, some are clipped


def test_equal_values_have_no_variance() -> None:
    found = within_blocks(_blocks(np.ones((20, 6))))
    assert found is not None
    assert found.of_number == 0.0


def test_variance_of_a_percentile_comes_from_quarters_of_the_requests() -> None:
    rng, world, metric = np.random.default_rng(25), World(replicas=4, blocks=40), BY_NAME["service_p99_ms"]
    candidate, _, _ = design(world)
    percentiles, variances = [], []
    for _ in range(10):
        times = columns(np.zeros((world.blocks, 8)), candidate, Source.LOAD, requests=60)
        ms = np.exp(rng.normal(0, 0.5, times.service_ms.size))
        times = replace(times, service_ms=ms, response_ms=ms)
        found = replicates(metric, TrialTable(times))
        assert found is not None
        percentiles.append(found.compared)
        noise = within(metric, found, TrialTable(times))
        assert noise is not None
        assert noise.trials == world.blocks
        variances.append(noise.of_number)
    truth = float(np.concatenate(percentiles).var(ddof=1))
    assert 0.7 < float(np.mean(variances)) / truth < 1.4


def test_memory_and_starts_have_one_value_a_replica() -> None:
    world, metric = World(replicas=4), BY_NAME["rss_peak_mb"]
    candidate, _, _ = design(world)
    times = columns(np.zeros((world.blocks, 8)), candidate, Source.LOAD)
    times = replace(times, rss_peak_mb=np.full(times.block.size, 100.0))
    found = replicates(metric, TrialTable(times))
    assert found is not None
    assert within(metric, found, TrialTable(times)) is None
