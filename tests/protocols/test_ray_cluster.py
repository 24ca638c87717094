import http.server
import signal
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from perfgate.errors import UsageError
from perfgate.protocols import ray_cluster
from perfgate.protocols.ray_cluster import Cluster, Node, connected


class FakeRay:
    """Ray's module, as far as it is used."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.problem, self.settings, self.stopped = problem, dict[str, Any](), 0
        self.util = SimpleNamespace(get_node_ip_address=lambda: "10.0.0.5")

    def init(self, **settings: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as Ray does
        self.settings = settings
        if self.problem:
            raise self.problem

    def get_runtime_context(self) -> Any:
        return SimpleNamespace(get_node_id=lambda: "ab" * 28)

    def nodes(self) -> list[dict[str, Any]]:
        def node(name: str, *, alive: bool, **resources: float) -> dict[str, Any]:
            return {"NodeID": name, "NodeManagerAddress": "10.0.0.7", "Alive": alive, "Resources": resources}

        return [node("b" * 56, alive=True, CPU=2.0), node("c" * 56, alive=False), node("a" * 56, alive=True)]

    def shutdown(self) -> None:
        self.stopped += 1


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "_ensure_answers", lambda *_: None)


def use(monkeypatch: pytest.MonkeyPatch, ray: FakeRay) -> FakeRay:
    monkeypatch.setitem(sys.modules, "ray", ray)
    return ray


@pytest.mark.usefixtures("answering")
def test_a_connection_ends_with_its_block_and_leaves_signals_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    ray, before = use(monkeypatch, FakeRay()), signal.getsignal(signal.SIGTERM)
    with connected("10.0.0.5:6379", {"RAY_ADDRESS": "10.0.0.6:6379"}) as cluster:
        assert signal.getsignal(signal.SIGTERM) is before
        assert (cluster.own_ip, cluster.own_id, ray.stopped) == ("10.0.0.5", "ab" * 28, 0)
        assert cluster.nodes() == (Node("a" * 56, "10.0.0.7", 0), Node("b" * 56, "10.0.0.7", 2))
        assert cluster.nodes()[1].name == "node 10.0.0.7 (bbbbbbbb)"

    assert ray.stopped == 1
    assert ray.settings["address"] == "10.0.0.5:6379"
    assert not ray.settings["log_to_driver"]


@pytest.mark.usefixtures("answering")
def test_the_environment_names_a_cluster_too(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = use(monkeypatch, FakeRay())
    with connected(None, {"RAY_ADDRESS": "10.0.0.6:6379"}) as cluster:
        assert isinstance(cluster, Cluster)

    assert ray.settings["address"] == "10.0.0.6:6379"


def refusal(address: str) -> UsageError:
    with pytest.raises(UsageError) as caught, connected(address, {}):
        pass
    assert "\n" not in caught.value.in_a_line
    return caught.value


def test_a_missing_ray_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    error = refusal("10.0.0.5:6379")

    assert error.problem == "Ray is not installed"
    assert "perfgate[ray]" in error.remedy


@pytest.mark.parametrize("address", ["nonsense", "ray://host:10001", ":6379", "host:port"])
def test_a_malformed_address_is_a_usage_error(address: str) -> None:
    assert "HOST:PORT" in refusal(address).remedy


@pytest.fixture
def web_server() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("listens", [False, True])
def test_an_address_without_ray_is_not_waited_for(
    listens: bool, web_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = use(monkeypatch, FakeRay())
    monkeypatch.setattr(ray_cluster, "_ANSWER_WITHIN_S", 0.1)
    address = web_server if listens else "127.0.0.1:1"

    assert refusal(address).problem == f"no Ray cluster answers at {address}"
    assert not ray.settings


@pytest.mark.usefixtures("answering")
def test_another_version_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    words = "Version mismatch: The cluster was started with:\n    Ray: 2.9.0\n    Python: 3.11.2\n"
    use(monkeypatch, FakeRay(RuntimeError(words)))
    error = refusal("10.0.0.5:6379")

    assert "has other versions: The cluster was started with: Ray: 2.9.0" in error.problem
    assert error.remedy == "use the same Ray and Python on all nodes"


@pytest.mark.usefixtures("answering")
def test_other_problems_of_ray_are_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeRay(ConnectionError("this node\n is not one of the cluster's " + "x" * 500)))

    assert "cannot connect to the Ray cluster at 10.0.0.5:6379: this node is not" in refusal("10.0.0.5:6379").problem
