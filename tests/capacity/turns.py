"""Turns of a simulated M/D/1 queue, and of servers whose share of misses is a given curve."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, floor

import numpy as np
from numpy.typing import NDArray
from scipy import special

from perfgate.capacity.answer import Bound
from perfgate.capacity.reference_queue import ReferenceQueue, responses_s
from perfgate.capacity.search import Ask, Search, Searched
from perfgate.capacity.turn import Seen, Stage, Turn
from perfgate.loadgen.arrivals import poisson
from perfgate.trials import Arm

LEAD_IN_S, LENGTH_S, BOUND_S = 0.25, 1.25, 0.020
BOUND = Bound("latency_p99_ms", 0.01, BOUND_S * 1e3)
MD1_CAPACITY_RPS = 386.25
"""Of an M/D/1 queue with a service time of 2 ms, at most 1 % of its requests slower than 20 ms."""


def md1_share(rate_rps: float, service_s: float, bound_s: float) -> float:
    """Return the share of response times beyond a bound (Erlang, 1909)."""
    load, wait = rate_rps * service_s, bound_s / service_s - 1
    terms = [(load * (k - wait)) ** k / special.factorial(k) * exp(load * (wait - k)) for k in range(floor(wait) + 1)]
    return float(1 - (1 - load) * sum(terms))


def arrivals(rate_rps: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw one turn's arrivals."""
    return poisson(rate_rps, LENGTH_S, rng)


def reference_queue(requests: int = 60_000, seed: int = 1) -> ReferenceQueue:
    """Make a small table."""
    return ReferenceQueue(BOUND_S, LEAD_IN_S, arrivals, seed, requests)


def queued(
    rate_rps: float,
    rng: np.random.Generator,
    *,
    service_s: float = 0.002,
    arm: Arm = Arm.CANDIDATE,
    pair: int = 0,
    number: int = 0,
    stage: Stage = Stage.TEST,
) -> Turn:
    """Make a turn of an M/D/1 queue."""
    instants_s = arrivals(rate_rps, rng)
    response_s = responses_s(instants_s, service_s)[instants_s >= LEAD_IN_S]
    missed = (int(np.count_nonzero(response_s > BOUND_S)),)
    return Turn(arm, pair, number, stage, rate_rps, instants_s, response_s * 1e3, missed)


def curve(
    ask: Ask,
    share: float,
    *,
    arm: Arm = Arm.CANDIDATE,
    bound_by_generator: bool = False,
    n: int = 400,
    growth: float = 0.0,
    failed: int = 0,
) -> Turn:
    """Make a turn of which exactly this share misses."""
    return Turn(
        arm, ask.pair, ask.number, ask.stage, ask.rate_rps, np.empty(0), np.zeros(n), (round(share * n),),
        failed=failed, growth=growth, seen=Seen(generator_bound=bound_by_generator),
    )  # fmt: skip


def searched(
    answer: Callable[[Ask, Arm], Turn],
    *,
    turns: int = 120,
    arms: tuple[Arm, ...] = (Arm.CANDIDATE,),
    pairs: int = 4,
    decides: bool = False,
) -> tuple[Search, list[Ask]]:
    """Search with a fixed seed, without reference queue; `answer` makes the turns."""
    search = Search(Searched(arms, (BOUND,), pairs, 100.0, {}, decides=decides), np.random.default_rng(3))
    asks: list[Ask] = []
    for ask in search.asks(lambda: len(asks) / turns):
        asks.append(ask)
        search.tell(*(answer(ask, arm) for arm in arms))
    return search, asks
