"""Workers of the load generator as actors on the nodes of a Ray cluster, which places them and carries their orders."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from perfgate.errors import InvalidRunError, UsageError
from perfgate.loadgen.clock_offset import ClockOffset, clock_offset
from perfgate.loadgen.worker import Worker
from perfgate.loadgen.worker_interface import Answer, LostWorkerError, WorkerChannel
from perfgate.protocols.ray_cluster import Cluster, Node
from perfgate.version import __version__

_START_TIMEOUT_S = 60.0
_CALL_TIMEOUT_S = 10.0
_ROUND_TRIPS = 5
_LEAST_LEAD_S = 0.02
_CONTROL = "control"
"""Group of calls that are executed while the worker is sending."""
_WITH_REPLY = frozenset({"prepare", "go"})


class ActorWorker:
    """A worker in a process of Ray; this class runs on the other node."""

    def __init__(self) -> None:
        self._worker = Worker()

    def place(self) -> tuple[str, int]:
        """Return its perfgate's version and its process id."""
        return __version__, os.getpid()

    def obey(self, order: dict[str, Any], data: bytes) -> Answer | None:
        """Execute one order."""
        return self._worker.obey(order, data)

    def clock_s(self) -> float:
        """Return this machine's monotonic clock."""
        return time.perf_counter()

    def end_sending(self) -> None:
        """Send nothing more."""
        self._worker.end_sending()

    def sent(self) -> int:
        """Return how many requests of the series in progress it has sent."""
        return self._worker.sent


class RayWorker:
    """One actor, as seen from here."""

    def __init__(self, cluster: Cluster, actor: Any, number: int, node: Node, clock: Callable[[], float]) -> None:  # noqa: ANN401 - Ray has no types for actors
        self._ray, self.actor, self._clock = cluster.ray, actor, clock
        self.name, self.ip = f"load worker {number} on {node.name}", node.ip
        self.pid = 0
        self.replies: list[Any] = []
        """References to the replies that are still to come, oldest first."""
        self.ready = actor.place.remote()
        self._sent = 0
        self._asked: Any = None
        """Reference to the number of requests sent so far."""

    def ensure_ready(self, timeout_s: float) -> None:
        """Wait until it runs; InvalidRunError if it does not, or has another perfgate."""
        try:
            version, self.pid = self._get(self.ready, timeout_s)
        except LostWorkerError as error:
            raise InvalidRunError(
                f"{self.name} does not start: it {error.problem.removeprefix(self.name).strip()}",
                "check with `ray status` that the node has a free CPU, and that perfgate is installed there",
            ) from error
        if version != __version__:
            raise InvalidRunError(
                f"{self.name} has perfgate {version}, and this machine {__version__}",
                "install the same version on all nodes",
            )

    def tell(self, order: dict[str, Any], data: bytes = b"") -> None:
        """Send the worker an order."""
        if order["op"] == "go":
            self._sent, self._asked = 0, None
        reply = self.actor.obey.remote(order, data)
        if order["op"] in _WITH_REPLY:
            self.replies.append(reply)

    def answer(self, timeout_s: float) -> Answer:
        """Wait for the reply to the oldest order that has one."""
        found: Answer = self._get(self.replies.pop(0), timeout_s)
        return found

    def clock_offset(self) -> ClockOffset:
        """Compare the clocks by the fastest of several round trips."""
        trips = []
        for _ in range(_ROUND_TRIPS):
            sent_s = self._clock()
            there_s = self._get(self.actor.clock_s.remote(), _CALL_TIMEOUT_S)
            trips.append((sent_s, there_s, self._clock()))
        return clock_offset(trips)

    def end_sending(self) -> None:
        """Let it send nothing more, while it is sending."""
        self.actor.end_sending.options(concurrency_group=_CONTROL).remote()

    def ask_sent(self) -> None:
        """Ask how many requests of the series in progress it has sent, unless the last reply is still to come."""
        self._take_sent()
        if self._asked is None:
            self._asked = self.actor.sent.options(concurrency_group=_CONTROL).remote()

    @property
    def sent(self) -> int:
        """Requests that it had sent at its last reply to that."""
        self._take_sent()
        return self._sent

    def _take_sent(self) -> None:
        """Take the reply if it has come; a worker that has died never replies, which its answer tells."""
        if self._asked is not None:
            with suppress(LostWorkerError):
                self._sent = self._get(self._asked, 0.0)
                self._asked = None

    def _get(self, reference: Any, timeout_s: float) -> Any:  # noqa: ANN401 - whatever the actor returns
        """Wait for a result; LostWorkerError if the actor or its node died, it is too slow, or it failed."""
        errors = self._ray.exceptions
        try:
            return self._ray.get(reference, timeout=timeout_s)
        except errors.GetTimeoutError as error:
            problem = f"{self.name} does not answer"
            raise LostWorkerError(problem, "check whether the node is overloaded") from error
        except errors.ActorUnavailableError as error:
            raise LostWorkerError(f"{self.name} is not reachable any more", "check the node, and run again") from error
        except errors.RayActorError as error:
            raise LostWorkerError(f"{self.name} died: {_reason(error)}", "run again") from error
        except errors.RayTaskError as error:
            words = str(error.cause or error).strip().splitlines()
            raise LostWorkerError(f"{self.name} failed: {words[-1] if words else error}", "check the node") from error
        except errors.RayError as error:
            raise LostWorkerError(f"{self.name} was lost: {_reason(error)}", "run again") from error


