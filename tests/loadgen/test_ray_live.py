"""Load workers on the nodes of a real Ray cluster: three nodes on this machine, some 20 s for all tests together."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import psutil
import pytest

from perfgate.errors import InvalidRunError
from perfgate.loadgen.arrivals import constant, schedule
from perfgate.loadgen.endpoint import ServerAddress
from perfgate.loadgen.interface import ClosedLoop, OpenLoop
from perfgate.loadgen.ray_workers import RayWorkers
from perfgate.loadgen.workers import Workers, WorkersDriver
from perfgate.protocols.ray_cluster import Cluster, connected
from perfgate.scenario.schema import Load
from perfgate.trials import Call

pytestmark = [
    pytest.mark.live,
    pytest.mark.alone,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),  # Ray's own processes
]
ray_cluster = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed")
CALLS = [Call(b"a"), Call(b"fail 3", kind=1), Call(b"c", kind=2)]
NODE = {"num_cpus": 1, "object_store_memory": 80 << 20}


class Server(Protocol):
    @property
    def address(self) -> str: ...


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """Start a cluster of three nodes, each with one CPU; perfgate runs on the head."""
    made = ray_cluster.Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    for _ in range(2):
        made.add_node(**NODE)
    yield made
    made.shutdown()


@pytest.fixture
def cluster(nodes: Any) -> Iterator[Cluster]:
    with connected(nodes.address, {}) as found:
        yield found


@contextmanager
def driven(cluster: Cluster, echo: Server, workers: int = 2) -> Iterator[tuple[Workers, WorkersDriver]]:
    endpoint = ServerAddress(echo.address.replace("127.0.0.1", "localhost"), deadline_s=2.0)
    with Workers(workers, RayWorkers(cluster)) as made, made.driver(endpoint) as driver:
        yield made, driver


def ended(pids: list[int]) -> bool:
    end_s = time.monotonic() + 5
    while any(psutil.pid_exists(pid) for pid in pids) and time.monotonic() < end_s:
        time.sleep(0.02)
    return not any(psutil.pid_exists(pid) for pid in pids)


def after(seconds: float, what: Callable[[], object]) -> threading.Timer:
    timer = threading.Timer(seconds, what)
    timer.start()
    return timer


def test_two_nodes_send_exactly_one_schedule(cluster: Cluster, echo: Server) -> None:
    load = Load(arrivals="poisson", rate_rps=300)
    instants_s = schedule(load, 0.5, np.random.default_rng((7, 0)), ())
    with driven(cluster, echo) as (workers, driver):
        pids = [channel.pid for channel in workers.start()]
        names = [channel.name for channel in workers.channels]
        found = driver.record(CALLS, OpenLoop(instants_s), first_call=1)
        closed = driver.record(CALLS[:1], ClosedLoop(5, requests=101))
        few = driver.record(CALLS[:1], OpenLoop(np.zeros(1)))
        with workers.driver(ServerAddress(echo.address)) as other:
            assert other.record(CALLS[:1], ClosedLoop(4, duration_s=0.1)).status.size > 4
        assert driver.cpu_ms > 0

    assert np.array_equal(found.scheduled_s, instants_s)
    assert found.status.tolist() == ([3, 0, 0] * instants_s.size)[: instants_s.size]
    assert found.kind is not None
    assert found.kind.tolist() == ([1, 2, 0] * instants_s.size)[: instants_s.size]
    assert np.all(found.send_lag_ms >= 0)
    assert (closed.status.size, few.status.size) == (101, 1)
    own = cluster.own_id[:8]
    assert len({name.split("(")[1] for name in names}) == 2
    assert not [name for name in names if own in name]
    assert [fact.series for fact in workers.facts] == [4, 3]  # a single request needs one worker
    assert all(abs(fact.clock_offset_ms) <= fact.clock_uncertainty_ms for fact in workers.facts)  # it is one clock
    assert ended(pids)


def test_one_worker_is_elsewhere_too_and_ends_with_an_interrupt(cluster: Cluster, echo: Server) -> None:
    with driven(cluster, echo, 1) as (workers, driver):
        (channel,) = workers.start()
        assert cluster.own_id[:8] not in channel.name
        timer = after(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            driver.record(CALLS, OpenLoop(constant(100, 20)))
        timer.join()
        assert ended([channel.pid])


def test_workers_without_a_free_cpu_are_not_waited_for(cluster: Cluster) -> None:
    with Workers(3, RayWorkers(cluster)) as workers:
        workers.start()
        second = RayWorkers(cluster, start_timeout_s=0.5)
        try:
            with pytest.raises(InvalidRunError, match=r"load worker 1 on node .* does not start: it does not answer"):
                second.start(1)
        finally:
            second.stop()


def test_a_killed_worker_has_said_how_many_requests_it_had_sent(cluster: Cluster, echo: Server) -> None:
    with driven(cluster, echo) as (workers, driver):
        channels = workers.start()
        timer = after(1.5, lambda: os.kill(channels[1].pid, signal.SIGKILL))
        with pytest.raises(
            InvalidRunError, match=r"; at least [\d,]+ requests were lost with it; of those of the other"
        ):
            driver.record(CALLS[:1], ClosedLoop(4, duration_s=20, think_time_s=0.02))
        timer.join()


def lost_while_driven(cluster: Cluster, echo: Server, lose: Callable[[int], object]) -> str:
    with driven(cluster, echo) as (workers, driver):
        channels = workers.start()
        timer = after(0.5, lambda: lose(channels[1].pid))
        with pytest.raises(InvalidRunError) as caught:
            driver.record(CALLS[:1], OpenLoop(constant(100, 20)))
        timer.join()
        assert caught.value.problem.startswith(channels[1].name)
        assert ended([channel.pid for channel in channels])
    assert "; 1,000 requests were lost with it; of the 2,000 of the series, " in caught.value.problem
    return caught.value.problem


def test_a_killed_worker_makes_the_run_invalid_by_name(cluster: Cluster, echo: Server) -> None:
    assert "died: its process ended" in lost_while_driven(cluster, echo, lambda pid: os.kill(pid, signal.SIGKILL))


def test_a_lost_node_makes_the_run_invalid_by_name(nodes: Any, cluster: Cluster, echo: Server) -> None:
    def lose(pid: int) -> None:
        mine = psutil.Process(pid)
        parents = {parent.pid for parent in mine.parents()}
        (node,) = [
            each for each in nodes.worker_nodes if {info.process.pid for info in each.all_processes["raylet"]} & parents
        ]
        nodes.remove_node(node, allow_graceful=False)

    assert lost_while_driven(cluster, echo, lose)
