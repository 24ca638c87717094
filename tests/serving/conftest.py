"""Live servers of small models of every kind."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest

from perfgate.scenario.schema import Server
from perfgate.serving.embedded import EmbeddedForkServer, EmbeddedReplica
from perfgate.serving.interface import ReplicaSpec

Start: TypeAlias = Callable[..., EmbeddedReplica]


class Reply(NamedTuple):
    """An HTTP response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return str(self.json["error"])


class Rest:
    """A plain HTTP client, from the standard library."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
        connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            connection.request(method, path, data, headers or {})
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, answer.read())
        finally:
            connection.close()

    def predict(self, body: Any, name: str = "small") -> Reply:
        return self.ask("POST", f"/v1/models/{name}:predict", body)


@pytest.fixture(scope="session")
def small_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models `signatures` and `graph`, about 8 s."""
    directory = tmp_path_factory.mktemp("small")
    program = Path(__file__).with_name("small_models.py")
    done = subprocess.run(
        [sys.executable, str(program), str(directory)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return directory


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start a server of a model, as `small`, with REST; all are forked from one fork server."""
    parent = EmbeddedForkServer(os.environ, tmp_path_factory.mktemp("servers") / "log", huge_pages=True)

    def start(model: Path, **changes: Any) -> EmbeddedReplica:
        given = {"model_name": "small", "version": 3, "rest_port": 0, "labels": (("stable", 3), ("canary", 4))}
        signature, settings = changes.pop("signature", ""), changes.pop("settings", Server())
        return parent.start(ReplicaSpec("server", model, ("serve",), signature, settings, **{**given, **changes}))

    try:
        yield start
    finally:
        parent.stop()


@pytest.fixture(scope="session")
def signatures(start: Start, small_models: Path) -> EmbeddedReplica:
    return start(small_models / "signatures")


@pytest.fixture(scope="session")
def graph(start: Start, small_models: Path) -> EmbeddedReplica:
    return start(small_models / "graph")


@pytest.fixture
def rest(signatures: EmbeddedReplica) -> Rest:
    return Rest(signatures.rest_address)


@pytest.fixture
def graph_rest(graph: EmbeddedReplica) -> Rest:
    return Rest(graph.rest_address)
