from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from perfgate.errors import InvalidRunError, UsageError
from perfgate.model.interface import Signature, TensorSpec
from perfgate.model.messages import SavedModel
from perfgate.model.saved_model import open_model, signature

WriteModel = Callable[..., Path]


def test_a_model_is_described(tmp_path: Path, write_model: WriteModel) -> None:
    directory = write_model(
        tmp_path / "m",
        {
            "serving_default": ({"b": (7, (None, 1)), "a": (9, None)}, {"y": (14, ()), "q": (11, (2,))}),
            "classify": ({}, {}),
            "__saved_model_init_op": ({}, {"__saved_model_init_op": (0, None)}),
        },
        ops=["MatMul", "Const", "Add"],
        function_ops=["Const", "MatMul", "Const"],
    )
    model = open_model(str(directory), tmp_path / "cache")
    assert model.signatures == (
        Signature("classify", "tensorflow/serving/predict", (), ()),
        Signature(
            "serving_default",
            "tensorflow/serving/predict",
            (TensorSpec("a", "int64", None), TensorSpec("b", "string", (None, 1))),
            (TensorSpec("q", "dtype 11", (2,)), TensorSpec("y", "bfloat16", ())),
        ),
    )
    assert model.ops == (("Const", 3), ("MatMul", 2), ("Add", 1))
    assert (model.path, model.given, model.version, model.tags) == (directory, str(directory), 1, ("serve",))
    assert model.size_bytes == (directory / "saved_model.pb").stat().st_size
    assert model.digest.startswith("sha256:")


def test_composite_tensors_are_distinguished_from_dense_ones(tmp_path: Path) -> None:
    saved_model = SavedModel()
    meta = saved_model.meta_graphs.add()
    meta.meta_info_def.tags.append("serve")
    inputs = meta.signature_def["s"].inputs
    inputs["dense"].name = "dense:0"
    inputs["unnamed"].dtype = 1
    inputs["sparse"].coo_sparse.values_tensor_name = "values:0"
    inputs["ragged"].composite_tensor.components.add(name="row_splits:0")
    (tmp_path / "saved_model.pb").write_bytes(saved_model.SerializeToString())
    found = {spec.name: spec.encoding for spec in open_model(str(tmp_path), tmp_path).signatures[0].inputs}
    assert found == {"dense": "dense", "ragged": "composite", "sparse": "sparse", "unnamed": "dense"}


@pytest.mark.parametrize(
    ("tag_sets", "chosen"),
    [
        ([["train"], ["serve"]], ("serve",)),
        ([["tpu", "serve"], ["serve"]], ("serve",)),
        ([["train"], ["serve", "gpu"]], ("gpu", "serve")),
    ],
)
def test_the_meta_graph_for_serving_is_preferred(
    tmp_path: Path, write_model: WriteModel, tag_sets: list[list[str]], chosen: tuple[str, ...]
) -> None:
    assert open_model(str(write_model(tmp_path / "m", tag_sets=tag_sets)), tmp_path).tags == chosen


@pytest.mark.parametrize(
    ("tag_sets", "problem"),
    [
        ([], 'no meta graph is tagged "serve"'),
        ([["train"], ["eval", "gpu"], []], 'no meta graph is tagged "serve", tags found: train, eval+gpu, none'),
    ],
)
def test_a_model_that_is_not_for_serving_is_invalid(
    tmp_path: Path, write_model: WriteModel, tag_sets: list[list[str]], problem: str
) -> None:
    given = str(write_model(tmp_path / "m", tag_sets=tag_sets))
    with pytest.raises(InvalidRunError) as caught:
        open_model(given, tmp_path)
    assert caught.value.problem == f"{given}: {problem}"


@pytest.mark.parametrize("cut", [1, 10, -1])
def test_a_damaged_description_is_invalid(tmp_path: Path, write_model: WriteModel, cut: int) -> None:
    directory = write_model(tmp_path / "m")
    file = directory / "saved_model.pb"
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(InvalidRunError, match="does not parse") as caught:
        open_model(str(directory), tmp_path)
    assert "\n" not in caught.value.problem


_WITH_VARIABLES = {"ops": ["VarHandleOp"], "restore": "save/restore_all"}


def test_variables_that_the_graph_restores_must_be_there(tmp_path: Path, write_model: WriteModel) -> None:
    whole = write_model(tmp_path / "whole", variables=True, **_WITH_VARIABLES)
    assert open_model(str(whole), tmp_path).ops == (("VarHandleOp", 1),)
    without = write_model(tmp_path / "without", **_WITH_VARIABLES)
    with pytest.raises(InvalidRunError, match="needs variables"):
        open_model(str(without), tmp_path)
    for shard in whole.glob("variables/variables.data-*"):
        shard.unlink()
    with pytest.raises(InvalidRunError, match="needs variables"):
        open_model(str(whole), tmp_path)


@pytest.mark.parametrize("partly", [{"ops": ["VarHandleOp"]}, {"restore": "save/restore_all"}])
def test_a_graph_that_restores_nothing_needs_no_variables(
    tmp_path: Path, write_model: WriteModel, partly: dict[str, object]
) -> None:
    assert open_model(str(write_model(tmp_path / "m", **partly)), tmp_path).version == 1


def test_an_unreadable_file_is_named(tmp_path: Path, write_model: WriteModel) -> None:
    directory = write_model(tmp_path / "m")
    (directory / "assets").symlink_to("gone")
    with pytest.raises(UsageError, match="cannot be read: No such file or directory"):
        open_model(str(directory), tmp_path)


def test_a_name_too_long_for_the_file_system_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: File name too long"):
        open_model("m" * 5000, tmp_path)


def test_a_signature_is_found_or_the_nearest_is_named(tmp_path: Path, write_model: WriteModel) -> None:
    pair: tuple[dict[str, object], dict[str, object]] = ({}, {})
    model = open_model(str(write_model(tmp_path / "m", {"serving_default": pair, "rank": pair})), tmp_path)
    assert signature(model, "rank").key == "rank"
    with pytest.raises(UsageError, match="no signature 'servin_default'") as caught:
        signature(model, "servin_default")
    assert "did you mean 'serving_default'?" in caught.value.remedy
    assert "rank, serving_default" in caught.value.remedy


def test_a_model_without_signatures_says_so(tmp_path: Path, write_model: WriteModel) -> None:
    with pytest.raises(UsageError, match="has no signatures"):
        signature(open_model(str(write_model(tmp_path / "m", {})), tmp_path), "serving_default")


@pytest.mark.live
def test_the_published_audio_model_opens(audio_model: Path, tmp_path: Path) -> None:
    model = open_model(str(audio_model), tmp_path)
    found = signature(model, "serving_default")
    assert found.inputs == (TensorSpec("input_2", "float32", (None, 43844, 1)),)
    assert [spec.name for spec in found.outputs] == ["contour", "note", "onset"]
