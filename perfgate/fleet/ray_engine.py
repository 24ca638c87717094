"""A Ray cluster as an engine: Ray finds a node with enough cores, memory and resources, and carries the answer back.

What runs on the node is the same as on this machine. Nodes see the same files as this one (a shared file system), or
the fleet names its models and store by URL.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from perfgate.fleet.engine import Ended, Order
from perfgate.fleet.measuring import STOPPED, Measuring, finished
from perfgate.formatting import given, with_unit
from perfgate.protocols.ray_cluster import Cluster, connected

_MIB = 2**20
_OF_RAY = {"OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"}
_TAKEN_ALONG = ("PERFGATE_", "AWS_", "TF_", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "GLIBC_TUNABLES", "PYTHONPATH")
"""Variables, or beginnings of their names, that are taken along to a node."""
_LOOK_EVERY_S = 5.0
_NODE_DIED = "its node died"
_CAPACITY_FOR_S = 2.0
"""How long the cluster's size is believed: nodes come and go."""


@dataclass(slots=True)
class _Placed:
    order: Order
    replies: Any
    """Ray's iterator over what its task yields."""
    asked_s: float
    node_id: str = ""
    """Where it runs; empty until its task has said so."""


def measure(order: Order, node: str) -> Ended:
    """Run a measurement on the node that Ray chose, and wait for its end."""
    measuring = Measuring(order, node)
    try:
        while not (done := finished([measuring], 1.0)):
            pass
    except BaseException:  # the task was cancelled
        measuring.stop(STOPPED)
        measuring.ended()
        raise
    return done[0].ended()


def _remotely(order: Order) -> Iterator[str | Ended]:
    """Run on a node, in a worker process of Ray's: yields the node's id first."""
    import ray  # noqa: PLC0415 - only ever called where Ray is

    node = ray.get_runtime_context().get_node_id()
    yield node
    yield measure(replace(order, environ=on_node(order.environ, os.environ)), f"{os.uname().nodename} ({node[:8]})")


