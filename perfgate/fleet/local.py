"""The default engine: this machine, one measurement at a time on each core."""

from __future__ import annotations

from collections.abc import Callable, Collection

from perfgate.fleet.cores import physical_cores
from perfgate.fleet.engine import Ended, Order
from perfgate.fleet.measuring import STOPPED, Measuring, finished
from perfgate.formatting import with_unit


class LocalEngine:
    """Measurements as child processes of this one."""

    def __init__(self, cpus: Collection[int], available_mib: Callable[[], float], node: str) -> None:
        self._cores, self._available_mib, self._node = len(physical_cores(cpus)), available_mib, node
        self._running: list[Measuring] = []
        self._idle_mib = 0.0
        """Memory that was available when nothing ran here: what runs takes its reservation out of that."""

    @property
    def description(self) -> str:
        """Where measurements run."""
        return f"this machine ({self._node}), {self._cores} core{'s' * (self._cores != 1)}"

    def refusal(self, order: Order) -> str:
        """Return why this machine can never run an order; empty if it can."""
        if order.cores > self._cores:
            return f"{order.cores} cores are wanted, but this machine has {self._cores}"
        if order.resources:
            return f"this machine has no {', '.join(sorted(order.resources))}: such nodes are found by --engine ray"
        if order.memory_mib > self._available_mib():
            wanted, here = with_unit(order.memory_mib, "MiB"), with_unit(self._available_mib(), "MiB")
            return f"{wanted} are wanted, but {here} are available"
        return ""

    def has_room(self, order: Order) -> bool:
        """Return whether cores and memory are free for the order."""
        if not self._running:
            self._idle_mib = self._available_mib()
            return order.cores <= self._cores
        taken = sum(each.order.cores for each in self._running)
        reserved_mib = sum(each.order.memory_mib for each in self._running)
        left_mib = min(self._idle_mib - reserved_mib, self._available_mib())
        return taken + order.cores <= self._cores and order.memory_mib <= left_mib

    def start(self, order: Order) -> None:
        """Begin a measurement; it waits if another fleet has its cores."""
        self._running.append(Measuring(order, self._node))

    def waiting(self) -> tuple[str, ...]:
        """Return the orders that wait for cores of another fleet."""
        return tuple(each.order.order_id for each in self._running if each.waits)

    def withdraw(self) -> tuple[str, ...]:
        """Stop the orders that still wait for their cores."""
        idle = [each for each in self._running if not each.has_begun]
        self._running = [each for each in self._running if each not in idle]
        for each in idle:
            each.stop(STOPPED)
            each.ended()
        return tuple(each.order.order_id for each in idle)

    def wait(self, seconds: float) -> tuple[Ended, ...]:
        """Return what ended, after the first ending or so many seconds."""
        done = finished(self._running, seconds)
        self._running = [each for each in self._running if each not in done]
        return tuple(each.ended() for each in done)

    def stop(self) -> None:
        """End everything that runs."""
        for each in self._running:
            each.ask_to_stop(STOPPED)
        for each in self._running:
            each.stop(STOPPED)
            each.ended()
        self._running = []
