from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from perfgate.errors import InvalidRunError, UsageError
from perfgate.loadgen.ray_workers import RayWorker, placed
from perfgate.loadgen.worker_interface import LostWorkerError
from perfgate.protocols.ray_cluster import Cluster, Node
from perfgate.version import __version__

HERE, THERE, FAR = (Node(name * 56, f"10.0.0.{number}", 2) for number, name in enumerate("abc"))
NODES = (HERE, THERE, FAR)


@pytest.mark.parametrize(
    ("number", "avoid", "found"),
    [
        (1, (), [THERE]),
        (3, (), [THERE, FAR, THERE]),
        (5, (), [THERE, FAR, THERE, FAR, HERE]),
        (2, (THERE.ip,), [FAR, FAR]),
        (4, (THERE.ip, FAR.ip), [HERE, THERE, FAR, HERE]),
    ],
)
def test_workers_are_spread_over_nodes_without_servers(number: int, avoid: tuple[str, ...], found: list[Node]) -> None:
    assert placed(number, NODES, HERE.id, avoid) == found


def test_more_workers_than_cpus_are_a_usage_error() -> None:
    with pytest.raises(UsageError, match="workers = 7 needs as many CPUs, and the Ray cluster has 6"):
        placed(7, NODES, HERE.id)


class RayError(Exception):
    pass


ERRORS: dict[str, Any] = {"RayError": RayError}
for name in ("GetTimeoutError", "ActorUnavailableError", "RayActorError", "RayTaskError"):
    ERRORS[name] = type(name, (RayError,), {"cause": None})


def worker(*results: Any) -> RayWorker:
    """Make a worker whose calls have these results, one after the other."""
    left = iter(results)

    def get(reference: object, timeout: float) -> Any:  # noqa: ARG001 - Ray's interface
        if isinstance(result := next(left), Exception):
            raise result
        return result

    method = SimpleNamespace(remote=lambda *_: object())
    actor = SimpleNamespace(place=method, obey=method, clock_s=method)
    ray = SimpleNamespace(get=get, exceptions=SimpleNamespace(**ERRORS))
    clock = count(0.0, 0.5)
    return RayWorker(Cluster(ray, HERE.ip, HERE.id), actor, 2, THERE, lambda: next(clock))


def test_another_version_of_perfgate_is_refused() -> None:
    worker((__version__, 123)).ensure_ready(1.0)
    with pytest.raises(InvalidRunError, match=r"worker 2 on node 10.0.0.1 \(bbbbbbbb\) has perfgate 0.0.1, and this"):
        worker(("0.0.1", 123)).ensure_ready(1.0)


def test_a_worker_that_does_not_start_is_named() -> None:
    with pytest.raises(InvalidRunError, match="does not start: it does not answer") as caught:
        worker(ERRORS["GetTimeoutError"]()).ensure_ready(1.0)

    assert "free CPU" in caught.value.remedy


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ERRORS["GetTimeoutError"](), "does not answer"),
        (ERRORS["ActorUnavailableError"](), "is not reachable any more"),
        (ERRORS["RayActorError"]("The actor is dead because its node has died. Node Id: bbb"), "died: its node died"),
        (ERRORS["RayActorError"]("The actor died.\nIts worker process has died."), "died: its process ended"),
        (ERRORS["RayTaskError"]("Traceback\n  File\nKeyError: 3"), "failed: KeyError: 3"),
        (RayError("something\nelse"), "was lost: something else"),
    ],
)
def test_what_happened_to_a_worker_is_told_in_a_line(error: Exception, words: str) -> None:
    found = worker(error)
    found.tell({"op": "go", "driver": 0, "at_s": 0.0})
    with pytest.raises(LostWorkerError) as caught:
        found.answer(1.0)

    assert caught.value.problem == f"load worker 2 on node 10.0.0.1 (bbbbbbbb) {words}"


def test_clocks_are_compared_by_round_trips() -> None:
    found = worker(*(100.25 + number for number in range(5))).clock_offset()

    assert (found.offset_s, found.uncertainty_s) == (100.0, 0.25)
