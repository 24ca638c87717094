"""The replicas of a run, started in the plan's order and alive together, each with a driver and an observer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from math import isfinite
from types import TracebackType
from typing import Self, TypeVar

from perfgate.errors import InvalidRunError
from perfgate.experiment.plan import Plan, Slot
from perfgate.experiment.warmup import Warmth, warm_up
from perfgate.experiment.world import World
from perfgate.formatting import with_unit
from perfgate.loadgen.interface import ClosedLoop, Driver, Reply
from perfgate.observe.interface import ProcessObserver
from perfgate.scenario.schema import Server
from perfgate.serving.interface import Launcher, Replica, ReplicaSpec
from perfgate.serving.reasons import refusal, remedy_of
from perfgate.trials import Arm, Call, ReplicaFacts

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")

_FEWEST = 2
"""Replicas an arm."""
_PATIENCE_S = 60.0
"""Deadline of the first request, which may initialise and compile; later requests have one of their own."""


@dataclass(frozen=True, slots=True)
class ArmSetup:
    """What the replicas of one arm serve, and which requests they get."""

    spec: ReplicaSpec
    calls: tuple[Call, ...]
    order: tuple[int, ...]
    """Files of the recorded requests in the replica, the same requests as `calls`."""
    by_columns: Callable[[], tuple[Call, ...]] | None = None
    """Makes the same REST requests in columnar form, for a model that cannot answer row by row; None: no other form."""

    def served_with(self, settings: Server) -> ArmSetup:
        """Return the same with other settings of the servers."""
        return replace(self, spec=replace(self.spec, settings=settings))


@dataclass(frozen=True, slots=True)
class LiveReplica:
    """A running replica, and what is needed to measure it."""

    slot: Slot
    server: Replica
    driver: Driver
    observer: ProcessObserver
    calls: tuple[Call, ...]
    order: tuple[int, ...]
    first_request_ms: float


class Servers:
    """All replicas of a run; a context manager that leaves no process behind."""

    def __init__(self, plan: Plan, setups: Mapping[Arm, ArmSetup], world: World) -> None:
        self._plan, self._setups, self._world = plan, setups, world
        self._stack = ExitStack()
        self.replicas: tuple[LiveReplica, ...] = ()

    def __enter__(self) -> Self:
        """Make the launchers; fork servers import TensorFlow at the same time."""
        self._launchers: list[Launcher] = []
        with ExitStack() as undo:
            for number in sorted({slot.parent for slot in self._plan.slots}):
                launcher = self._world.launcher(number)
                undo.callback(launcher.stop)
                self._launchers.append(launcher)
            self._stack = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything."""
        self._stack.close()

    def start(self, on_started: Callable[[int], None]) -> None:
        """Start the replicas and make each one's first request; InvalidRunError if one does not work.

        If there are enough CPUs, one replica of each arm starts at a time, so that they affect each other equally.
        """
        for live in self._at_once(self._start, self._plan.slots):
            self.replicas = (*self.replicas, live)
            on_started(len(self.replicas))
            if len(self.replicas) == self._plan.at_once:
                self._require_room(len(self._plan.slots) - len(self.replicas))
        # if one arm needs the columnar form, both arms use it, including servers that were started before
        self.replicas = tuple(replace(live, calls=self._setups[live.slot.arm].calls) for live in self.replicas)

    def _start(self, slot: Slot) -> LiveReplica:
        setup, clock = self._setups[slot.arm], self._world.clock
        server = self._launchers[slot.parent].start(self._spec(slot))
        with self._world.driver(server, _PATIENCE_S) as patient:
            began_s = clock()
            answer = patient.call(setup.calls[0])
            first_request_ms = (clock() - began_s) * 1e3
            if answer.status and setup.by_columns and not patient.call(setup.by_columns()[0]).status:
                self._ask_by_columns()
                answer = Reply(0, "", b"")
        if answer.status:
            server.ensure_alive()
            problem = f"{setup.spec.label}: the first request failed with {refusal(answer.status, answer.message)}"
            raise InvalidRunError(problem, remedy_of(answer.status, answer.message))
        driver = self._world.driver(server, self._plan.load.deadline_s)
        self._stack.callback(driver.close)
        observer = self._world.observer(server.subject)
        return LiveReplica(slot, server, driver, observer, setup.calls, setup.order, first_request_ms)

    def _require_room(self, more: int) -> None:
        """Raise InvalidRunError if memory is too short for the remaining servers, judged by those that run.

        Each needs the running ones' private memory and, while it loads, their extra peak: a graph's constants are held
        several times.
        """
        memory = [live.observer.memory() for live in self.replicas]
        own_mib = max(each.uss_mb for each in memory)
        loading_mib = max(each.rss_peak_mb - each.rss_mb for each in memory) * self._plan.at_once
        free_mib = self._world.available_mib()
        if more * own_mib + loading_mib <= free_mib or not isfinite(own_mib + loading_mib):
            return
        fit = len(self.replicas) + max(0, int((free_mib - loading_mib) / own_mib))
        arms = len({slot.arm for slot in self._plan.slots})
        problem = (
            f"not enough memory: {more} more servers need {with_unit(own_mib / 1024, 'GiB')} each, plus "
            f"{with_unit(loading_mib / 1024, 'GiB')} while they load, but only {with_unit(free_mib / 1024, 'GiB')} is "
            "free"
        )
        few = fit // arms
        remedy = f"--replicas {few}" if few >= _FEWEST else "use a machine with more memory"
        raise InvalidRunError(problem, remedy)

    def _ask_by_columns(self) -> None:
        for arm, each in self._setups.items():
            if each.by_columns:
                self._setups = {**self._setups, arm: replace(each, calls=each.by_columns(), by_columns=None)}

    def _spec(self, slot: Slot) -> ReplicaSpec:
        spec = self._setups[slot.arm].spec
        return replace(spec, layout=(self._plan.seed, slot.replica)) if spec.settings.random_layout else spec

    def warm_up(self, on_warm: Callable[[int], None]) -> tuple[ReplicaFacts, ...]:
        """Warm each replica until its latency is stationary.

        If one replica's first calls take too long, steady times will not be judged, and the others get only the usual
        time.
        """
        facts: list[ReplicaFacts] = []

        def warmth_of(live: LiveReplica) -> Warmth:
            limit_s, longer_s = self._plan.warmup_limit_s, self._plan.first_calls_limit_s
            longer_s = limit_s if any(each.cold_requests for each in facts) else longer_s
            return warm_up(live.driver, live.calls, self._world.clock, limit_s, longer_s)

        for live, warmth in zip(self.replicas, self._at_once(warmth_of, self.replicas), strict=True):
            facts.append(self._facts(live, warmth))
            on_warm(len(facts))
        return tuple(facts)

    def _at_once(self, do: Callable[[_Given], _Made], given: Sequence[_Given]) -> Iterator[_Made]:
        """Apply a function to all, in groups of the plan's size that begin together."""
        if (size := self._plan.at_once) == 1:
            yield from map(do, given)
            return
        with ThreadPoolExecutor(size) as threads:
            for first in range(0, len(given), size):
                yield from threads.map(do, given[first : first + size])

    def _facts(self, live: LiveReplica, warmth: Warmth) -> ReplicaFacts:
        together = self._plan.load.in_flight  # the first concurrent requests create threads and their heaps
        live.driver.drive(live.calls, ClosedLoop(in_flight=together, requests=2 * together))
        slot = live.slot
        return ReplicaFacts(
            replica=slot.replica,
            arm=slot.arm,
            parent=slot.parent,
            start_position=slot.start_position,
            pid=live.server.pid,
            load_time_s=live.server.load_time_s,
            first_request_ms=live.first_request_ms,
            warmup_requests=warmth.requests,
            warmup_s=warmth.seconds,
            warm=warmth.stationary,
            warm_ms=warmth.warm_ms,
            replayed=live.server.replayed,
            cold_requests=warmth.cold_requests,
        )


def of_arm(replicas: Sequence[LiveReplica], arm: Arm) -> tuple[LiveReplica, ...]:
    """Select one arm's replicas."""
    return tuple(live for live in replicas if live.slot.arm is arm)
