"""Target `endpoint` with servers that start quickly; for real ones see test_contract.py."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from perfgate.errors import InvalidRunError, UsageError
from perfgate.model.interface import TensorSpec
from perfgate.scenario.schema import Server, Target
from perfgate.serving import ports
from perfgate.serving.description import describe_endpoint
from perfgate.serving.endpoint import EndpointLauncher, subjects_of
from perfgate.serving.endpoint_url import EndpointUrl, is_endpoint, parse_endpoint
from perfgate.serving.interface import ReplicaSpec
from perfgate.trials import Subject

Serve = Callable[..., str]
PLAIN = Target()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("grpc://h:8500/m", ("grpc", False, ("h:8500",), "m", None, "")),
        ("grpcs://h.example:443/m/", ("grpc", True, ("h.example:443",), "m", None, "")),
        ("grpc://a:1,b:2,[::1]:3/m/versions/12", ("grpc", False, ("a:1", "b:2", "[::1]:3"), "m", 12, "")),
        ("grpc://a:1/m/labels/canary", ("grpc", False, ("a:1",), "m", None, "canary")),
        ("http://h:8501/v1/models/m", ("rest", False, ("h:8501",), "m", None, "")),
        ("https://a:1,b:2/v1/models/m/versions/0", ("rest", True, ("a:1", "b:2"), "m", 0, "")),
        ("http://h:8501/v1/models/m/labels/stable%20one", ("rest", False, ("h:8501",), "m", None, "stable one")),
        ("grpc://h:1/a%2Fb", ("grpc", False, ("h:1",), "a/b", None, "")),
    ],
)
def test_a_url_says_where_and_which(given: str, expected: tuple[Any, ...]) -> None:
    assert is_endpoint(given)
    assert parse_endpoint(given) == EndpointUrl(given, *expected)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("grpc://h/m", "h is not HOST:PORT"),
        ("grpc:///m", "an empty address is not HOST:PORT"),
        ("grpc://h:8500,/m", "an empty address is not HOST:PORT"),
        ("grpc://h:0/m", "h:0 is not HOST:PORT"),
        ("grpc://h:65536/m", "h:65536 is not HOST:PORT"),
        ("grpc://me@h:1/m", "me@h:1 is not HOST:PORT"),
        ("grpc://::1:8500/m", "::1:8500 is not HOST:PORT"),
        ("grpc://h:1", "has no model name"),
        ("grpc://h:1/", "has no model name"),
        ("grpc://h:1/m/versions/x", "has no model name"),
        ("grpc://h:1/m/versions/1/labels/x", "has no model name"),
        ("grpc://h:1/m?x=1", "has no model name"),
        ("http://h:1/m", "does not have the path of a model"),
        ("http://h:1/v1/models/", "has no model name"),
        ("http://h:1/v1/models/m:predict", "has no model name"),
        ("grpc://h:1,h:1/m", "lists a server twice"),
    ],
)
def test_a_url_that_is_none_says_how_to_write_one(given: str, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_endpoint(given)
    assert problem in caught.value.problem
    assert "\n" not in caught.value.problem
    assert caught.value.remedy


@pytest.mark.parametrize("given", ["models/v1", "./grpc:/x", "s3://bucket/m", "C:/models", "http:/x", ""])
def test_what_is_no_url_of_a_server_is_a_path(given: str) -> None:
    assert not is_endpoint(given)


def test_peers_carry_certificates_and_metadata() -> None:
    target = Target(tls_ca_file="ca.pem", tls_server_name="inner", metadata={"x-b": "2", "x-a": "1"})
    one, other = parse_endpoint("grpcs://a:1,b:2/m/versions/3").peers(target)
    assert (one.address, other.address) == ("a:1", "b:2")
    assert (one.path, one.version) == ("/v1/models/m/versions/3", 3)
    assert one.tls is not None
    assert (one.tls.ca_file, one.tls.server_name) == ("ca.pem", "inner")
    assert one.metadata == (("x-a", "1"), ("x-b", "2"))
    (plain,) = parse_endpoint("http://a:1/v1/models/m/labels/a%2Fb").peers(target)
    assert plain.tls is None
    assert plain.path == "/v1/models/m/labels/a%2Fb"


@pytest.fixture
def serve() -> Iterator[Serve]:
    running: list[subprocess.Popen[bytes]] = []

    def started(name: str, *options: str) -> str:
        (port,) = ports.free_ports("127.0.0.1", 1)
        stub = str(Path(__file__).with_name("stub_server.py"))
        running.append(subprocess.Popen([sys.executable, "-S", stub, str(port), name, *options]))
        for _ in range(500):
            if not ports.answers(f"127.0.0.1:{port}"):
                break
            time.sleep(0.02)
        return f"127.0.0.1:{port}"

    yield started
    for process in running:
        process.kill()
        process.wait()


def _spec(url: EndpointUrl) -> ReplicaSpec:
    return ReplicaSpec("candidate server", url.path, (), "serving_default", Server(), model_name=url.model_name)


def test_a_model_is_what_its_server_says_over_rest(serve: Serve) -> None:
    given = f"http://{serve('m', '--version', '5')}/v1/models/m"
    model = describe_endpoint(given, PLAIN)
    assert (model.given, model.path, model.version, model.size_bytes, model.ops) == (given, Path(given), 5, 0, ())
    assert re.fullmatch("metadata-sha256:[0-9a-f]{64}", model.digest)
    (signature,) = model.signatures
    assert (signature.key, signature.method) == ("serving_default", "tensorflow/serving/predict")
    assert signature.inputs == (TensorSpec("s", "string", None), TensorSpec("x", "float32", (None,)))
    assert signature.outputs == (TensorSpec("y", "int64", (3,)),)


def test_the_digest_is_that_of_the_signatures(serve: Serve) -> None:
    one, other = (describe_endpoint(f"http://{serve(name)}/v1/models/{name}", PLAIN) for name in "mn")
    assert one.digest == other.digest


def test_servers_of_one_arm_serve_the_same(serve: Serve) -> None:
    one, other = serve("m"), serve("m", "--version", "2")
    with pytest.raises(InvalidRunError, match=f"{other} does not serve the same version as {one}"):
        describe_endpoint(f"http://{one},{other}/v1/models/m", PLAIN)


def test_servers_without_the_model_or_without_a_message_are_distinguished(serve: Serve) -> None:
    address = serve("m")
    with pytest.raises(UsageError, match=r"does not serve this model: Could not find any versions"):
        describe_endpoint(f"http://{address}/v1/models/n", PLAIN)
    (port,) = ports.free_ports("127.0.0.1", 1)
    for scheme, path in (("http", "v1/models/m"), ("grpc", "m")):
        with pytest.raises(InvalidRunError, match="does not answer: connection refused"):
            describe_endpoint(f"{scheme}://127.0.0.1:{port}/{path}", PLAIN)
    with pytest.raises(InvalidRunError, match="does not report its signatures"):
        describe_endpoint(f"grpc://{address}/m", PLAIN)  # it speaks HTTP/1.1


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_certificates_that_are_none_are_a_usage_error(serve: Serve, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=r"ca\.pem"):
        describe_endpoint(f"https://{serve('m')}/v1/models/m", Target(tls_ca_file=str(file)))


def test_addresses_are_replicas_in_turn_and_outlive_the_run(serve: Serve) -> None:
    url = parse_endpoint(f"http://{serve('m')},{serve('m')}/v1/models/m")
    launcher = EndpointLauncher(PLAIN, {url: subjects_of(url, PLAIN)})
    replicas = [launcher.start(_spec(url)) for _ in range(2)]
    assert tuple(each.rest_address for each in replicas) == url.addresses
    assert [each.address for each in replicas] == ["", ""]
    assert all(math.isnan(each.load_time_s) and not each.executes and each.pid is None for each in replicas)
    assert [each.subject for each in replicas] == [Subject()] * 2
    with pytest.raises(InvalidRunError, match="there are more replicas than addresses"):
        launcher.start(_spec(url))
    launcher.stop()
    for replica in replicas:
        replica.ensure_alive()


def test_two_arms_have_addresses_of_their_own(serve: Serve) -> None:
    old, new = (parse_endpoint(f"http://{serve('m')}/v1/models/m") for _ in range(2))
    launcher = EndpointLauncher(PLAIN, {url: subjects_of(url, PLAIN) for url in (old, new)})
    assert launcher.start(_spec(new)).rest_address == new.addresses[0]
    assert launcher.start(_spec(old)).rest_address == old.addresses[0]


def test_both_arms_may_name_the_same_server(serve: Serve) -> None:
    url = parse_endpoint(f"http://{serve('m')}/v1/models/m")
    launcher = EndpointLauncher(PLAIN, {url: subjects_of(url, PLAIN)})
    one, other = (launcher.start(replace(_spec(url), label=label)) for label in ("baseline server", "candidate server"))
    assert one.rest_address == other.rest_address


def test_a_server_that_does_not_serve_the_model_now_is_no_replica(serve: Serve) -> None:
    url = parse_endpoint(f"http://{serve('m', '--state', 'LOADING')}/v1/models/m")
    launcher = EndpointLauncher(PLAIN, {url: subjects_of(url, PLAIN)})
    with pytest.raises(InvalidRunError, match="does not serve m: LOADING"):
        launcher.start(_spec(url))


def test_a_server_that_goes_away_is_reported(serve: Serve) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        url = parse_endpoint(f"http://{serve('m')}/v1/models/m")
        launcher = EndpointLauncher(PLAIN, {url: subjects_of(url, PLAIN, [process.pid])})
        replica = launcher.start(_spec(url))
        assert (replica.pid, replica.subject) == (process.pid, Subject(process.pid, tree=True))
        process.kill()
        process.wait()
        with pytest.raises(InvalidRunError, match=rf"\(process {process.pid}\) died"):
            replica.ensure_alive()
    (port,) = ports.free_ports("127.0.0.1", 1)
    away = parse_endpoint(f"grpc://127.0.0.1:{port}/m")
    with pytest.raises(InvalidRunError, match=f"at 127.0.0.1:{port} is no longer reachable: connection refused"):
        EndpointLauncher(PLAIN, {away: subjects_of(away, PLAIN)}).start(_spec(away))


def test_whose_cpu_time_it_is() -> None:
    url = parse_endpoint("grpc://a:1,b:2/m/versions/3")
    target = Target(cgroup="/sys/fs/cgroup/{name}-{port}", prometheus_url="http://{host}:9100/{version}")
    assert subjects_of(url, target, [os.getpid(), os.getppid()]) == (
        Subject(os.getpid(), tree=True, cgroup=Path("/sys/fs/cgroup/m-1"), prometheus_url="http://a:9100/3"),
        Subject(os.getppid(), tree=True, cgroup=Path("/sys/fs/cgroup/m-2"), prometheus_url="http://b:9100/3"),
    )


@pytest.mark.parametrize(
    ("pids", "target", "problem"),
    [
        ([os.getpid()], PLAIN, "has 2 servers, but 1 --pid options are given"),
        ([os.getpid(), 1 << 22], PLAIN, "process 4194304 does not exist"),
        ([], Target(cgroup="{model}"), "target.cgroup: {model} is not available for a running server"),
        ([], Target(prometheus_url="{hots}"), "target.prometheus_url has an unknown field {hots}"),
    ],
)
def test_subjects_that_are_none_are_usage_errors(pids: list[int], target: Target, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        subjects_of(parse_endpoint("grpc://a:1,b:2/m"), target, pids)
    assert problem in caught.value.problem
