"""Requests with one error each, made from a valid one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import numpy as np

from perfgate.model import tensors
from perfgate.model.messages import PredictRequest
from perfgate.model.saved_model import open_model
from perfgate.payload.record import record_scenario
from perfgate.payload.rest import rest_form
from perfgate.scenario.schema import Payload, Scenario, Target

Rng: TypeAlias = np.random.Generator
_PREDICTION, _MODEL = "/tensorflow.serving.PredictionService", "/tensorflow.serving.ModelService"
_PATHS = (
    *(f"{_PREDICTION}/{name}" for name in ("Classify", "Regress", "MultiInference", "GetModelMetadata", "Nothing")),
    *(f"{_MODEL}/{name}" for name in ("GetModelStatus", "HandleReloadConfigRequest")),
    "/grpc.health.v1.Health/Check",
    "/",
    "/a/b/c",
)
_PREDICT = f"{_PREDICTION}/Predict"
_DTYPES = (*range(-1, 31), 101, 102, 107, 120, 2**31 - 1, -(2**31))
_SIZES = (-(2**63), -2, -1, 0, 1, 2, 3, 17, 1000, 2**20, 2**31, 2**32, 2**62, 2**63 - 1)
_MILLION = 1_000_000
_CLAIM_MIB = 64


@dataclass(frozen=True, slots=True)
class Case:
    """One request."""

    kind: str
    path: str
    body: bytes


def valid_requests(model: Path, name: str) -> tuple[bytes, bytes]:
    """Make a request of two rows that the model's default signature takes, as PredictRequest and as JSON."""
    with TemporaryDirectory() as cache:
        opened = open_model(str(model), Path(cache))
    scenario = Scenario(payload=Payload(batch_size=2, distinct=1), target=Target(model_name=name))
    recorded = record_scenario(opened, scenario, seed=1)
    return recorded.calls[0].body, rest_form(recorded).calls[0].body


def case(valid: bytes, seed: int, number: int) -> Case:
    """Make a case, reproducible from seed and number; `valid` is a serialised PredictRequest that is answered OK."""
    rng = np.random.default_rng((seed, number))
    kind = _NAMES[rng.choice(len(_NAMES), p=_SHARES)]
    if kind == "another method":
        return Case(kind, str(rng.choice(_PATHS)), _random(rng, valid) if rng.random() < 0.5 else valid)
    return Case(kind, _PREDICT, _KINDS[kind][1](rng, valid))


def _random(rng: Rng, _: bytes) -> bytes:
    return rng.bytes(int(rng.integers(0, 1 << int(rng.integers(1, 13)))))


def _truncated(rng: Rng, valid: bytes) -> bytes:
    return valid[: int(rng.integers(0, len(valid)))]


def _flipped(rng: Rng, valid: bytes) -> bytes:
    octets = bytearray(valid)
    for _ in range(int(rng.integers(1, 20))):
        octets[int(rng.integers(0, len(octets)))] = int(rng.integers(0, 256))
    return bytes(octets)


def _spliced(rng: Rng, valid: bytes) -> bytes:
    start, end = sorted(rng.integers(0, len(valid), 2).tolist())
    at = int(rng.integers(0, len(valid)))
    return valid[:at] + valid[start:end] * int(rng.integers(1, 6)) + valid[at:]


def _changed(change: Callable[[Rng, Any], None]) -> Callable[[Rng, bytes], bytes]:
    def changed(rng: Rng, valid: bytes) -> bytes:
        request = PredictRequest.FromString(valid)
        change(rng, request)
        octets: bytes = request.SerializeToString()
        return octets

    return changed


def _one_of(rng: Rng, request: Any) -> Any:  # noqa: ANN401 - messages made at run time have no types
    return request.inputs[str(rng.choice(sorted(request.inputs)))]


@_changed
def _missing(rng: Rng, request: Any) -> None:  # noqa: ANN401
    for name in sorted(request.inputs)[: int(rng.integers(1, len(request.inputs) + 1))]:
        del request.inputs[name]


@_changed
def _extra(rng: Rng, request: Any) -> None:  # noqa: ANN401
    for _ in range(int(rng.integers(1, 50))):
        request.inputs["x" * int(rng.integers(0, 300))].CopyFrom(_one_of(rng, request))


@_changed
def _dtype(rng: Rng, request: Any) -> None:  # noqa: ANN401
    _one_of(rng, request).dtype = int(rng.choice(_DTYPES))


@_changed
def _shape(rng: Rng, request: Any) -> None:  # noqa: ANN401
    shape = _one_of(rng, request).tensor_shape
    del shape.dim[:]
    shape.unknown_rank = bool(rng.random() < 0.1)
    for _ in range(int(rng.choice((0, 1, 2, 3, 8, 260)))):
        shape.dim.add(size=int(rng.choice(_SIZES)))
    if math.prod(dim.size for dim in shape.dim) > _CLAIM_MIB << 17:  # less than a GiB is the kind `bomb`
        shape.dim.add(size=2**40)


