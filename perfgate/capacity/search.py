"""Which rate both arms are visited at next: a ladder, then near each capacity, then fresh turns at fixed rates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from math import exp, log

import numpy as np

from perfgate.capacity.answer import Bound
from perfgate.capacity.controlled import fitted_curve
from perfgate.capacity.crossing import width_of
from perfgate.capacity.reference_queue import ReferenceQueue
from perfgate.capacity.turn import Stage, Turn
from perfgate.trials import Arm

LADDER = (0.03, 0.1, 0.3, 0.5, 0.7, 0.85, 1.0)
"""Rates of the sweep, relative to what one closed-loop turn answered; then upwards until every arm breaks."""
_UP, _UP_TO_HOLD, _DOWN = 1.25, 2.0, 0.4
_MOST_UP, _MOST_UP_TO_HOLD, _MOST_DOWN = 16, 6, 4
_BROKEN = 20.0
"""Share of misses, relative to that which may miss, from which a single turn ends the ladder; a fifth at most."""
_BEHIND = 0.1
"""Share of a turn's requests that failed, or by which those in flight grew, from which the ladder ends."""
_FAR_APART = 0.4
"""Distance of two capacities, in logarithms, from which one rate between them shows which is higher."""
_OFFSETS = (-1, 0, 1)
_TEST_SHARE = 0.5
"""Share of the time for turns that do not choose their own rate."""
_LEAST_STEP = 0.04
_OFTEN, _EVERY = 10, 4
"""Turns of the search after each of which it looks again; later after every fourth."""
_FAR = (1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5)
"""How far from the crossing turns count, in the logarithm of the rate, at first; later by the slope."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A pair of turns, one of each arm, with the same arrivals."""

    rate_rps: float
    stage: Stage
    pair: int
    number: int


@dataclass(slots=True)
class Staircase:
    """A rate that rises after a turn that held and falls after one that did not, by ever smaller steps.

    Dixon & Mood, Journal of the American Statistical Association 43, 1948, 109.
    """

    low: float
    """Logarithm of a rate that held."""
    high: float
    """Logarithm of one that did not."""
    log_rate: float = 0.0
    step: float = 0.0
    was_up: bool | None = None

    def __post_init__(self) -> None:
        """Begin in the middle, with a quarter of the bracket."""
        self.log_rate = (self.low + self.high) / 2
        self.step = max((self.high - self.low) / 4, _LEAST_STEP)

    def move(self, *, up: bool) -> None:
        """Take a step; half as long after a turn back."""
        if self.was_up is not None and self.was_up is not up:
            self.step = max(self.step / 2, _LEAST_STEP)
        self.log_rate += self.step if up else -self.step
        self.was_up = up


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search looks for."""

    arms: tuple[Arm, ...]
    bounds: tuple[Bound, ...]
    pairs: int
    """Servers of each arm."""
    closed_loop_rps: float
    """What one closed-loop turn answered, the slower arm's."""
    queues: Mapping[int, ReferenceQueue]
    """Of each bound that is a time, by its number."""
    ladder: tuple[float, ...] = LADDER
    """Rates of the sweep, relative to `closed_loop_rps`."""
    least_rps: float = 0.0
    """A rate below which a turn has next to no requests."""
    decides: bool = False
    """Whether to prove which arm carries more, where that is far from how much the other does."""


