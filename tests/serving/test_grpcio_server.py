"""The fallback server for systems without a working ngh2: on its own, and with a model."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import ngh2
import pytest
from grpc_health.v1 import health_pb2

from perfgate.loadgen.engine import GrpcDriver
from perfgate.loadgen.interface import ClosedLoop
from perfgate.model.saved_model import open_model
from perfgate.payload.record import record_scenario
from perfgate.scenario.schema import Scenario, Server, Target
from perfgate.server import grpcio_server, rpc_check
from perfgate.server.rpc.interface import Answer
from perfgate.server.rpc.wire import MAX_MESSAGE_BYTES
from perfgate.server.stages import StageTimes
from perfgate.serving.embedded import EmbeddedForkServer, EmbeddedReplica
from perfgate.serving.interface import ReplicaSpec
from tests.serving.kits import without_ngh2

if TYPE_CHECKING:
    from tests.conftest import RankingModels

AT_ONCE = 2
HEALTH = "/grpc.health.v1.Health"


def _slow(body: bytes) -> Answer:
    time.sleep(0.2)
    return Answer(body, times=StageTimes(0.0, 200.0, 0.0, 1))


def _broken(body: bytes) -> Answer:
    raise KeyError(body.decode())


METHODS = {
    b"/s/Echo": lambda body: Answer(body[::-1], times=StageTimes(0.0, 1.0, 2.0, 3)),
    b"/s/Slow": _slow,
    b"/s/Broken": _broken,
    b"/s/Refuse": lambda body: Answer(status=3, words="no\nünfit 100%" + body.decode()),
}


@pytest.fixture
def server() -> Iterator[grpcio_server.GrpcioServer]:
    server = grpcio_server.GrpcioServer("127.0.0.1", 0, METHODS, AT_ONCE)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def channel(server: grpcio_server.GrpcioServer) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield channel


def _ask(channel: grpc.Channel, path: str, body: bytes) -> tuple[bytes, dict[str, str]]:
    answer, call = channel.unary_unary(path, None, None).with_call(body, timeout=10)
    return answer, {key: str(value) for key, value in call.trailing_metadata() or ()}


def _refused(channel: grpc.Channel, path: str, body: bytes) -> tuple[int, str]:
    with pytest.raises(grpc.RpcError) as caught:
        _ask(channel, path, body)
    error: Any = caught.value
    return error.code().value[0], error.details()


def _queue_ms(trailers: dict[str, str]) -> float:
    return float(trailers["server-timing"].split(",", maxsplit=1)[0].removeprefix("queue;dur="))


def test_answers_carry_their_stage_times_with_the_wait_for_a_thread(channel: grpc.Channel) -> None:
    answer, trailers = _ask(channel, "/s/Echo", b"abc")
    assert answer == b"cba"
    assert trailers["server-timing"].endswith("execute;dur=1.000, encode;dur=2.000, batch;desc=3")
    with ThreadPoolExecutor(2 * AT_ONCE) as pool:
        asked = list(pool.map(lambda _: _ask(channel, "/s/Slow", b"a")[1], range(2 * AT_ONCE)))
    waits_ms = sorted(map(_queue_ms, asked))
    assert 0 < waits_ms[0] < 100
    assert 150 < waits_ms[-1] < 1000


def test_errors_keep_their_status_and_words(channel: grpc.Channel, capfd: pytest.CaptureFixture[str]) -> None:
    assert _refused(channel, "/s/Refuse", b"") == (3, "no\nünfit 100%")
    assert _refused(channel, "/s/Refuse", b"x" * 100_000) == (3, "no\nünfit 100%" + "x" * 1986)
    assert _refused(channel, "/s/Nothing", b"")[0] == 12
    assert _refused(channel, "/s/Broken", b"key") == (13, "KeyError: 'key'")
    assert "KeyError" in capfd.readouterr().err
    assert _ask(channel, "/s/Echo", b"ab")[0] == b"ba"


def test_waiting_is_reported_once(
    server: grpcio_server.GrpcioServer, channel: grpc.Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server._delay, "since", lambda _: 7)
    _ask(channel, "/s/Echo", b"abc")
    assert [server.take_waited_ns(), server.take_waited_ns()] == [7, 0]


def test_health_can_be_checked_and_watched(channel: grpc.Channel) -> None:
    for service, status in (("", 1), ("s", 1)):
        asked = health_pb2.HealthCheckRequest(service=service).SerializeToString()
        answer, _ = _ask(channel, f"{HEALTH}/Check", asked)
        assert health_pb2.HealthCheckResponse.FromString(answer).status == status
    assert _refused(channel, f"{HEALTH}/Check", health_pb2.HealthCheckRequest(service="x").SerializeToString())[0] == 5
    watch = channel.unary_stream(f"{HEALTH}/Watch", None, None)
    watches: list[Any] = [watch(b"", timeout=10) for _ in range(AT_ONCE + 1)]
    assert {health_pb2.HealthCheckResponse.FromString(next(each)).status for each in watches} == {1}
    assert _ask(channel, "/s/Echo", b"ab")[0] == b"ba", "watching takes no thread"
    for each in watches:
        each.cancel()


def test_a_port_in_use_is_an_error(server: grpcio_server.GrpcioServer) -> None:
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{server.port}"):
        grpcio_server.GrpcioServer("127.0.0.1", server.port, METHODS, AT_ONCE)


def test_both_servers_take_messages_of_the_same_size() -> None:
    assert grpcio_server.MAX_MESSAGE_BYTES == MAX_MESSAGE_BYTES


def test_ngh2_works_here() -> None:
    assert rpc_check.why_not() == ""


def test_what_is_wrong_with_ngh2_is_found_out_at_its_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    class Another:
        def __init__(self, role: ngh2.Role) -> None:
            """Take one argument, where the server passes two."""

    with monkeypatch.context() as patch:
        patch.setattr(ngh2, "Connection", Another)
        assert rpc_check.why_not().startswith("TypeError: ")
    monkeypatch.setattr(rpc_check, "_echo", lambda body: (body, b"0"))
    assert rpc_check.why_not() == "its answer to a request is wrong"


def test_a_missing_ngh2_is_said_in_one_line(tmp_path: Path) -> None:
    program = "from perfgate.server import rpc_check; print(rpc_check.why_not())"
    done = subprocess.run(
        [sys.executable, "-c", program], env=without_ngh2(tmp_path), capture_output=True, text=True, check=True
    )
    assert done.stdout == "ImportError: hidden by a test\n"


@pytest.fixture(scope="module")
def replica(ranking_models: RankingModels, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedReplica]:
    folder = tmp_path_factory.mktemp("without")
    (folder / "0.Predict.pb").write_bytes(_calls(ranking_models)[0].body)
    parent = EmbeddedForkServer(without_ngh2(folder), folder / "log", huge_pages=True)
    try:
        spec = ReplicaSpec("server", ranking_models.v1, ("serve",), "", Server(), folder, model_name="ranker")
        yield parent.start(spec)
    finally:
        parent.stop()


def _calls(ranking_models: RankingModels) -> tuple[Any, ...]:
    model = open_model(str(ranking_models.v1), Path())
    return record_scenario(model, Scenario(target=Target(model_name="ranker")), 0).calls


@pytest.mark.live
@pytest.mark.slow
def test_a_model_is_served_timed_and_executed_without_ngh2(
    ranking_models: RankingModels, replica: EmbeddedReplica
) -> None:
    assert replica.substituted == "ImportError: hidden by a test"
    with GrpcDriver(replica.address) as driver:
        requests = driver.drive(_calls(ranking_models), ClosedLoop(in_flight=8, requests=64))
    assert requests.status.tolist() == [0] * 64
    assert requests.stages is not None
    stages = requests.stages
    inside_ms = stages.queue_ms + stages.execute_ms + stages.encode_ms
    assert (stages.execute_ms > 0).all()
    assert (inside_ms <= requests.service_ms).all()
    assert stages.queue_ms.max() > stages.execute_ms.min(), "8 in flight wait for a thread"
    execution = replica.execute(0)
    assert 0 < execution.wall_ms < 1000
    assert execution.cpu_ms > 0