class RayWorkers:
    """Starts actors, spread over the nodes other than this one, where there are any."""

    remote = True

    def __init__(
        self,
        cluster: Cluster,
        clock: Callable[[], float] = time.perf_counter,
        start_timeout_s: float = _START_TIMEOUT_S,
        avoid: Sequence[str] = (),
    ) -> None:
        """`avoid`: addresses of machines on which the servers run, besides this one."""
        self._cluster, self._clock, self._start_timeout_s, self._avoid = cluster, clock, start_timeout_s, avoid
        self._actors: list[RayWorker] = []
        self.host = cluster.own_ip
        self.lead_s = _LEAST_LEAD_S

    def start(self, number: int) -> Sequence[RayWorker]:
        """Start the actors, and wait until all of them run."""
        ray = self._cluster.ray
        places = placed(number, self._cluster.nodes(), self._cluster.own_id, self._avoid)
        remote = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0, concurrency_groups={_CONTROL: 1})
        affinity = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        for each, node in enumerate(places):
            options = {"scheduling_strategy": affinity(node.id, soft=False)}
            actor = remote(ActorWorker).options(**options).remote()
            self._actors.append(RayWorker(self._cluster, actor, each + 1, node, self._clock))
        end_s = time.monotonic() + self._start_timeout_s
        for worker in self._actors:
            worker.ensure_ready(max(0.0, end_s - time.monotonic()))
        slowest_s = max(worker.clock_offset().uncertainty_s for worker in self._actors)
        self.lead_s = max(_LEAST_LEAD_S, 10 * slowest_s)
        return tuple(self._actors)

    def answered(self, channels: Sequence[WorkerChannel], timeout_s: float) -> Sequence[WorkerChannel]:
        """Wait for the first replies or deaths."""
        waiting = {channel.replies[0]: channel for channel in channels if isinstance(channel, RayWorker)}
        ready, _ = self._cluster.ray.wait(list(waiting), num_returns=1, timeout=max(0.0, timeout_s), fetch_local=False)
        return [waiting[reference] for reference in ready]

    def stop(self) -> None:
        """Kill the actors; idempotent. Those of a process that was killed itself are ended by Ray."""
        for worker in self._actors:
            with suppress(Exception):  # it has died, or the cluster has
                self._cluster.ray.kill(worker.actor, no_restart=True)
        self._actors.clear()


def placed(number: int, nodes: Sequence[Node], own_id: str, avoid: Sequence[str] = ()) -> list[Node]:
    """Choose a node for each worker, in turn, one CPU each: this node and the servers' only when the others are full.

    UsageError if the cluster has fewer CPUs than workers.
    """
    busy = [node for node in nodes if node.id == own_id or node.ip in avoid]
    found: list[Node] = []
    for group in ([node for node in nodes if node not in busy], busy):
        for turn in range(max((node.cpus for node in group), default=0)):
            found += [node for node in group if node.cpus > turn]
    if len(found) < number:
        raise UsageError(
            f"load.workers = {number} needs as many CPUs, and the Ray cluster has {len(found)}",
            "lower load.workers, or add nodes",
        )
    return found[:number]


def _reason(error: Exception) -> str:
    """Return the part of Ray's message that says why, in one line."""
    words = " ".join(str(error).split())
    if "its node has died" in words:
        return "its node died"
    return "its process ended" if "process has died" in words else words[:120]
