from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from perfgate.errors import UsageError
from perfgate.model.interface import Model, Signature, TensorSpec
from perfgate.model.messages import PredictRequest
from perfgate.model.tensors import Array, decode
from perfgate.payload.npz_file import npz_calls
from perfgate.scenario.schema import Payload

IDS = np.arange(14, dtype=np.int64).reshape(7, 2)
COUNTRY = np.array(["DE", "é", "US", "FR", "", "GB", "JP"])


def _inputs(file: Path, model: Model, signature: str = "rank", **settings: Any) -> list[dict[str, Array]]:
    spec = Payload(source="npz", file=str(file), signature=signature, **settings)
    requests = [PredictRequest.FromString(call.body) for call in npz_calls(file, model, spec, "ours")]
    assert {request.model_spec.name for request in requests} <= {"ours"}
    return [{name: decode(proto) for name, proto in request.inputs.items()} for request in requests]


def _saved(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "rows.npz", **arrays)
    return folder / "rows.npz"


@pytest.mark.parametrize("country", [COUNTRY, np.char.encode(COUNTRY, "utf-8")], ids=["text", "bytes"])
def test_rows_are_cut_into_requests(tmp_path: Path, model: Model, country: Array) -> None:
    file = _saved(tmp_path, ids=IDS.astype(">i8"), country=country, label=np.ones(3))
    requests = _inputs(file, model, batch_size=3)
    assert [request["ids"].tolist() for request in requests] == [IDS[:3].tolist(), IDS[3:6].tolist()]
    assert requests[0]["country"].tolist() == [b"DE", "é".encode(), b"US"]
    assert len(_inputs(file, model, batch_size=3, distinct=1)) == 1


def test_arrays_without_rows_go_into_every_request(tmp_path: Path, model: Model) -> None:
    inputs = (TensorSpec("scale", "float32", ()), TensorSpec("half", "bfloat16", (None,)))
    mixed = Model(model.path, "M", 1, "", 0, (), (Signature("s", "tensorflow/serving/predict", inputs, ()),), ())
    half = np.array([1, 2, 3, 4], ml_dtypes.bfloat16)
    requests = _inputs(_saved(tmp_path, scale=np.float32(2), half=half), mixed, "s", batch_size=2)
    assert [(each["scale"].tolist(), each["half"].tolist()) for each in requests] == [(2, [1, 2]), (2, [3, 4])]
    only = Model(model.path, "M", 1, "", 0, (), (Signature("s", "tensorflow/serving/predict", inputs[:1], ()),), ())
    assert _inputs(_saved(tmp_path, scale=np.float32(2)), only, "s") == [{"scale": 2}]


@pytest.mark.parametrize(
    ("changed", "settings", "problem"),
    [
        ({"ids": None}, {}, "no array ids, which signature rank takes"),
        ({"ids": IDS.astype(np.int32)}, {}, "rows 0 to 3: input ids is int32, but the signature takes int64"),
        ({"ids": IDS.astype(np.float64)}, {}, "rows 0 to 3: input ids is float64"),
        ({"country": np.arange(7)}, {}, "input country is int64, but the signature takes string"),
        ({"country": COUNTRY[:5]}, {}, "the arrays have different numbers of rows: country 5, ids 7"),
        (
            {"country": COUNTRY.astype(object)},
            {},
            "array country contains Python objects, which are not unpickled for safety",
        ),
        ({}, {"batch_size": 8}, "contains 7 rows, fewer than payload.batch_size = 8"),
        ({"ids": IDS[:0], "country": COUNTRY[:0]}, {}, "contains 0 rows"),
        ({}, {"signature": "sparse"}, "input x of signature sparse is a sparse tensor"),
        ({}, {"method": "classify"}, 'payload.method = "classify" sends tf.Examples'),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, model: Model, changed: Any, settings: Any, problem: str) -> None:
    arrays = {name: array for name, array in ({"ids": IDS, "country": COUNTRY} | changed).items() if array is not None}
    with pytest.raises(UsageError, match=problem) as caught:
        _inputs(_saved(tmp_path, **arrays), model, **{"batch_size": 4} | settings)
    assert "\n" not in caught.value.problem


@pytest.mark.parametrize("data", [b"", b"no zip", b"\x93NUMPY\x01\x00v\x00"])
def test_what_is_no_npz_is_refused(tmp_path: Path, model: Model, data: bytes) -> None:
    (tmp_path / "x.npz").write_bytes(data)
    with pytest.raises(UsageError, match=r"x.npz is not an \.npz file, or is damaged"):
        _inputs(tmp_path / "x.npz", model)
    with pytest.raises(UsageError, match="gone cannot be read: No such file"):
        _inputs(tmp_path / "gone", model)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", b"rubbish"])
def test_a_damaged_array_is_named(tmp_path: Path, model: Model, content: bytes) -> None:
    file = _saved(tmp_path, country=COUNTRY)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("ids.npy", content)
    with pytest.raises(UsageError, match="array ids is damaged"):
        _inputs(file, model)


def test_a_header_that_lies_about_the_size_takes_no_memory(tmp_path: Path, model: Model) -> None:
    file = _saved(tmp_path, country=COUNTRY)
    header = b"{'descr': '<i8', 'fortran_order': False, 'shape': (1000000000000, 2), }"
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("ids.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(UsageError, match="array ids is damaged"):
        _inputs(file, model)


def test_a_byte_gone_wrong_is_seen(tmp_path: Path, model: Model) -> None:
    file = _saved(tmp_path, ids=IDS, country=COUNTRY)
    data = bytearray(file.read_bytes())
    data[data.index(IDS.tobytes()) + 8] ^= 1
    file.write_bytes(data)
    with pytest.raises(UsageError, match="array ids is damaged"):
        _inputs(file, model)