def on_node(asked: Mapping[str, str], there: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a measurement on a node: the node's own, with the settings of whoever asked.

    Ray sets the number of OpenMP threads and hides GPUs in its workers, which would change what is measured.
    """
    kept = (name for name in there if name not in _OF_RAY and not name.startswith(("RAY_", "PERFGATE_")))
    own = {name: there[name] for name in kept}
    return own | {name: value for name, value in asked.items() if name.startswith(_TAKEN_ALONG)}


class RayEngine:
    """Measurements as tasks of a cluster: each reserves whole cores and memory on one node."""

    def __init__(self, address: str | None, environ: Mapping[str, str]) -> None:
        """Connect; UsageError if Ray is not installed or no cluster answers."""
        self._stack = ExitStack()
        self._cluster: Cluster = self._stack.enter_context(connected(address, environ))
        self._task = self._cluster.ray.remote(_remotely)
        self._placed: dict[Any, _Placed] = {}
        self._size = (0.0, float("-inf"))
        self._looked_s = time.monotonic()
        nodes = len(self._nodes())
        self._description = f"a Ray cluster of {nodes} node{'s' * (nodes != 1)}"

    @property
    def description(self) -> str:
        """Where measurements run."""
        return self._description

    def refusal(self, order: Order) -> str:
        """Return why no node that is alive can ever run an order; empty if one can."""
        wanted = {"CPU": float(order.cores), "memory": order.memory_mib * _MIB, **order.resources}
        nodes = self._nodes()
        if any(all(node.get(name, 0.0) >= value for name, value in wanted.items()) for node in nodes):
            return ""
        words = [
            f"{order.cores} core{'s' * (order.cores != 1)}",
            *(f"{given(value)} {name}" for name, value in order.resources.items()),
        ]
        if order.memory_mib:
            words.append(with_unit(order.memory_mib, "MiB"))
        return f"no node of the cluster has {', '.join(words)}"

    def has_room(self, order: Order) -> bool:
        """Return whether the cluster has cores for the order beside everything that was placed."""
        total, read_s = self._size
        if time.monotonic() - read_s > _CAPACITY_FOR_S:
            total = sum(node.get("CPU", 0.0) for node in self._nodes())
            self._size = total, time.monotonic()
        return sum(each.order.cores for each in self._placed.values()) + order.cores <= total

    def start(self, order: Order) -> None:
        """Submit the order as a task, which Ray runs as soon as a node has what it needs."""
        options = {"num_cpus": order.cores, "resources": dict(order.resources)}
        if order.memory_mib:
            options["memory"] = int(order.memory_mib * _MIB)
        replies = self._task.options(num_returns="streaming", max_retries=0, **options).remote(order)
        self._placed[replies] = _Placed(order, replies, time.time())

    def waiting(self) -> tuple[str, ...]:
        """Return nothing: a task that has not begun may wait for cores, or for a process of Ray's to start."""
        return ()

    def withdraw(self) -> tuple[str, ...]:
        """Cancel the orders for which Ray has not found a node."""
        idle = [each for each in self._placed.values() if not each.node_id]
        for each in idle:
            self._cluster.ray.cancel(each.replies, force=False)
            del self._placed[each.replies]
        return tuple(each.order.order_id for each in idle)

    def wait(self, seconds: float) -> tuple[Ended, ...]:
        """Return what ended, after the first ending or so many seconds; a node that died took its tasks with it."""
        if not self._placed:
            return ()
        said, _ = self._cluster.ray.wait(list(self._placed), num_returns=1, timeout=seconds)
        ended = [found for replies in said if (found := self._read(self._placed[replies])) is not None]
        return (*ended, *self._without_node())

    def _without_node(self) -> Iterator[Ended]:
        """Give up orders whose node is lost, or that no node can take any more.

        Ray itself waits for seven minutes for an answer of a node that is cut off, and without end for a new one.
        """
        if time.monotonic() - self._looked_s < _LOOK_EVERY_S:
            return
        self._looked_s = time.monotonic()
        alive = {node.id for node in self._cluster.nodes()}
        for placed in list(self._placed.values()):
            why = self.refusal(placed.order) if not placed.node_id else _NODE_DIED * (placed.node_id not in alive)
            if why:
                self._cluster.ray.cancel(placed.replies, force=False)
                yield self._lost(placed, why)

    def stop(self) -> None:
        """End everything that runs, and disconnect; idempotent."""
        for replies in self._placed:
            self._cluster.ray.cancel(replies, force=False)
        end_s = time.monotonic() + _GRACE_S
        while self._placed and time.monotonic() < end_s:
            self.wait(_TICK_S)
        self._placed = {}
        self._stack.close()

    def _nodes(self) -> list[dict[str, float]]:
        return [node["Resources"] for node in self._cluster.ray.nodes() if node["Alive"]]

    def _read(self, placed: _Placed) -> Ended | None:
        """Read what a task has yielded: how it ended, or, before that, where it runs."""
        try:
            found: str | Ended = self._cluster.ray.get(next(placed.replies))
        except self._cluster.ray.exceptions.RayError as error:
            return self._lost(placed, _why(error))
        if isinstance(found, str):
            placed.node_id = found
            return None
        del self._placed[placed.replies]
        return found

    def _lost(self, placed: _Placed, why: str) -> Ended:
        del self._placed[placed.replies]
        return Ended(placed.order.order_id, "unknown", (), placed.asked_s, time.time(), None, why)


_GRACE_S, _TICK_S = 30.0, 1.0
_WHY = {
    "NodeDiedError": _NODE_DIED,
    "WorkerCrashedError": "the worker process on its node died",
    "OutOfMemoryError": "Ray stopped it: its node ran out of memory",
    "TaskCancelledError": STOPPED,
    "RaySystemError": "Ray failed",
}


def _why(error: Exception) -> str:
    """Say why a task was lost; of an error in the task itself, that error, without the traceback around it."""
    cause = getattr(error, "cause", None) or error
    name = type(cause).__name__
    return _WHY.get(name) or " ".join(f"{name}: {cause}".split())[:200]
