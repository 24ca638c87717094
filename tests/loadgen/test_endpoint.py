"""Both protocols with one description of a server: REST, TLS, metadata, stage times, request classes."""

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pytest

from perfgate.errors import UsageError
from perfgate.loadgen.arrivals import constant
from perfgate.loadgen.endpoint import ServerAddress, engine_for
from perfgate.loadgen.interface import ClosedLoop, OpenLoop
from perfgate.protocols.tls import Tls
from perfgate.trials import Call, Method

LINE = "queue;dur=0.5, execute;dur=2, encode;dur=0.1, batch;desc=4"


class Server(Protocol):
    @property
    def address(self) -> str: ...
    @property
    def process(self) -> Any: ...


class Certificate(Protocol):
    @property
    def authority(self) -> Path: ...
    @property
    def chain(self) -> Path: ...
    @property
    def key(self) -> Path: ...


def call(**request: object) -> Call:
    return Call(json.dumps(request).encode())


def rest_at(server: Server, **more: Any) -> ServerAddress:
    return ServerAddress(rest_address=server.address, protocol="rest", model_name="m", **more)


@pytest.mark.live
def test_rest_calls_are_answered_with_status_words_and_body(rest: Server) -> None:
    with engine_for(rest_at(rest)) as driver:
        assert driver.connect()
        good = driver.call(Call(b'{"instances": []}', Method.CLASSIFY))
        failed = driver.call(call(fail=404))
        with pytest.raises(UsageError, match="MultiInference is not available over REST"):
            driver.call(Call(b"", Method.MULTI_INFERENCE))

    assert json.loads(good.body) == {"instances": [], "path": "/v1/models/m:classify"}
    assert good.status == 0
    assert (failed.status, failed.message, failed.body) == (5, "failed on /v1/models/m:predict", b"")


@pytest.mark.live
def test_rest_requests_are_recorded_one_by_one(rest: Server) -> None:
    with engine_for(rest_at(rest, deadline_s=2.0)) as driver:
        closed = driver.drive([call(), call(fail=400), call(fail=503)], ClosedLoop(1, requests=7), first_call=1)
        many = driver.drive([call(sleep=0.001)], ClosedLoop(16, requests=300))
        scheduled = driver.drive([call()], OpenLoop(constant(200, 0.5)))
        assert driver.pauses == 0

    assert closed.status.tolist() == [3, 14, 0, 3, 14, 0, 3]
    assert closed.response_ms[0] == pytest.approx(2000)
    assert not many.status.any()
    assert many.status.size == 300
    assert scheduled.status.tolist() == [0] * 100
    assert scheduled.response_ms == pytest.approx(scheduled.service_ms + scheduled.send_lag_ms)


@pytest.mark.live
def test_the_pool_of_rest_connections_grows_with_what_is_in_flight(rest: Server) -> None:
    with engine_for(rest_at(rest)) as driver:
        driver.connect()
        requests = driver.drive([call(sleep=0.3)], OpenLoop(constant(500, 0.2)))

    assert requests.status.tolist() == [0] * 100
    assert np.median(requests.response_ms) < 600  # none waited for another


@pytest.mark.live
def test_a_late_rest_answer_ends_at_the_deadline_and_disturbs_no_other(rest: Server) -> None:
    with engine_for(rest_at(rest, deadline_s=0.4)) as driver:
        requests = driver.drive([call(sleep=0.9), call()], OpenLoop(np.array([0.0, 0.01, 0.02, 0.03])))

    assert requests.status.tolist() == [4, 0, 4, 0]
    assert np.all((requests.response_ms[[0, 2]] >= 400) & (requests.response_ms[[0, 2]] < 850))


@pytest.mark.live
def test_a_rest_server_that_dies_leaves_every_request_accounted_for(rest: Server) -> None:
    with engine_for(rest_at(rest, deadline_s=0.5)) as driver:
        driver.connect()
        timer = threading.Timer(0.2, os.kill, (rest.process.pid, signal.SIGKILL))
        timer.start()
        requests = driver.drive([call()], OpenLoop(constant(100, 0.5)))
        timer.join()
        closed = driver.drive([call()], ClosedLoop(1, duration_s=0.2))
        assert driver.pauses >= closed.status.size - 1

    assert requests.status.size == 50
    assert requests.status[-15:].tolist() == [14] * 15
    assert np.all(requests.response_ms[requests.status != 0] >= 500)


