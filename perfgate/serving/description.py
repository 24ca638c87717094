"""A model known only from its server: signatures by GetModelMetadata, over gRPC or REST."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from google.protobuf.message import DecodeError

from perfgate.errors import InvalidRunError, UsageError
from perfgate.model.dtypes import BY_NAME
from perfgate.model.interface import Model, ServedAs, Signature
from perfgate.model.messages import GetModelMetadataRequest, GetModelMetadataResponse, Proto, SignatureDefMap
from perfgate.model.saved_model import signatures_of
from perfgate.protocols.grpc import INVALID_ARGUMENT, NOT_FOUND, OK, UNIMPLEMENTED
from perfgate.scenario.schema import Target
from perfgate.serving.endpoint_url import EndpointUrl, parse_endpoint
from perfgate.serving.ports import answers
from perfgate.serving.probe import Peer, grpc_line, rest_get
from perfgate.serving.readiness import error_of
from perfgate.serving.reasons import refusal, why

DIGEST_PREFIX = "metadata-sha256:"
"""Prefix of a digest of signatures only, which is the same for two versions that compute different things."""
_METADATA = "/tensorflow.serving.PredictionService/GetModelMetadata"
_TIMEOUT_S = 10.0
_HTTP_OK, _HTTP_BAD_REQUEST, _HTTP_NOT_FOUND = 200, 400, 404
_HTTP_NO_SUCH = {404, 405, 501}
"""Statuses of a server without such a page."""
_DTYPES = {"DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_HALF": "float16"}
"""Types whose enum name is not `DT_` and their own name."""


def describe_endpoint(given: str, target: Target, signatures: tuple[Signature, ...] | None = None) -> Model:
    """Ask every server of a URL what it serves, unless its signatures are known from elsewhere.

    The model's digest is that of the signatures, its size and operations are unknown, and its path is the URL.
    UsageError for a malformed URL or a model that a server does not have, InvalidRunError if one does not answer or
    they differ.
    """
    url = parse_endpoint(given)
    served = [_ask(peer, signatures) for peer in url.peers(target)]
    for address, other in zip(url.addresses, served, strict=True):
        if other != served[0]:
            what = "version" if other[1] == served[0][1] else "model"
            problem = f"{given}: {address} does not serve the same {what} as {url.addresses[0]}"
            raise InvalidRunError(problem, "all servers of an arm must serve the same model; wait until they do")
    return _model(url, *served[0])


def _model(url: EndpointUrl, version: int, signatures: tuple[Signature, ...]) -> Model:
    text = json.dumps([asdict(signature) for signature in signatures], sort_keys=True)
    digest = f"{DIGEST_PREFIX}{hashlib.sha256(text.encode()).hexdigest()}"
    asked = ServedAs(url.model_name, url.version, url.label)
    return Model(url.path, url.given, version, digest, 0, (), signatures, (), asked)  # size, tags and ops: unknown


def _ask(peer: Peer, signatures: tuple[Signature, ...] | None) -> tuple[int, tuple[Signature, ...]]:
    """Ask one server for its version and its signatures."""
    if silent := answers(peer.address):
        raise InvalidRunError(f"{peer.address} does not answer: {silent}", "check that the server is running")
    if signatures is not None:
        return peer.version or 1, signatures
    try:
        version, definitions = _over_grpc(peer) if peer.protocol == "grpc" else _over_rest(peer)
        return version, signatures_of(definitions.signature_def)
    except (DecodeError, ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"{peer.address} sent an invalid response to GetModelMetadata"
        raise InvalidRunError(problem, "check that the server implements TF-Serving's protocol") from error


def _over_grpc(peer: Peer) -> tuple[int, Proto]:
    request = GetModelMetadataRequest(metadata_field=["signature_def"])
    spec = request.model_spec
    spec.name = peer.model_name
    if peer.version is not None:
        spec.version.value = peer.version
    elif peer.label:
        spec.version_label = peer.label
    with grpc_line(peer) as line:
        reply = line.ask(_METADATA, request.SerializeToString(), _TIMEOUT_S)
    if reply.status == NOT_FOUND:
        raise _not_there(peer, reply.message)
    if reply.status == INVALID_ARGUMENT and peer.label:  # a label that the server does not know
        raise _not_there(peer, reply.message)
    if reply.status != OK:
        words = refusal(reply.status, reply.message)
        raise _no_answer(peer, words, has_no_such=reply.status == UNIMPLEMENTED)
    answer = GetModelMetadataResponse.FromString(reply.body)
    version = answer.model_spec.version.value or peer.version or 1
    return version, SignatureDefMap.FromString(answer.metadata["signature_def"].value)


def _over_rest(peer: Peer) -> tuple[int, Proto]:
    reply = rest_get(peer, f"{peer.path}/metadata", _TIMEOUT_S)
    if reply.status == _HTTP_NOT_FOUND and (words := error_of(reply.body)):
        raise _not_there(peer, words)
    if reply.status == _HTTP_BAD_REQUEST and peer.label:
        raise _not_there(peer, error_of(reply.body) or reply.message)
    if reply.status != _HTTP_OK:
        words = error_of(reply.body) or reply.message
        raise _no_answer(peer, words, has_no_such=reply.status in _HTTP_NO_SUCH)
    answer = json.loads(reply.body)
    definitions = SignatureDefMap()
    for key, said in answer["metadata"]["signature_def"]["signature_def"].items():
        signature = definitions.signature_def[key]
        signature.method_name = said.get("method_name", "")
        for side, infos in ((said["inputs"], signature.inputs), (said["outputs"], signature.outputs)):
            for name, info in side.items():
                _fill(infos[name], info)
    return int(answer["model_spec"].get("version") or peer.version or 1), definitions


def _fill(proto: Proto, info: dict[str, Any]) -> None:
    """Parse a TensorInfo in protobuf's JSON form: enums by name, 64-bit numbers as strings."""
    enum = info["dtype"]
    name = _DTYPES.get(enum, enum.removeprefix("DT_").lower())
    proto.dtype = BY_NAME[name].number if name in BY_NAME else 0
    if (shape := info.get("tensor_shape")) is None:
        return
    proto.tensor_shape.unknown_rank = shape.get("unknown_rank", False)
    for dim in shape.get("dim", ()):
        proto.tensor_shape.dim.add(size=int(dim["size"]))


def _not_there(peer: Peer, words: str) -> UsageError:
    return UsageError(
        f"{peer.address} does not serve this model: {why(words)}", "check the name and version in the URL"
    )


def _no_answer(peer: Peer, words: str, *, has_no_such: bool) -> InvalidRunError:
    problem = f"{peer.address} does not report its signatures: {why(words)}"
    if has_no_such:
        return InvalidRunError(
            problem,
            "it responds, but without TF-Serving's metadata: use --signature-from MODEL (a SavedModel with the same "
            "inputs) or payload.signature_def",
        )
    return InvalidRunError(problem, "check that the server is running and uses the URL's protocol")
