"""What simulated machines do: settings of the tests' generator."""

from __future__ import annotations

from tests.stats.generator import World

_MEASURED = World(replica_sd=0.003, request_sd=0.015)
"""Replicas 0.3 % apart and +- 0.9 % one-sided at 99 %: as measured beside a half busy neighbour (docs/verdicts.md)."""

WORLDS: dict[str, World] = {
    "measured": _MEASURED,
    "noisy": World(),
    "start order, 2 %": World(start_slope=0.02),
    "start order, 6 %": World(start_slope=0.06),
    "fork servers 3 % apart": World(parents=4, parent_sd=0.03),
    "two kinds of replica, 2 % apart": World(second_mode=0.02),
    "one fork server": World(parents=1),
    "4 replicas an arm": World(replicas=4),
    "24 replicas an arm": World(replicas=24),
    "autocorrelation 0.8": World(autocorrelation=0.8),
    "one execution in ten hit": World(spike_share=0.1),
    "no difference between replicas": World(replica_sd=0.0, parent_sd=0.0),
}
"""By name; 12 replicas an arm, 2 fork servers, 40 blocks where it does not say otherwise."""
