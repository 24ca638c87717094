"""Simulated machines, and the costs of requests on them: settings of the tests' generator."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tests.stats.generator import World

_MEASURED = World(replica_sd=0.003, request_sd=0.015)
"""Replicas that differ by 0.3 %, and +- 0.9 % one-sided at 99 %, as measured beside a half busy neighbour
(docs/explanation/verdicts.md).
"""

WORLDS: dict[str, World] = {
    "measured": _MEASURED,
    "noisy": World(),
    "start order, 2 %": World(start_slope=0.02),
    "start order, 6 %": World(start_slope=0.06),
    "fork servers 3 % apart": World(parents=4, parent_sd=0.03),
    "memory in regions 2 % apart": World(region_sd=0.02),
    "two kinds of replica, 2 % apart": World(second_mode=0.02),
    "one fork server": World(parents=1),
    "4 replicas an arm": World(replicas=4),
    "24 replicas an arm": World(replicas=24),
    "autocorrelation 0.8": World(autocorrelation=0.8),
    "one execution in ten hit": World(spike_share=0.1),
    "no difference between replicas": World(replica_sd=0.0, parent_sd=0.0),
}
"""By name; 12 replicas an arm, 2 fork servers, 40 blocks unless stated otherwise."""


@dataclass(frozen=True, slots=True)
class Requests:
    """Costs of a scenario's payloads, equally frequent, and the effect of a change on them."""

    cost: tuple[float, ...] = (1.0,)
    hit: tuple[float, ...] = (1.0,)
    """Candidate's factor on each payload, in addition to the change of all."""
    struck_share: float = 0.0
    """Share of the candidate's executions that take `struck_times` as long, at random."""
    struck_times: float = 3.0
    metric: str = "execute_ms"

    def truth(self, effect: float) -> float:
        """Return the change of the mean over requests if all of them change by `effect`."""
        cost, hit = np.array(self.cost), np.array(self.hit)
        struck = 1 + self.struck_share * (self.struck_times - 1)
        return float((1 + effect) * struck * (cost * hit).sum() / cost.sum() - 1)


ONE_REQUEST = Requests()


@dataclass(frozen=True, slots=True)
class Scene:
    """A machine, its requests, and the simulated changes of all requests."""

    world: World
    requests: Requests = ONE_REQUEST
    effects: tuple[float, ...] = (0.0, 0.025, 0.05, 0.10)


_ALIKE = (1.0,) * 16
_COSTS = tuple(np.geomspace(1, 50, 16).tolist())
_ROUNDS = World(parents=1, parent_sd=0.0, blocks=128, replica_sd=0.005, request_sd=0.03)
_FEW = replace(_ROUNDS, replicas=4)
_SPIKES = replace(_ROUNDS, spike_share=0.1)
_LONG = replace(_ROUNDS, blocks=256)
_GUARD = "cpu_mean_ms_per_request"


def _hit(payloads: int, times: float) -> Requests:
    return Requests(_ALIKE, (times,) * payloads + _ALIKE[payloads:])


SCENES: dict[str, Scene] = {
    **{name: Scene(world) for name, world in WORLDS.items()},
    "payloads alike": Scene(_ROUNDS, Requests(_ALIKE, _ALIKE)),
    "payloads alike, 4 replicas": Scene(_FEW, Requests(_ALIKE, _ALIKE)),
    "payloads cost 1 to 50": Scene(_ROUNDS, Requests(_COSTS, _ALIKE)),
    "payloads cost 1 to 50, 4 replicas": Scene(_FEW, Requests(_COSTS, _ALIKE)),
    "payloads cost 1 to 50, spikes in 10 %": Scene(_SPIKES, Requests(_COSTS, _ALIKE)),
    "2 of 16 payloads x 1.2": Scene(_ROUNDS, _hit(2, 1.2), (0.0,)),
    "1 of 16 payloads x 1.4": Scene(_ROUNDS, _hit(1, 1.4), (0.0,)),
    "1 of 16 payloads x 1.4, spikes in 10 %": Scene(_SPIKES, _hit(1, 1.4), (0.0,)),
    "2 of 16 payloads x 2.5": Scene(_ROUNDS, _hit(2, 2.5), (0.0,)),
    "2 of 16 payloads x 2.5, 4 replicas": Scene(_FEW, _hit(2, 2.5), (0.0,)),
    "1 of 16 payloads x 5": Scene(_ROUNDS, _hit(1, 5.0), (0.0,)),
    "1 of 16 payloads x 5, spikes in 10 %": Scene(_SPIKES, _hit(1, 5.0), (0.0,)),
    "untrimmed: spikes in 2 %": Scene(_ROUNDS, Requests(_ALIKE, _ALIKE, metric=_GUARD), (0.0, 0.10)),
    "untrimmed: 10 % at random x 3": Scene(_ROUNDS, Requests(_ALIKE, _ALIKE, 0.1, metric=_GUARD), (0.0,)),
    "untrimmed: 10 % at random x 3, 256 blocks": Scene(_LONG, Requests(_ALIKE, _ALIKE, 0.1, metric=_GUARD), (0.0,)),
}
"""Worlds with one kind of request and with 16 payloads; "untrimmed" is the guard on the mean of CPU time."""
