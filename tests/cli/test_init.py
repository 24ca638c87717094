from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from perfgate.cli.config_file import KEYS, defaults_of, load_config, options_of
from perfgate.cli.run import command as run
from perfgate.errors import UsageError
from perfgate.gate.tolerance import gated_metrics, is_required, tolerance_of
from perfgate.model.interface import Model, Signature, TensorSpec
from perfgate.payload.record import record_scenario
from perfgate.project.init_files import first_files, scenario_name, write_all
from perfgate.scenario.files import load_scenario
from perfgate.scenario.schema import Gate

PREDICT = "tensorflow/serving/predict"
INPUTS = (
    TensorSpec("ids", "int64", (None, 20)),
    TensorSpec("dense/raw", "float32", (None, 16)),
    TensorSpec("country", "string", (None,)),
    TensorSpec("image", "uint8", (None, None, None, 3)),
    TensorSpec("mask", "bool", (None, 4)),
    TensorSpec("anything", "float16", None),
    TensorSpec('od"d\n]', "int8", (None,)),
)
MODEL = Model(
    Path("x"), "models/Ranker v2/17", 17, "sha256:0", 1, ("serve",), (Signature("score", PREDICT, INPUTS, ()),), ()
)


_NAMES = {"models/Ranker v2/17": "ranker-v2", "m.keras": "m", "a/b/": "b", ".": "model", "7": "model", "é": "model"}


@pytest.mark.parametrize(("given", "name"), list(_NAMES.items()))
def test_a_scenario_is_named_after_the_model(given: str, name: str) -> None:
    assert scenario_name(replace(MODEL, given=given)) == name


def test_what_is_written_is_read_and_makes_requests_as_it_stands(tmp_path: Path) -> None:
    write_all(first_files(MODEL, "none", "perfgate"), tmp_path, force=False)
    scenario = load_scenario(str(tmp_path / "scenarios" / "ranker-v2.toml"), ())
    assert scenario.payload.signature == "score"
    assert set(scenario.payload.inputs) >= {"ids", "dense/raw", "country", "image", "anything"}
    assert scenario.payload.inputs["image"].shape == (8, 1, 1, 3)
    assert len(record_scenario(MODEL, scenario, 0).calls) == 16
    config = load_config(tmp_path)
    assert config.values == {"scenario": ["ranker-v2"], "baseline": "default", "store": "baselines"}


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        (["keras_tensor"], ["keras_tensor*"]),
        (["keras_tensor_156", "ids"], ["keras_tensor*", "ids"]),
        (["input_1"], ["input*"]),
        (["keras_tensor_1", "keras_tensor_2"], ["keras_tensor_1", "keras_tensor_2"]),
        (["input_1", "input_ids"], ["input_1", "input_ids"]),
        (["inputs"], ["inputs"]),
    ],
)
def test_a_name_that_an_exporter_made_up_is_written_as_a_pattern(names: list[str], keys: list[str]) -> None:
    tensors = tuple(TensorSpec(name, "float32", (None, 2)) for name in names)
    model = replace(MODEL, signatures=(Signature("serving_default", PREDICT, tensors, ()),))
    written = tomllib.loads(first_files(model, "none", "perfgate")[Path("scenarios/ranker-v2.toml")])
    assert list(written["payload"]["inputs"]) == keys


def test_the_file_of_settings_has_every_key_and_each_is_taken(tmp_path: Path) -> None:
    write_all(first_files(MODEL, "none", "perfgate"), tmp_path, force=False)
    path = tmp_path / "perfgate.toml"
    uncommented = re.sub(r"^# (\w+ = |\[)", r"\1", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    path.write_text(uncommented, encoding="utf-8")
    config = load_config(tmp_path)
    assert set(config.values) == set(KEYS)
    assert config.tables is not None
    assert (list(config.tables.severity), len(config.tables.accept)) == (["rss_peak_mb"], 1)
    assert set(defaults_of(run, config)) == {option.name for _, option in options_of(run)}


def test_the_scenario_gates_what_is_gated_anyway(tmp_path: Path) -> None:
    write_all(first_files(MODEL, "none", "perfgate"), tmp_path, force=False)
    scenario = load_scenario(str(tmp_path / "scenarios" / "ranker-v2.toml"), ())
    assert gated_metrics(scenario.gate) == gated_metrics(Gate())
    required = ([is_required(metric, gate) for metric in gated_metrics(Gate())] for gate in (scenario.gate, Gate()))
    assert next(required) == next(required), "with a table of its own latency_p99_ms made runs of 2 ms inconclusive"
    both = ([tolerance_of(metric, gate, 1e9) for metric in gated_metrics(Gate())] for gate in (scenario.gate, Gate()))
    assert next(both) == next(both)


def test_an_input_that_cannot_be_drawn_is_a_comment_that_says_so() -> None:
    odd = (TensorSpec("ragged", "int64", (None,), "composite"), TensorSpec("handle", "resource", ()))
    model = replace(MODEL, signatures=(Signature("serving_default", PREDICT, odd, ()),))
    text = first_files(model, "none", "perfgate")[Path("scenarios/ranker-v2.toml")]
    assert not tomllib.loads(text)["payload"].get("inputs")
    assert "# is composite, which a request cannot contain" in text
    assert "# input handle has resource" in text


@pytest.mark.parametrize("method", ["classify", "regress"])
def test_a_signature_of_examples_asks_for_recorded_ones_where_the_model_parses_them(method: str) -> None:
    text = (TensorSpec("inputs", "string", (None,)),)
    signatures = (Signature("serving_default", f"tensorflow/serving/{method}", text, ()),)
    parses, plain = (
        tomllib.loads(
            first_files(replace(MODEL, signatures=signatures, ops=ops), "none", "perfgate")[
                Path("scenarios/ranker-v2.toml")
            ]
        )["payload"]
        for ops in ((("ParseExampleV2", 1), ("MatMul", 1)), (("MatMul", 1),))
    )
    assert (parses["method"], parses["source"], parses["file"]) == (method, "examples", "requests.tfrecord")
    assert "inputs" not in parses
    assert "method" not in plain, "what takes plain strings is asked by predict: there are no random tf.Examples"
    assert plain["inputs"]["inputs"]["length"] == 8


def test_a_model_without_a_signature_is_refused() -> None:
    with pytest.raises(UsageError, match="no signature"):
        first_files(replace(MODEL, signatures=()), "none", "perfgate")


def test_nothing_that_is_there_is_replaced(tmp_path: Path) -> None:
    files = first_files(MODEL, "github", "perfgate")
    (tmp_path / "perfgate.toml").write_text("seed = 1\n")
    with pytest.raises(UsageError, match=r"perfgate\.toml already exists"):
        write_all(files, tmp_path, force=False)
    assert [path.name for path in tmp_path.iterdir()] == ["perfgate.toml"]
    write_all(files, tmp_path, force=True)
    assert "baseline" in (tmp_path / "perfgate.toml").read_text(encoding="utf-8")
