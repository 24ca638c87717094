"""Helpers that make signatures, models that consist of a description only, and files of records."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from perfgate.model.interface import Model, Signature, TensorSpec
from perfgate.model.messages import Example, PredictionLog, Proto
from perfgate.payload.tfrecord import framed

Shape = tuple[int | None, ...] | None


@pytest.fixture
def make_signature() -> Callable[..., Signature]:
    def make(**inputs: tuple[str, Shape]) -> Signature:
        specs = tuple(TensorSpec(name, dtype, shape) for name, (dtype, shape) in sorted(inputs.items()))
        return Signature("rank", "tensorflow/serving/predict", specs, ())

    return make


def _signature(key: str, outputs: tuple[str, ...], **inputs: tuple[str, Shape]) -> Signature:
    specs = tuple(TensorSpec(name, dtype, shape) for name, (dtype, shape) in sorted(inputs.items()))
    given = tuple(TensorSpec(name, "float32", (None, 1)) for name in outputs)
    return Signature(key, "tensorflow/serving/predict", specs, given)


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[..., Model]:
    """A model called M with the signatures rank (ids, country), text, sparse, classify and regress."""

    def make(name: str = "M") -> Model:
        signatures = (
            _signature("rank", ("y",), ids=("int64", (None, 2)), country=("string", (None,))),
            _signature("text", ("y",), examples=("string", (None,))),
            Signature("sparse", "tensorflow/serving/predict", (TensorSpec("x", "float32", (None, 9), "sparse"),), ()),
            _signature("classify", ("classes", "scores"), inputs=("string", (None,))),
            _signature("regress", ("outputs",), inputs=("string", (None,))),
        )
        path = tmp_path / name
        path.mkdir(exist_ok=True)
        return Model(path, name, 1, "sha256:0", 0, ("serve",), signatures, ())

    return make


@pytest.fixture
def model(make_model: Callable[..., Model]) -> Model:
    return make_model()


@pytest.fixture
def write_records(tmp_path: Path) -> Callable[..., Path]:
    def write(records: Iterable[bytes | Proto], name: str = "records") -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        data = (record if isinstance(record, bytes) else record.SerializeToString() for record in records)
        file.write_bytes(b"".join(map(framed, data)))
        return file

    return write


def _example(number: int) -> Proto:
    example = Example()
    features = example.features.feature
    features["ids"].int64_list.value.extend([number, 2])
    features["dense"].float_list.value.append(0.5)
    features["country"].bytes_list.value.append(b"DE")
    return example


@pytest.fixture
def make_example() -> Callable[[int], Proto]:
    return _example


@pytest.fixture
def make_log() -> Callable[..., Proto]:
    """Make a log of one kind, for a model of another name, version and perhaps signature."""

    def make(kind: str = "predict_log", signature: str = "", number: int = 0) -> Proto:
        log = PredictionLog()
        if kind == "session_run_log":
            log.session_run_log.SetInParent()
            return log
        request = getattr(log, kind).request
        spec = request.tasks.add(method_name="tensorflow/serving/regress") if kind.startswith("multi") else request
        spec.model_spec.name, spec.model_spec.signature_name = "theirs", signature
        spec.model_spec.version.value = 7
        if kind != "predict_log":
            request.input.example_list.examples.add().CopyFrom(_example(number))
            return log
        ids, country = request.inputs["ids"], request.inputs["country"]
        ids.dtype, country.dtype = 9, 7
        ids.int64_val.extend([number, 2])
        country.string_val.append(b"DE")
        for size in (1, 2):
            ids.tensor_shape.dim.add(size=size)
        country.tensor_shape.dim.add(size=1)
        return log

    return make