@_changed
def _contents(rng: Rng, request: Any) -> None:  # noqa: ANN401
    _one_of(rng, request).tensor_content = rng.bytes(int(rng.integers(0, 5000)))


@_changed
def _values(rng: Rng, request: Any) -> None:  # noqa: ANN401
    tensor = _one_of(rng, request)
    tensor.tensor_content = b""
    count = int(rng.choice((0, 1, 2, 1000)))
    tensor.float_val.extend(rng.choice([np.nan, np.inf, -np.inf, 1e38, 0.0], count).tolist())
    tensor.int64_val.extend(rng.integers(-(2**63), 2**63 - 1, count).tolist())
    tensor.int_val.extend(rng.integers(-(2**31), 2**31 - 1, count).tolist())
    tensor.bool_val.extend([True] * count)
    tensor.string_val.extend([rng.bytes(int(rng.integers(0, 100)))] * count)


@_changed
def _out_of_range(rng: Rng, request: Any) -> None:  # noqa: ANN401
    for tensor in request.inputs.values():
        if tensor.tensor_content:
            tensor.tensor_content = rng.bytes(len(tensor.tensor_content))


@_changed
def _batches_differ(rng: Rng, request: Any) -> None:  # noqa: ANN401
    tensor = _one_of(rng, request)
    _set_rows(tensor, int(rng.choice((0, 1, 3, 50))))


@_changed
def _million(rng: Rng, request: Any) -> None:  # noqa: ANN401
    together = rng.random() < 0.5
    for tensor in request.inputs.values() if together else (_one_of(rng, request),):
        row = math.prod(dim.size for dim in tensor.tensor_shape.dim[1:])
        _set_rows(tensor, 20_000 if together else _MILLION // row)


@_changed
def _spec(rng: Rng, request: Any) -> None:  # noqa: ANN401
    spec = request.model_spec
    words = "x" * int(rng.choice((0, 1, 1000, 100_000))), "\x00", "../../etc/passwd", "é\u202e\U0001f4a3"
    what = rng.integers(0, 4)
    if what == 0:
        spec.name = str(rng.choice(words))
    elif what == 1:
        spec.signature_name = str(rng.choice(words))
    elif what == 2:
        spec.version.value = int(rng.choice((-1, 0, 2**63 - 1, -(2**63))))
    else:
        request.ClearField("model_spec")


@_changed
def _filter(rng: Rng, request: Any) -> None:  # noqa: ANN401
    request.output_filter.extend(["x" * int(rng.integers(0, 100))] * int(rng.choice((1, 2, 5000))))


def _set_rows(tensor: Any, rows: int) -> None:  # noqa: ANN401
    """Repeat or cut the rows of an input."""
    array = tensors.decode(tensor)
    if not array.ndim:
        return
    grown = array[np.arange(rows) % max(1, len(array))]
    if array.dtype == object:
        del tensor.string_val[:]
        tensor.string_val.extend(grown.ravel().tolist())
    else:
        tensor.tensor_content = grown.tobytes()
    tensor.tensor_shape.dim[0].size = rows


def bomb(valid: bytes, octets: int) -> Case:
    """Request a lot of memory in some hundred bytes: one value stands for all of a large input."""
    request = PredictRequest.FromString(valid)
    for tensor in request.inputs.values():
        array = tensors.decode(tensor)
        if array.dtype != object and array.ndim:
            row = array[:1].nbytes
            tensor.tensor_content = b""
            tensor.tensor_shape.dim[0].size = octets // row
            break
    return Case("bomb", _PREDICT, request.SerializeToString())


_KINDS: dict[str, tuple[float, Callable[[Rng, bytes], bytes]]] = {
    "random bytes": (10, _random),
    "cut off": (10, _truncated),
    "flipped bytes": (20, _flipped),
    "spliced": (10, _spliced),
    "missing inputs": (5, _missing),
    "extra inputs": (5, _extra),
    "wrong dtype": (10, _dtype),
    "wrong shape": (10, _shape),
    "contents of another size": (5, _contents),
    "values of all types": (5, _values),
    "random values": (5, _out_of_range),
    "rows differ": (5, _batches_differ),
    "a million elements": (0.5, _million),
    "model spec": (5, _spec),
    "output filter": (2, _filter),
    "another method": (5, _random),
}
_NAMES = list(_KINDS)
_WEIGHTS = np.array([weight for weight, _ in _KINDS.values()])
_SHARES = _WEIGHTS / _WEIGHTS.sum()
