from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from perfgate.cli.inspect import command
from perfgate.errors import UsageError
from perfgate.model.interface import Model, ServedAs, Signature, TensorSpec
from perfgate.model.messages import PredictionLog, SavedModel
from perfgate.model.saved_model import open_model
from perfgate.payload.tfrecord import framed
from perfgate.payload.warmup_assets import PLACE
from perfgate.serving import description


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A base path whose version 4 has one signature, a name that looks like markup, and twelve kinds of ops."""
    saved_model = SavedModel()
    meta = saved_model.meta_graphs.add()
    meta.meta_info_def.tags.append("serve")
    signature = meta.signature_def["serving_default"]
    signature.method_name = "tensorflow/serving/predict"
    signature.inputs["[red]x"].dtype = 9
    signature.inputs["[red]x"].tensor_shape.dim.add(size=-1)
    signature.inputs["[red]x"].tensor_shape.dim.add(size=43844)
    signature.outputs["y"].dtype = 7
    signature.outputs["y"].tensor_shape.unknown_rank = True
    for number in range(12):
        for _ in range(20 - number):
            meta.graph_def.node.add(op=f"Op{number:02}")
    (tmp_path / "base" / "4").mkdir(parents=True)
    (tmp_path / "base" / "4" / "saved_model.pb").write_bytes(saved_model.SerializeToString())
    return tmp_path / "base"


def _run(*args: str) -> Result:
    return CliRunner().invoke(command, args, catch_exceptions=False, env={"COLUMNS": "60", "NO_COLOR": "1"})


def test_it_shows_what_the_model_is(model: Path, tmp_path: Path) -> None:
    result = _run(str(model))
    opened = open_model(str(model), tmp_path)
    facts = dict(line.split(maxsplit=1) for line in result.stdout.splitlines()[:7])
    assert result.exit_code == 0
    assert facts == {
        "path": str(model / "4"),
        "version": "4",
        "digest": opened.digest,
        "size": f"0.00143 MiB ({opened.size_bytes:,} bytes)",
        "tags": "serve",
        "signatures": "serving_default",
        "warm-up": "no requests",
    }
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    assert rows[:2] == [["in", "[red]x", "int64", "[?, 43844]"], ["out", "y", "string", "unknown rank"]]
    assert rows[2:] == [[f"Op{number:02}", str(20 - number)] for number in range(10)]
    assert "ops: 174 of 12 kinds, the 10 most frequent (-v: all)" in result.stdout


def test_verbose_shows_all_ops(model: Path) -> None:
    output = _run("-v", str(model)).stdout
    assert "Op11" in output
    assert "most frequent" not in output


def test_json_is_one_document(model: Path, tmp_path: Path) -> None:
    opened = open_model(str(model), tmp_path)
    assert json.loads(_run("--json", str(model)).stdout) == {
        "path": str(model / "4"),
        "given": str(model),
        "version": 4,
        "digest": opened.digest,
        "size_bytes": opened.size_bytes,
        "tags": ["serve"],
        "signatures": [
            {
                "key": "serving_default",
                "method": "tensorflow/serving/predict",
                "inputs": [{"name": "[red]x", "dtype": "int64", "shape": [None, 43844], "encoding": "dense"}],
                "outputs": [{"name": "y", "dtype": "string", "shape": None, "encoding": "dense"}],
            }
        ],
        "ops": {f"Op{number:02}": 20 - number for number in range(12)},
        "served_as": None,
        "warmup": {"requests": {}, "problem": None},
    }


def test_warm_up_requests_are_counted_by_kind(model: Path) -> None:
    file = model / "4" / PLACE
    file.parent.mkdir()
    predict, regress = PredictionLog(), PredictionLog()
    predict.predict_log.SetInParent()
    regress.regress_log.SetInParent()
    data = b"".join(framed(log.SerializeToString()) for log in (predict, regress, predict))
    file.write_bytes(data)
    assert "warm-up     3 requests (predict_log 2, regress_log 1)\n" in _run(str(model)).stdout
    document = json.loads(_run("--json", str(model)).stdout)
    assert document["warmup"] == {"requests": {"predict_log": 2, "regress_log": 1}, "problem": None}
    file.write_bytes(data[:-1])
    assert f"warm-up     {file}: record 3 is truncated\n" in _run(str(model)).stdout
    document = json.loads(_run("--json", str(model)).stdout)
    assert document["warmup"] == {"requests": {}, "problem": f"{file}: record 3 is truncated"}


def test_an_input_that_no_request_carries_is_marked(tmp_path: Path) -> None:
    saved_model = SavedModel()
    meta = saved_model.meta_graphs.add()
    meta.meta_info_def.tags.append("serve")
    for name, part in (("x", "coo_sparse"), ("y", "composite_tensor")):
        info = meta.signature_def["s"].inputs[name]
        info.dtype = 1
        getattr(info, part).SetInParent()
    (tmp_path / "saved_model.pb").write_bytes(saved_model.SerializeToString())
    output = _run(str(tmp_path)).stdout
    assert "sparse float32" in output
    assert "composite float32" in output


def test_a_path_that_is_no_model_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a model"):
        _run(str(tmp_path))


def test_a_file_is_shown_by_its_own_name_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "m.keras"
    file.touch()
    exported = Model(tmp_path / "cache" / "ab12", str(file), 1, "sha256:0", 1, ("serve",), (), ())
    monkeypatch.setattr("perfgate.model.saved_model.open_model", lambda *_: exported)
    lines = [line.split() for line in _run(str(file)).stdout.splitlines()]
    assert ["model", str(file)] in lines
    assert ["path", str(exported.path)] in lines


def test_the_cache_of_the_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Path] = []

    def open_nothing(_: str, cache_dir: Path) -> None:
        given.append(cache_dir)
        raise UsageError("stop")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("perfgate.model.saved_model.open_model", open_nothing)
    with pytest.raises(UsageError):
        _run("any")
    assert given == [tmp_path / "perfgate"]


def test_a_running_server_reports_its_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    signature = Signature("serving_default", "tensorflow/serving/predict", (TensorSpec("x", "float32", (None, 3)),), ())
    url = "grpc://127.0.0.1:1/ranker"
    described = Model(Path(url), url, 7, "metadata-sha256:ab", 0, (), (signature,), (), ServedAs("ranker"))
    monkeypatch.setattr(description, "describe_endpoint", lambda *_: described)
    shown = _run(url).stdout
    assert "version     7" in shown
    assert "[?, 3]" in shown
    assert "ops" not in shown
    assert "size" not in shown


def test_another_url_is_no_model_on_disk() -> None:
    with pytest.raises(UsageError, match="is a URL, not a model on disk") as caught:
        _run("ftp://somewhere/model")
    assert "grpc://HOST:PORT/NAME" in caught.value.remedy