@pytest.mark.live
@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_stage_times_and_request_classes_are_recorded(
    echo: Server, rest: Server, protocol: Literal["grpc", "rest"]
) -> None:
    endpoint = ServerAddress(echo.address, rest.address, protocol)
    timed = Call(f"timing {LINE}".encode() if protocol == "grpc" else json.dumps({"timing": LINE}).encode(), kind=1)
    silent = Call(b"abc" if protocol == "grpc" else b"{}")
    with engine_for(endpoint) as driver:
        requests = driver.drive([timed, silent], ClosedLoop(1, requests=4), first_call=1)
        none = driver.drive([silent], ClosedLoop(1, requests=2))

    assert requests.kind is not None
    assert requests.kind.tolist() == [0, 1, 0, 1]
    assert requests.stages is not None
    assert requests.stages.execute_ms == pytest.approx([np.nan, 2, np.nan, 2], nan_ok=True)
    assert requests.stages.batch_size == pytest.approx([np.nan, 4, np.nan, 4], nan_ok=True)
    assert none.kind is None
    assert none.stages is None


@pytest.mark.live
def test_metadata_goes_with_every_request(echo: Server, rest: Server) -> None:
    metadata = {"X-Team": "ranking"}
    with engine_for(ServerAddress(echo.address, metadata=metadata)) as driver:
        assert b"('x-team', 'ranking')" in driver.call(Call(b"metadata")).body
    with engine_for(rest_at(rest, metadata=metadata)) as driver:
        assert json.loads(driver.call(call(headers=True)).body)["x-team"] == "ranking"


@pytest.mark.live
@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_tls_checks_the_server(
    start_server: Callable[..., Server], certificate: Certificate, protocol: Literal["grpc", "rest"], tmp_path: Path
) -> None:
    script = "echo_server.py" if protocol == "grpc" else "rest_server.py"
    address = start_server(script, certificate.chain, certificate.key).address
    body = os.urandom(300_000) if protocol == "grpc" else json.dumps({"text": "x" * 300_000}).encode()

    def endpoint(**tls: str) -> ServerAddress:
        return ServerAddress(address, address, protocol, tls=Tls(**tls), deadline_s=2.0)

    with engine_for(endpoint(ca_file=str(certificate.authority), server_name="server.test")) as driver:
        assert driver.connect()
        answer = driver.call(Call(body))
        requests = driver.drive([Call(body)], ClosedLoop(8, requests=40))
    with engine_for(endpoint(ca_file=str(certificate.authority))) as driver:
        assert not driver.connect()
        wrong_name = driver.call(Call(body))
    with engine_for(endpoint(server_name="server.test")) as driver:
        unknown = driver.call(Call(body))
    with pytest.raises(UsageError, match=r"none\.pem cannot be read"):
        engine_for(endpoint(ca_file=str(tmp_path / "none.pem")))

    assert answer.status == 0
    assert body[:-1] in answer.body
    assert requests.status.tolist() == [0] * 40
    assert (wrong_name.status, unknown.status) == (14, 14)
    assert "certificate" in wrong_name.message
    assert "certificate" in unknown.message


@pytest.mark.parametrize(("protocol", "words"), [("grpc", "no gRPC address"), ("rest", "no REST address")])
def test_a_protocol_that_the_server_does_not_speak_is_refused(protocol: Literal["grpc", "rest"], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        engine_for(ServerAddress(protocol=protocol))


@pytest.mark.live
def test_a_name_without_an_address_fails_each_request() -> None:
    with engine_for(ServerAddress("no-such-host.invalid:1", deadline_s=0.3)) as driver:
        answer = driver.call(Call(b""))

    assert answer.status == 14
    assert "no-such-host.invalid" in answer.message
