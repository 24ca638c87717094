"""Whether a server serves a model yet, from its own reports."""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from google.protobuf.message import DecodeError

from perfgate.model.messages import GetModelStatusRequest, GetModelStatusResponse
from perfgate.protocols.grpc import NOT_FOUND, OK, UNIMPLEMENTED
from perfgate.serving.probe import Peer, grpc_line, rest_get

_STATUS = "/tensorflow.serving.ModelService/GetModelStatus"
_HEALTH = "/grpc.health.v1.Health/Check"
_SERVING = b"\x08\x01"  # HealthCheckResponse, status = 1
_STATES = {0: "UNKNOWN", 10: "START", 20: "LOADING", 30: "AVAILABLE", 40: "UNLOADING", 50: "END"}
"""Values of tensorflow_serving/apis/get_model_status.proto."""
_HTTP_OK, _HTTP_NOT_FOUND = 200, 404


class ReadinessState(StrEnum):
    """A server's progress towards serving a model."""

    READY = "ready"
    NOT_YET = "not yet"
    NO_SUCH_MODEL = "no such model"  # up, but the name is unknown, or still unknown
    FAILED = "failed"  # it tried to load the model, and will not try again


class Readiness(NamedTuple):
    """A state, with the server's message."""

    state: ReadinessState
    words: str = ""


class _Version(NamedTuple):
    state: str
    error: str


def readiness(peer: Peer, timeout_s: float) -> Readiness:
    """Ask once for the model's status; over gRPC also for the server's health if it does not report model status."""
    return _grpc(peer, timeout_s) if peer.protocol == "grpc" else _rest(peer, timeout_s)


def _grpc(peer: Peer, timeout_s: float) -> Readiness:
    with grpc_line(peer) as line:
        request = GetModelStatusRequest()
        request.model_spec.name = peer.model_name
        if peer.version is not None:
            request.model_spec.version.value = peer.version
        status = line.ask(_STATUS, request.SerializeToString(), timeout_s)
        if status.status == OK:
            return _of_versions(_versions(status.body))
        if status.status == NOT_FOUND:
            return Readiness(ReadinessState.NO_SUCH_MODEL, status.message)
        health = line.ask(_HEALTH, b"", timeout_s)
    silent = status.status == health.status == UNIMPLEMENTED  # it answers, and offers nothing else to ask
    if silent or (health.status == OK and health.body == _SERVING):
        return Readiness(ReadinessState.READY)
    return Readiness(ReadinessState.NOT_YET, status.message)


def _versions(body: bytes) -> list[_Version]:
    try:
        answer = GetModelStatusResponse.FromString(body)
    except DecodeError:
        return []
    return [
        _Version(_STATES.get(each.state, "UNKNOWN"), each.status.error_message if each.status.error_code else "")
        for each in answer.model_version_status
    ]


def _rest(peer: Peer, timeout_s: float) -> Readiness:
    answer = rest_get(peer, peer.path, timeout_s)
    if answer.status == _HTTP_NOT_FOUND:
        return Readiness(ReadinessState.NO_SUCH_MODEL, error_of(answer.body) or answer.message)
    if answer.status != _HTTP_OK:
        return Readiness(ReadinessState.NOT_YET, error_of(answer.body) or f"{answer.status} {answer.message}")
    try:
        status = json.loads(answer.body)
        if isinstance(status, dict) and isinstance(status.get("ready"), bool):  # as in KServe's protocol
            return Readiness(
                ReadinessState.READY if status["ready"] else ReadinessState.NOT_YET,
                "" if status["ready"] else "not ready",
            )
        listed = status["model_version_status"]
        versions = [_Version(each["state"], each.get("status", {}).get("error_message", "")) for each in listed]
    except (ValueError, KeyError, TypeError, AttributeError):
        return Readiness(ReadinessState.NOT_YET, "its status page is not that of TF-Serving")
    return _of_versions(versions)


def _of_versions(versions: Iterable[_Version]) -> Readiness:
    found = list(versions)
    if any(each.state == "AVAILABLE" for each in found):
        return Readiness(ReadinessState.READY)
    ended = [each for each in found if each.state == "END"]
    if found and len(ended) == len(found) and (words := next((each.error for each in ended if each.error), "")):
        return Readiness(ReadinessState.FAILED, words)
    return Readiness(ReadinessState.NOT_YET, ", ".join(each.state for each in found) or "no version yet")


def error_of(body: bytes) -> str:
    """Parse TF-Serving's `{"error": …}`; empty for anything else."""
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return ""
