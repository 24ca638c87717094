"""Many settings of one model's server, each on two servers of its own, visited in turn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from perfgate.capacity.answer import Bound, TunedSettings
from perfgate.capacity.arrivals import at_any_rate
from perfgate.capacity.driven import Protocol, turn_of
from perfgate.capacity.lengths import FEWEST_PAIRS, Lengths
from perfgate.capacity.reference_queue import ReferenceQueue
from perfgate.capacity.search import Ask, Search, Searched
from perfgate.capacity.tuning_candidates import Candidate, thread_candidates
from perfgate.capacity.tuning_estimates import Explored, mean_rate, settings_of
from perfgate.capacity.tuning_front import best_of, carried_rps, kept
from perfgate.capacity.turn import Stage
from perfgate.errors import InvalidRunError
from perfgate.experiment.lanes import Bench, load_turn
from perfgate.experiment.servers import ArmSetup, LiveReplica, Servers
from perfgate.experiment.setup import arm_setups, ensure_unchanged
from perfgate.experiment.world import World
from perfgate.loadgen.arrivals import mean_rate_rps
from perfgate.loadgen.interface import OpenLoop
from perfgate.pipeline.job import Job
from perfgate.pipeline.plan import plan_of
from perfgate.pipeline.rate_search import RateSearch, answered_rps, begin_search, turns
from perfgate.results.progress import Phase, Progress
from perfgate.scenario.schema import Scenario
from perfgate.serving.interface import Launcher, Replica, ReplicaSpec
from perfgate.trials import Arm

SERVERS = 2
"""Servers for each settings."""
FIRST_SHARE, SHARE = 0.38, 0.6
"""Shares of all time at which the first and the second round end; the rest is for the comparison."""
_LADDER = (0.4, 0.7, 1.0)
_TABLE_REQUESTS = 100_000
_CLOSED_S, _WARM_UP_S = 0.6, 1.5
_TURNS = 8
"""Turns of each settings that should fit into the exploration; they are shorter if they do not."""
_REFERENCE_EVERY = 2
"""Turns of the search for each turn at the reference rate, in the first round."""
_ENOUGH = 1200
"""Requests at the reference rate, with which a 99th percentile has both ends even if they hang together."""


@dataclass(slots=True)
class Exploration:
    """What is known so far; it stays known when it is interrupted."""

    explored: list[Explored] = field(default_factory=list)
    current: RateSearch | None = None
    """The search with the current settings; None until it has swept the rates once."""
    reference_rps: float = 0.0
    reference_stated: bool = False

    def settings(self) -> tuple[TunedSettings, ...]:
        """Estimate all settings."""
        return settings_of(self.explored, self.current.bounds) if self.current else ()


@dataclass(frozen=True, slots=True)
class Time:
    """The time for all of it, the starts of servers included."""

    seconds: float
    began_s: float
    clock: Callable[[], float]

    def used(self) -> float:
        """Return the share that is used up."""
        return (self.clock() - self.began_s) / self.seconds

    def until(self, share: float) -> float:
        """Return the seconds left until a share is used up."""
        return max(0.0, (share - self.used()) * self.seconds)


class _Shared:
    """A launcher for several groups of servers, which all end together."""

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher

    def start(self, spec: ReplicaSpec) -> Replica:
        """Start one server."""
        return self._launcher.start(spec)

    def stop(self) -> None:
        """Leave the other servers alive."""


@dataclass(slots=True)
class _Served:
    """Settings with their servers."""

    explored: Explored
    replicas: tuple[LiveReplica, ...]
    scenario: Scenario
    turns: Iterator[None] = field(default_factory=lambda: iter(()))


@dataclass(frozen=True, slots=True)
class _Frame:
    """What all searches have in common."""

    bounds: tuple[Bound, ...]
    lengths: Lengths
    queues: Mapping[int, ReferenceQueue]


def explore(  # noqa: PLR0913, PLR0917 - what is explored, with what, and where it is kept
    job: Job,
    world: World,
    candidates: Sequence[Candidate],
    cores: int,
    time: Time,
    progress: Progress,
    so_far: Exploration,
) -> None:
    """Fill `so_far`: all candidates in a first round, the best of them and other numbers of threads in a second.

    InvalidRunError if the current settings, the first candidate, do not work.
    """
    with TemporaryDirectory(prefix="perfgate-") as scratch, ExitStack() as stack:
        launcher = world.launcher(0)
        stack.callback(launcher.stop)
        setup = arm_setups(job.models, job.prepared.requests, job.scenario, Path(scratch))[Arm.CANDIDATE]
        shared = replace(world, launcher=lambda _: _Shared(launcher))
        _Explorer(job, shared, setup, time, progress, so_far, stack).explore(candidates, cores)


class _Explorer:
    def __init__(  # noqa: PLR0913, PLR0917 - one of each
        self, job: Job, world: World, setup: ArmSetup, time: Time, progress: Progress, so_far: Exploration,
        stack: ExitStack,
    ) -> None:  # fmt: skip
        self._job, self._world, self._setup, self._time = job, world, setup, time
        self._progress, self._so_far, self._stack = progress, so_far, stack
        plan = replace(plan_of(job, world), segments=(), warmup_limit_s=_WARM_UP_S)
        self._plan = plan
        self._phase_s = world.clock()
        self._bench = Bench(
            plan, world.machine, world.clock, np.random.default_rng(plan.seed), world.clock(), self._show
        )
        self._rng = np.random.default_rng((plan.seed, 17))
        self._steps = 0

    def _show(self) -> None:
        self._progress.update(lambda: self._world.clock() - self._phase_s)

    def _phase(self, name: str, share: float) -> None:
        self._phase_s = self._world.clock()
        seconds = self._time.until(share)
        self._progress.phase(Phase(name, seconds, later_s=self._time.until(1.0) - seconds))

    def explore(self, candidates: Sequence[Candidate], cores: int) -> None:
        self._phase(f"round 1: {len(candidates)} settings, {SERVERS} servers each", FIRST_SHARE)
        current = self._served(candidates[0])
        ensure_unchanged(self._job.models)
        frame = self._first(current, len(candidates))
        served = [current, *self._others(candidates[1:], frame)]
        self._round(served, FIRST_SHARE)
        settings = self._so_far.settings()
        names = kept(settings)
        leader = next(c for c in candidates if c.name == (best_of(settings, carried_rps) or candidates[0].name))
        more = thread_candidates(leader, cores)
        again = [each for each in served if each.explored.candidate.name in names and not each.explored.problem]
        self._phase(f"round 2: {len(again) + len(more)} settings", SHARE)
        self._round([*again, *self._others(more, frame)], SHARE)

    def _served(self, candidate: Candidate) -> _Served:
        """Start the servers of one settings; InvalidRunError if they do not work, with the reason kept."""
        explored = Explored(candidate)
        self._so_far.explored.append(explored)
        setup = self._setup.served_with(candidate.server)
        setup = replace(setup, spec=replace(setup.spec, label=f"server ({candidate.name})"))
        scenario = self._job.scenario.model_copy(update={"server": candidate.server})
        try:
            servers = self._stack.enter_context(Servers(self._plan, {Arm.CANDIDATE: setup}, self._world))
            servers.start(lambda _: self._show())
            servers.warm_up(lambda _: self._show())
            explored.throughput_rps = self._throughput_rps(servers.replicas, scenario)
        except InvalidRunError as error:
            explored.problem = error.in_a_line
            raise
        return _Served(explored, servers.replicas, scenario)

    def _throughput_rps(self, replicas: Sequence[LiveReplica], scenario: Scenario) -> float:
        found = mean_rate([answered_rps(live, scenario, self._bench, _CLOSED_S) for live in replicas])
        if not found > 0:
            raise InvalidRunError("no request was answered", "see servers.log")
        return found

    def _failed(self, explored: Explored, error: InvalidRunError) -> None:
        """Keep why settings failed; without the current ones there is nothing to compare with."""
        explored.problem = error.in_a_line
        if explored is self._so_far.explored[0]:
            raise error

    def _first(self, current: _Served, count: int) -> _Frame:
        """Sweep the rates with the current settings, from which everything that all have in common follows."""
        each_s = SHARE * self._time.seconds / (count + 2) / _TURNS
        found = begin_search(
            current.replicas, current.scenario, each_s * FEWEST_PAIRS, self._bench, None, _TABLE_REQUESTS
        )
        frame = _Frame(found.bounds, found.lengths, found.search.queues)
        found.search = self._searching(current, frame)
        current.turns = turns(found, current.replicas, current.scenario, self._bench, lambda: 0.0)
        self._so_far.current = found
        while found.stage is Stage.SWEEP and self._time.used() < FIRST_SHARE:
            self._turn(current)
        load = self._job.scenario.load
        stated = mean_rate_rps(load, found.lengths.whole_s, self._plan.trace_s)
        self._so_far.reference_stated = stated is not None
        self._so_far.reference_rps = stated or found.search.start_rps(Arm.CANDIDATE) / 2
        return frame

    def _searching(self, served: _Served, frame: _Frame) -> Search:
        rng = np.random.default_rng((self._plan.seed, 15))
        rate = served.explored.throughput_rps
        search = Search(
            Searched((Arm.CANDIDATE,), frame.bounds, len(served.replicas), rate, frame.queues, _LADDER), rng
        )
        served.explored.search = search
        return search

    def _others(self, candidates: Sequence[Candidate], frame: _Frame) -> Iterator[_Served]:
        for candidate in candidates:
            try:
                served = self._served(candidate)
            except InvalidRunError:
                continue  # others may work
            search, unloaded_ms = self._searching(served, frame), {Arm.CANDIDATE: float("nan")}
            found = RateSearch(search, frame.bounds, frame.lengths, unloaded_ms, len(served.replicas))
            served.turns = turns(found, served.replicas, served.scenario, self._bench, lambda: 0.0)
            yield served

    def _round(self, served: Collection[_Served], share: float) -> None:
        """Visit all in random order, again and again, so that the machine's changes affect all alike."""
        for each in served:
            each.explored.rounds += 1
        while True:
            alive = [each for each in served if not each.explored.problem]
            before = self._time.used()
            for index in self._rng.permutation(len(alive)).tolist():
                self._turn(alive[index])
            self._steps += 1
            if self._steps % _REFERENCE_EVERY == 0 or share > FIRST_SHARE:
                few = (each for each in alive if sum(t.requests for t in each.explored.reference) < _ENOUGH)
                self._at_reference([each for each in few if not each.explored.problem])
            now = self._time.used()
            if now + (now - before) / 2 >= share:
                return

    def _turn(self, served: _Served) -> None:
        try:
            next(served.turns, None)
        except InvalidRunError as error:
            self._failed(served.explored, error)

    def _at_reference(self, served: Sequence[_Served]) -> None:
        """Send the same arrivals at the reference rate to all."""
        found, number = self._so_far.current, self._steps
        if found is None:
            return
        length_s, rate_rps = found.lengths.whole_s, self._so_far.reference_rps
        timed = replace(self._bench, plan=replace(self._plan, turn_s=length_s))
        draw = at_any_rate(self._job.scenario.load, length_s, self._plan.trace_s)
        instants_s = draw(rate_rps, np.random.default_rng((self._plan.seed, 18, number)))
        protocol = Protocol(found.bounds, found.lengths, self._job.scenario.load.workers)
        for index in self._rng.permutation(len(served)).tolist():
            replicas = served[index].replicas
            pair = number % len(replicas)
            ask = Ask(rate_rps, Stage.TEST, pair, number)
            try:
                trial = load_turn(replicas[pair], number, OpenLoop(instants_s), timed)
            except InvalidRunError as error:
                self._failed(served[index].explored, error)
                continue
            served[index].explored.reference.append(turn_of(ask, trial, instants_s, protocol))
