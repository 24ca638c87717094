"""An engine without machines: measurements of given lengths on a virtual clock, and nodes that may die."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from perfgate.errors import ExitCode
from perfgate.fleet.engine import Ended, Order


@dataclass(slots=True)
class FakeNode:
    """One machine."""

    name: str
    cores: int
    memory_mib: float = float("inf")
    dies_at_s: float = float("inf")
    """Reading of the clock at which it is gone, with everything that runs on it."""
    free: list[int] = field(default_factory=list)
    taken_mib: float = 0.0


@dataclass(frozen=True, slots=True, order=True)
class _Running:
    ends_s: float
    number: int
    began_s: float = field(compare=False)
    order: Order = field(compare=False)
    node: FakeNode = field(compare=False)
    cpus: tuple[int, ...] = field(compare=False)


class FakeEngine:
    """Places each order on the first node with room, and lets virtual time pass while it waits."""

    def __init__(
        self,
        nodes: Sequence[FakeNode],
        seconds_of: Callable[[Order], float],
        run: Callable[[Order], int] = lambda _: ExitCode.PASS,
    ) -> None:
        """`run`: what a measurement does when it ends; returns its exit code."""
        self._nodes, self._seconds_of, self._run = list(nodes), seconds_of, run
        for node in self._nodes:
            node.free = list(range(node.cores))
        self._running: list[_Running] = []
        self._homeless: list[Order] = []
        self._count = 0
        self.now_s = 0.0
        self.stopped = False

    def clock(self) -> float:
        """Return the virtual time, seconds."""
        return self.now_s

    @property
    def description(self) -> str:
        """Where measurements run."""
        return f"{len(self._nodes)} fake nodes"

    def refusal(self, order: Order) -> str:
        """Return why no node can ever run an order; empty if one can."""
        return "" if any(node.cores >= order.cores for node in self._nodes) else "no node has so many cores"

    def has_room(self, order: Order) -> bool:
        """Return whether some node has the cores and the memory."""
        return self._place(order) is not None

    def start(self, order: Order) -> None:
        """Take the cores of a node; without one that has them, the order ends at once."""
        node = self._place(order)
        if node is None:
            self._homeless.append(order)
            return
        cpus = tuple(node.free[: order.cores])
        node.free = node.free[order.cores :]
        node.taken_mib += order.memory_mib
        self._count += 1
        ends_s = self.now_s + self._seconds_of(order)
        heapq.heappush(self._running, _Running(ends_s, self._count, self.now_s, order, node, cpus))

    def waiting(self) -> tuple[str, ...]:
        """Return nothing: nobody else uses these nodes."""
        return ()

    def withdraw(self) -> tuple[str, ...]:
        """Return nothing: an order begins when it is started."""
        return ()

    def wait(self, seconds: float) -> tuple[Ended, ...]:
        """Let time pass until the next ending, or a node's death."""
        homeless, self._homeless = self._homeless, []
        if homeless:
            nowhere = ("none", (), self.now_s, self.now_s, None, "no node has room for it")
            return tuple(Ended(order.order_id, *nowhere) for order in homeless)
        if not self._running:
            self.now_s += seconds
            return ()
        dead = self._dead_by(self._running[0].ends_s)
        if dead is not None:
            return self._died(dead)
        done = heapq.heappop(self._running)
        self.now_s = done.ends_s
        self._release(done)
        return (self._ended(done, self._run(done.order), ""),)

    def stop(self) -> None:
        """Forget everything that runs."""
        self._running, self.stopped = [], True

    def _place(self, order: Order) -> FakeNode | None:
        fits = (
            node
            for node in self._nodes
            if len(node.free) >= order.cores
            and node.taken_mib + order.memory_mib <= node.memory_mib
            and node.dies_at_s > self.now_s
        )
        return next(fits, None)

    def _dead_by(self, time_s: float) -> FakeNode | None:
        dying = [each.node for each in self._running if each.node.dies_at_s <= time_s]
        return min(dying, key=lambda node: node.dies_at_s, default=None)

    def _died(self, node: FakeNode) -> tuple[Ended, ...]:
        self.now_s = max(self.now_s, node.dies_at_s)
        lost = [each for each in self._running if each.node is node]
        self._running = [each for each in self._running if each.node is not node]
        heapq.heapify(self._running)
        return tuple(self._ended(each, None, "its node died") for each in lost)

    def _release(self, done: _Running) -> None:
        done.node.free += done.cpus
        done.node.taken_mib -= done.order.memory_mib

    def _ended(self, done: _Running, code: int | None, lost: str) -> Ended:
        return Ended(done.order.order_id, done.node.name, done.cpus, done.began_s, self.now_s, code, lost)
