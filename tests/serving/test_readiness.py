"""Readiness as reported by servers, in every form."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from perfgate.errors import InvalidRunError, UsageError
from perfgate.model.interface import Signature, TensorSpec
from perfgate.model.messages import (
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    GetModelStatusRequest,
    GetModelStatusResponse,
    SignatureDefMap,
)
from perfgate.protocols.tls import Tls
from perfgate.scenario.schema import Target
from perfgate.serving.description import describe_endpoint
from perfgate.serving.probe import Peer
from perfgate.serving.readiness import Readiness, ReadinessState, readiness

if TYPE_CHECKING:
    from tests.conftest import Certificate

TIMEOUT_S = 5.0
AVAILABLE, LOADING, END = 30, 20, 50
Handler = Callable[[bytes, grpc.ServicerContext], bytes]


class Servers:
    """Servers in this process; `heard` is the metadata of each request."""

    def __init__(self) -> None:
        self.heard: list[dict[str, str]] = []
        self._stops: list[Callable[[], object]] = []

    def grpc(self, methods: dict[str, Handler], certificate: Certificate | None = None) -> str:
        server = grpc.server(ThreadPoolExecutor(2))
        for path, handler in methods.items():
            service, method = path.rsplit("/", 1)
            unary = grpc.unary_unary_rpc_method_handler(self._hearing(handler))
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: unary}),))
        if certificate is None:
            port = server.add_insecure_port("127.0.0.1:0")
        else:
            pair = certificate.key.read_bytes(), certificate.chain.read_bytes()
            port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
        server.start()
        self._stops.append(lambda: server.stop(grace=None).wait())
        return f"127.0.0.1:{port}"

    def _hearing(self, handler: Handler) -> Handler:
        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            self.heard.append({str(key): str(value) for key, value in context.invocation_metadata()})
            return handler(request, context)

        return answer

    def rest(self, status: int, page: object, certificate: Certificate | None = None) -> str:
        heard, body = self.heard, page if isinstance(page, bytes) else json.dumps(page).encode()

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                heard.append({"path": self.path, **{name.lower(): value for name, value in self.headers.items()}})
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Page)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.chain, certificate.key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        self._stops += [server.shutdown, thread.join, server.server_close]
        return f"127.0.0.1:{server.server_address[1]}"

    def stop(self) -> None:
        for stop in self._stops:
            stop()


@pytest.fixture
def servers() -> Iterator[Servers]:
    made = Servers()
    yield made
    made.stop()


def _status(*states: int, error: str = "") -> Handler:
    def answer(_: bytes, __: grpc.ServicerContext) -> bytes:
        response = GetModelStatusResponse()
        for number, state in enumerate(states):
            version = response.model_version_status.add(version=number, state=state)
            version.status.error_message = error
            version.status.error_code = 3 if error else 0
        message: bytes = response.SerializeToString()
        return message

    return answer


def _refuse(code: grpc.StatusCode, words: str) -> Handler:
    def answer(_: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(code, words)

    return answer


STATUS, HEALTH = "tensorflow.serving.ModelService/GetModelStatus", "grpc.health.v1.Health/Check"
METADATA = "tensorflow.serving.PredictionService/GetModelMetadata"
SERVING, NOT_SERVING = (lambda _, __: b"\x08\x01"), (lambda _, __: b"\x08\x02")
UNKNOWN = _refuse(grpc.StatusCode.NOT_FOUND, "Could not find any versions of model m")


@pytest.mark.parametrize(
    ("methods", "expected"),
    [
        ({STATUS: _status(AVAILABLE)}, Readiness(ReadinessState.READY)),
        ({STATUS: _status(END, LOADING, AVAILABLE)}, Readiness(ReadinessState.READY)),
        ({STATUS: _status(LOADING)}, Readiness(ReadinessState.NOT_YET, "LOADING")),
        ({STATUS: _status(END, LOADING, error="x")}, Readiness(ReadinessState.NOT_YET, "END, LOADING")),
        ({STATUS: _status(END)}, Readiness(ReadinessState.NOT_YET, "END")),
        ({STATUS: _status(END, error="the graph is broken")}, Readiness(ReadinessState.FAILED, "the graph is broken")),
        ({STATUS: _status(77)}, Readiness(ReadinessState.NOT_YET, "UNKNOWN")),
        ({STATUS: _status()}, Readiness(ReadinessState.NOT_YET, "no version yet")),
        ({STATUS: lambda _, __: b"\xff"}, Readiness(ReadinessState.NOT_YET, "no version yet")),
        (
            {STATUS: UNKNOWN, HEALTH: SERVING},
            Readiness(ReadinessState.NO_SUCH_MODEL, "Could not find any versions of model m"),
        ),
        ({HEALTH: SERVING}, Readiness(ReadinessState.READY)),
        ({HEALTH: NOT_SERVING}, Readiness(ReadinessState.NOT_YET, "Method not found!")),
        ({}, Readiness(ReadinessState.READY)),
        ({STATUS: _refuse(grpc.StatusCode.UNAVAILABLE, "soon")}, Readiness(ReadinessState.NOT_YET, "soon")),
    ],
)
def test_what_a_grpc_server_says(servers: Servers, methods: dict[str, Handler], expected: Readiness) -> None:
    assert readiness(Peer("grpc", servers.grpc(methods), "m"), TIMEOUT_S) == expected


def _page(*states: str, error: str = "") -> dict[str, Any]:
    return {"model_version_status": [{"state": state, "status": {"error_message": error}} for state in states]}


@pytest.mark.parametrize(
    ("status", "page", "expected"),
    [
        (200, _page("END", "AVAILABLE"), Readiness(ReadinessState.READY)),
        (200, _page("LOADING"), Readiness(ReadinessState.NOT_YET, "LOADING")),
        (200, _page("END", error="the graph is broken"), Readiness(ReadinessState.FAILED, "the graph is broken")),
        (200, {"models": []}, Readiness(ReadinessState.NOT_YET, "its status page is not that of TF-Serving")),
        (200, b"<html>", Readiness(ReadinessState.NOT_YET, "its status page is not that of TF-Serving")),
        (200, [1], Readiness(ReadinessState.NOT_YET, "its status page is not that of TF-Serving")),
        (404, {"error": "Could not find"}, Readiness(ReadinessState.NO_SUCH_MODEL, "Could not find")),
        (404, b"", Readiness(ReadinessState.NO_SUCH_MODEL, "Not Found")),
        (503, b"", Readiness(ReadinessState.NOT_YET, "503 Service Unavailable")),
        (500, {"error": "starting"}, Readiness(ReadinessState.NOT_YET, "starting")),
    ],
)
def test_what_a_rest_server_says(servers: Servers, status: int, page: object, expected: Readiness) -> None:
    assert readiness(Peer("rest", servers.rest(status, page), "m"), TIMEOUT_S) == expected


def test_the_question_names_the_version_and_carries_metadata(servers: Servers) -> None:
    asked: list[Any] = []

    def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
        asked.append(GetModelStatusRequest.FromString(request).model_spec)
        return _status(AVAILABLE)(request, context)

    metadata = (("X-Team", "ranking"),)
    readiness(Peer("grpc", servers.grpc({STATUS: answer}), "m", 7, metadata=metadata), TIMEOUT_S)
    readiness(Peer("rest", servers.rest(200, _page("AVAILABLE")), "m", 7, metadata=metadata), TIMEOUT_S)
    assert (asked[0].name, asked[0].version.value) == ("m", 7)
    assert [heard["x-team"] for heard in servers.heard] == ["ranking"] * 2
    assert servers.heard[1]["path"] == "/v1/models/m/versions/7"


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_tls_checks_who_answers(servers: Servers, certificate: Certificate, protocol: Any) -> None:
    if protocol == "grpc":
        address = servers.grpc({STATUS: _status(AVAILABLE)}, certificate)
    else:
        address = servers.rest(200, _page("AVAILABLE"), certificate)

    def state(ca_file: str | None, server_name: str | None) -> ReadinessState:
        return readiness(Peer(protocol, address, "m", tls=Tls(ca_file, server_name)), TIMEOUT_S).state

    assert state(str(certificate.authority), "server.test") is ReadinessState.READY
    assert state(str(certificate.authority), None) is ReadinessState.NOT_YET
    assert state(None, "server.test") is ReadinessState.NOT_YET


def _metadata(version: int, asked: list[Any]) -> Handler:
    def answer(request: bytes, _: grpc.ServicerContext) -> bytes:
        asked.append(GetModelMetadataRequest.FromString(request))
        definitions, response = SignatureDefMap(), GetModelMetadataResponse()
        definitions.signature_def["serving_default"].inputs["x"].dtype = 1
        definitions.signature_def["serving_default"].inputs["x"].tensor_shape.dim.add(size=-1)
        definitions.signature_def["__saved_model_init_op"].method_name = "nobody's"
        response.model_spec.version.value = version
        response.metadata["signature_def"].value = definitions.SerializeToString()
        message: bytes = response.SerializeToString()
        return message

    return answer


def test_a_model_is_what_its_server_says_over_grpc(servers: Servers, certificate: Certificate) -> None:
    asked: list[Any] = []
    address = servers.grpc({METADATA: _metadata(4, asked)}, certificate)
    target = Target(tls_ca_file=str(certificate.authority), tls_server_name="server.test", metadata={"k": "v"})
    for which in ("", "/versions/4", "/labels/canary"):
        model = describe_endpoint(f"grpcs://{address}/m{which}", target)
        assert model.version == 4
        assert [signature.key for signature in model.signatures] == ["serving_default"]
        assert model.signatures[0].inputs == (TensorSpec("x", "float32", (None,)),)
    assert [list(each.metadata_field) for each in asked] == [["signature_def"]] * 3
    assert [each.model_spec.WhichOneof("choice") for each in asked] == [None, "version", "version_label"]
    assert all(heard["k"] == "v" for heard in servers.heard)


@pytest.mark.parametrize(
    ("handler", "error", "words"),
    [
        (UNKNOWN, UsageError, "does not serve this model: Could not find any versions of model m"),
        (
            _refuse(grpc.StatusCode.PERMISSION_DENIED, "who are you?"),
            InvalidRunError,
            "PERMISSION_DENIED: who are you?",
        ),
        (lambda _, __: b"\xff", InvalidRunError, "sent an invalid response to GetModelMetadata"),
    ],
)
def test_an_invalid_description_is_reported(
    servers: Servers, handler: Handler, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        describe_endpoint(f"grpc://{servers.grpc({METADATA: handler})}/m", Target())


def test_a_server_without_metadata_is_ready_and_the_message_has_a_remedy(servers: Servers) -> None:
    urls = (
        f"grpc://{servers.grpc({STATUS: _refuse(grpc.StatusCode.UNKNOWN, 'x')})}/m",
        *(f"http://{servers.rest(status, b'<html>')}/v1/models/m" for status in (404, 405, 501)),
    )
    for url in urls:
        with pytest.raises(InvalidRunError, match="does not report its signatures") as caught:
            describe_endpoint(url, Target())
        assert caught.value.remedy.startswith("it responds")
        assert "--signature-from" in caught.value.remedy
        assert "payload.signature_def" in caught.value.remedy


def test_signatures_from_elsewhere_need_no_metadata(servers: Servers) -> None:
    signatures = (Signature("serving_default", "", (TensorSpec("x", "float32", (None,)),), ()),)
    for url in (
        f"grpc://{servers.grpc({STATUS: UNKNOWN})}/m",
        f"http://{servers.rest(404, b'')}/v1/models/m/versions/7",
    ):
        model = describe_endpoint(url, Target(), signatures)
        assert model.signatures == signatures
        assert model.version == (7 if "versions" in url else 1)


@pytest.mark.parametrize(
    ("page", "state"),
    [({"name": "m", "ready": True}, ReadinessState.READY), ({"ready": False}, ReadinessState.NOT_YET)],
)
def test_a_status_of_kserves_protocol_is_understood(servers: Servers, page: object, state: ReadinessState) -> None:
    assert readiness(Peer("rest", servers.rest(200, page), "m"), TIMEOUT_S).state is state


def test_a_label_that_the_server_does_not_know_is_a_mistake_in_the_url(servers: Servers) -> None:
    unknown = "Unrecognized servable version label: x"
    refuse = _refuse(grpc.StatusCode.INVALID_ARGUMENT, unknown)
    urls = (
        f"grpc://{servers.grpc({METADATA: refuse})}/m",
        f"http://{servers.rest(400, {'error': unknown})}/v1/models/m",
    )
    for url in urls:
        with pytest.raises(UsageError, match=f"does not serve this model: {unknown}") as caught:
            describe_endpoint(f"{url}/labels/x", Target())
        assert caught.value.remedy == "check the name and version in the URL"
        with pytest.raises(InvalidRunError, match="does not report its signatures"):
            describe_endpoint(url, Target())


@pytest.mark.parametrize("page", [b"<html>", {}, {"model_spec": {}, "metadata": 3}, [], {"metadata": {}}])
def test_a_rest_page_that_is_no_description_is_said(servers: Servers, page: object) -> None:
    with pytest.raises(InvalidRunError, match="sent an invalid response to GetModelMetadata"):
        describe_endpoint(f"http://{servers.rest(200, page)}/v1/models/m", Target())


def test_certificates_that_cannot_be_read_are_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.pem cannot be read"):
        readiness(Peer("grpc", "127.0.0.1:9", "m", tls=Tls(str(tmp_path / "none.pem"))), TIMEOUT_S)