class Search:
    """Asks for pairs of turns and is told what they showed; randomness and the share of time used come in.

    Near the capacity it visits the rates at which the likelihood's own estimate, and a fourth to four times the share
    that may miss, lie: Wu's sequential design (Journal of the American Statistical Association 80, 1985, 974). In
    simulations it beat probabilistic bisection (docs/explanation/capacity-rates.md).
    """

    def __init__(self, wanted: Searched, rng: np.random.Generator) -> None:
        self._wanted, self._rng = wanted, rng
        self.queues, self.servers = wanted.queues, wanted.pairs
        self._numbers = count()
        self._servers: list[int] = []
        self.turns: list[Turn] = []
        self.tested_rps: tuple[float, ...] = ()
        """Rates of the last stage, fixed before its first turn."""

    def tell(self, *turns: Turn) -> None:
        """Record what a pair of turns showed."""
        self.turns += turns

    def asks(self, used: Callable[[], float]) -> Iterator[Ask]:
        """Yield pairs of turns until the time is used up."""
        yield from self._sweep()
        yield from self._near(used)
        yield from self._test(used)

    def _sweep(self) -> Iterator[Ask]:
        base = self._wanted.closed_loop_rps
        for rate_rps in sorted({max(base * step, self._wanted.least_rps) for step in self._wanted.ladder}):
            yield self._ask(rate_rps, Stage.SWEEP)
            if self._at_the_end():
                break
        rate = max(base * self._wanted.ladder[-1], self._wanted.least_rps)
        for step in range(_MOST_UP):
            held = any(not self.nothing_holds(arm) for arm in self._wanted.arms)
            if self._at_the_end() or self._generator_bound() or (step >= _MOST_UP_TO_HOLD and not held):
                break
            rate *= _UP if held else _UP_TO_HOLD
            yield self._ask(rate, Stage.SWEEP)
        lowest = min(turn.rate_rps for turn in self.turns)
        for _ in range(_MOST_DOWN):
            if not any(self.nothing_holds(arm) for arm in self._wanted.arms):
                break
            lowest *= _DOWN
            if lowest < self._wanted.least_rps:
                break
            yield self._ask(lowest, Stage.SWEEP)

    def _near(self, used: Callable[[], float]) -> Iterator[Ask]:
        """Alternate, for each arm, between a staircase and the line's own estimate.

        The staircase goes up after a turn that held and down after one that missed; a single turn that the machine
        spoiled does not hold it back, as it does the line.
        """
        arms = [arm for arm in self._wanted.arms if self.bracket(arm) is not None]
        stairs = {arm: Staircase(*self._bracket_of(arm)) for arm in arms}
        lines = {}
        for step in count():
            if not arms or used() >= 1 - _TEST_SHARE:
                return
            arm, turn = arms[step % len(arms)], step // len(arms)
            if turn % 2 == 0:
                yield self._ask(exp(stairs[arm].log_rate), Stage.SEARCH)
                stairs[arm].move(up=self._held_last(arm))
                continue
            if arm not in lines or step < _OFTEN or turn % _EVERY == 1:
                lines[arm] = self._line(arm, step)
            log_rate, slope = lines[arm]
            offset = _OFFSETS[turn // 2 % len(_OFFSETS)] * width_of(slope)
            yield self._ask(exp(log_rate + offset), Stage.SEARCH)

    def _bracket_of(self, arm: Arm) -> tuple[float, float]:
        low, high = self.bracket(arm) or (1.0, 1.0)
        return log(low), log(high)

    def _held_last(self, arm: Arm) -> bool:
        return self._holds(next(turn for turn in reversed(self.turns) if turn.arm is arm))

    def _test(self, used: Callable[[], float]) -> Iterator[Ask]:
        """Fix the rates, and once more after half of the time, from what the first half showed."""
        for end in (1 - _TEST_SHARE / 2, 1.0):
            rates = tuple(self._fixed())
            self.tested_rps = tuple(dict.fromkeys((*self.tested_rps, *rates)))
            yield from self._at(rates, used, end)

    def _at(self, rates: tuple[float, ...], used: Callable[[], float], end: float) -> Iterator[Ask]:
        for turn in count():
            for pair in self._rng.permutation(self._wanted.pairs).tolist():
                if not rates or used() >= end:
                    return
                yield self._ask(rates[(pair + turn) % len(rates)], Stage.TEST, pair)

    def _fixed(self) -> Iterator[float]:
        """Yield three rates around each capacity, or the ends of the ladder where it has none.

        To decide between arms far apart, only the rate in the middle: there one should hold and the other break.
        """
        if (middle := self._middle()) is not None:
            yield middle
            return
        tried = [turn.rate_rps for turn in self.turns if not turn.seen.generator_bound]
        for arm in self._wanted.arms:
            bracket = self.bracket(arm)
            if bracket is None:
                if tried:
                    yield min(tried) if self.nothing_holds(arm) else max(tried)
                continue
            log_rate, slope = self._line(arm, len(self.turns))
            yield from (exp(log_rate + offset * width_of(slope)) for offset in _OFFSETS)
        if tried and self._misses_low():
            yield min(tried)

    def _middle(self) -> float | None:
        arms = self._wanted.arms
        if not self._wanted.decides or any(self.bracket(arm) is None for arm in arms):
            return None
        ends = [self._line(arm, len(self.turns))[0] for arm in arms]
        return exp(sum(ends) / len(ends)) if max(ends) - min(ends) > _FAR_APART else None

    def bracket(self, arm: Arm) -> tuple[float, float] | None:
        """Return the highest rate of the ladder at which an arm held, and the lowest above it at which it did not.

        None if it held at all rates, or at none. What breaks at a lower rate, for want of load, does not count; nor
        does what the load generator was too slow for.
        """
        own = [turn for turn in self._of(arm, Stage.SWEEP) if not turn.seen.generator_bound]
        shown = sorted((turn.rate_rps, self._holds(turn)) for turn in own)
        held = [rate for rate, holds in shown if holds]
        above = [rate for rate, holds in shown if not holds and held and rate > held[-1]]
        return (held[-1], above[0]) if held and above else None

    def start_rps(self, arm: Arm) -> float:
        """Return where the fit of an arm's curve begins."""
        bracket = self.bracket(arm)
        return exp((log(bracket[0]) + log(bracket[1])) / 2) if bracket else self._wanted.closed_loop_rps

    def _line(self, arm: Arm, step: int) -> tuple[float, float]:
        """Return where an arm crosses the objective that breaks first, and how steeply."""
        reach = _FAR[step] if step < len(_FAR) else None
        turns, start = self._above_low_load(arm), self.start_rps(arm)
        # Far from the crossing the reference queue is of little use, and its table would have to be large.
        queues = self._wanted.queues if reach is None else {}
        lines = [
            fitted_curve(turns, index, bound.share, queues.get(index), start, reach=reach).line
            for index, bound in enumerate(self._wanted.bounds)
        ]
        first = min(lines, key=lambda line: line.log_rate)
        return first.log_rate, first.slope

    def _above_low_load(self, arm: Arm) -> list[Turn]:
        return above_low_load(self._of(arm), self._wanted.bounds, self.start_rps(arm))

    def _of(self, arm: Arm, *stages: Stage) -> list[Turn]:
        return [turn for turn in self.turns if turn.arm is arm and (not stages or turn.stage in stages)]

    def _ask(self, rate_rps: float, stage: Stage, pair: int | None = None) -> Ask:
        if pair is None:
            self._servers = self._servers or self._rng.permutation(self._wanted.pairs).tolist()
            pair = self._servers.pop()
        return Ask(rate_rps, stage, pair, next(self._numbers))

    def _holds(self, turn: Turn) -> bool:
        return _held(turn, self._wanted.bounds)

    def _broken(self, turn: Turn) -> bool:
        return any(
            missed > min(_BROKEN * bound.share, 0.2 + 0.8 * bound.share) * max(turn.requests, 1)
            for missed, bound in zip(turn.missed, self._wanted.bounds, strict=True)
        )

    def _at_the_end(self) -> bool:
        """Return whether every arm broke at the last rate, by too much load.

        What never held, and still answers all requests, may break for want of load: a batch waits for more of them.
        """
        last = max(turn.number for turn in self.turns)
        return all(
            self._broken(turn) and (_falls_behind(turn) or not self.nothing_holds(turn.arm))
            for turn in self.turns
            if turn.number == last
        )

    def _generator_bound(self) -> bool:
        return any(turn.seen.generator_bound for turn in self.turns[-len(self._wanted.arms) :])

    def nothing_holds(self, arm: Arm) -> bool:
        """Return whether an arm missed an objective at every rate of the ladder."""
        return not any(self._holds(turn) for turn in self._of(arm, Stage.SWEEP))

    def _misses_low(self) -> bool:
        """Return whether an arm missed at the lowest rate of the ladder while it held at a higher one."""
        lowest = min(turn.rate_rps for turn in self.turns)
        return any(
            not self._holds(turn) and self.bracket(turn.arm) is not None
            for turn in self.turns
            if turn.rate_rps == lowest
        )


def _falls_behind(turn: Turn) -> bool:
    return turn.overloaded or max(turn.growth, turn.failed / max(turn.requests, 1)) > _BEHIND


def above_low_load(turns: Sequence[Turn], bounds: Sequence[Bound], start_rps: float) -> list[Turn]:
    """Leave out turns of rates so low that an objective breaks for want of load, up to the last one that misses.

    A curve that falls before it rises has two crossings; the capacity is the upper one.
    """
    sweep = sorted(
        (turn for turn in turns if turn.stage is Stage.SWEEP and turn.rate_rps < start_rps), key=lambda t: t.rate_rps
    )
    held = [_held(turn, bounds) for turn in sweep]
    first = held.index(True) if True in held else 0
    lowest_rps = sweep[first].rate_rps if sweep else 0.0
    return [turn for turn in turns if turn.rate_rps >= lowest_rps]


def _held(turn: Turn, bounds: Sequence[Bound]) -> bool:
    """Return whether a turn kept its objectives; one without requests shows nothing."""
    kept = (missed <= bound.share * turn.requests for missed, bound in zip(turn.missed, bounds, strict=True))
    return turn.requests > 0 and all(kept)
