"""Models from sketches in TOML, as TensorFlow builds them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from perfgate.errors import UsageError
from perfgate.explain.names import scope_of
from perfgate.model.checkpoint import saved_tensors
from perfgate.model.digest import digest, file_sha256
from perfgate.model.graph import signature_graph
from perfgate.model.saved_model import meta_graph, open_model, signature
from perfgate.model.table_ids import cardinalities
from perfgate.sketch.built import SketchFacts
from perfgate.sketch.dimensions import dimensions_of
from perfgate.sketch.file import load_sketch
from perfgate.sketch.wiring import wired
from tests.sketch.conftest import ALL_KINDS, SKETCHES, Build, Written

pytestmark = [pytest.mark.live, pytest.mark.slow]

RANKER = SKETCHES / "ranker.toml"

# Runs in the builder's process, which has imported TensorFlow.
_RUN = """
import json
import keras, tensorflow as tf

def run():
    serve = tf.saved_model.load({model!r}).signatures["serving_default"]
    shapes = {{}}
    for rows in (1, 3):
        inputs = {{
            name: tf.ones([rows, *spec.shape[1:]], spec.dtype)
            for name, spec in serve.structured_input_signature[1].items()
        }}
        for name, value in serve(**inputs).items():
            shapes[f"{{name}} {{rows}}"] = list(value.shape)
    with open({answer!r}, "w") as file:
        json.dump(shapes, file)
    return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
"""


def _scopes(facts: SketchFacts, tmp_path: Path) -> set[str]:
    meta = meta_graph(open_model(facts.path, tmp_path))
    graph = signature_graph(meta.graph_def, meta.signature_def["serving_default"])
    return {scope for node in graph.nodes for scope in scope_of(node.name).split("/")}


def test_the_example_becomes_a_saved_model(ranker: SketchFacts) -> None:
    facts = ranker
    assert (facts.given, facts.kind, facts.batch) == (str(RANKER), "toml", 8)
    assert facts.digest == f"sha256:{file_sha256(RANKER)}"
    assert facts.dimensions == dimensions_of(tomllib.loads(RANKER.read_text()))
    assert facts.cardinalities == {"user": 10_000}
    assert facts.model_digest == digest(Path(facts.path))
    assert facts.parameters * 4 / 2**20 < facts.size_mb < 3 * facts.parameters * 4 / 2**20
    assert 0 < facts.build_s < 60


def test_every_kind_of_block_runs_with_any_batch(
    build: Build, all_kinds: SketchFacts, written: Written, tmp_path: Path
) -> None:
    facts = all_kinds
    wiring = wired(load_sketch(ALL_KINDS, {}), "")
    assert facts.parameters == wiring.parameters
    model = open_model(facts.path, tmp_path)
    inputs = {spec.name: (spec.dtype, spec.shape) for spec in signature(model, "serving_default").inputs}
    assert inputs == {name: (given.dtype, (None, *given.shape)) for name, given in wiring.inputs.items()}
    assert cardinalities(model, "serving_default") == facts.cardinalities == wiring.cardinalities
    answer = tmp_path / "shapes.json"
    build(written("run.py", _RUN.format(model=facts.path, answer=str(answer))))
    assert json.loads(answer.read_text()) == {"click 1": [1, 1], "click 3": [3, 1], "buy 1": [1, 3], "buy 3": [3, 3]}


def test_layers_have_the_names_of_the_sketch(all_kinds: SketchFacts, tmp_path: Path) -> None:
    expected = {
        "item_embedding", "encoder_projection", "encoder_attention_2", "encoder_feed_forward_1", "gru_2",
        "picture_layers_2", "largest", "windows_1", "lstm_1", "average", "crosses", "tower_1", "two_towers", "layers_2",
        "click", "words_concat", "tags_sum", "kind_mean", "flag_as_float",
    }  # fmt: skip
    scopes = _scopes(all_kinds, tmp_path)
    assert {f"{name}_1" for name in expected} - scopes == set()  # Keras opens each scope a second time


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("layers.width", 300),
        ("layers.depth", 1),
        ("embeddings.user.rows", 17),
        ("embeddings.user.lookups", 1),
        ("heads.score.units", 4),
    ],
)
def test_a_dimension_changes_what_is_built(build: Build, name: str, value: int) -> None:
    facts = build(RANKER, {name: value})
    wiring = wired(load_sketch(RANKER, {name: value}), "")
    assert facts.dimensions[name] == value
    assert facts.parameters == wiring.parameters
    assert (facts.parameters == 312_577) == name.endswith("lookups")
    assert facts.cardinalities == wiring.cardinalities


def test_the_same_sketch_has_the_same_weights(build: Build, ranker: SketchFacts) -> None:
    first, again = _weights(ranker), _weights(build(RANKER))
    assert first == again
    assert len({crc32c for _, crc32c in first}) > 4  # they are not all alike


def _weights(facts: SketchFacts) -> list[tuple[tuple[int, ...], int]]:
    """Return shapes and checksums, for Keras numbers the variables differently in each export."""
    return sorted((each.shape, each.crc32c) for each in saved_tensors(Path(facts.path)))


def test_what_keras_refuses_names_the_part(build: Build, written: Written) -> None:
    text = '[inputs.x]\nshape = [4]\n[blocks.a]\nkind = "dense"\nwidth = 2\n[blocks.a_1]\nkind = "pool"\nfrom = ["y"]\n'
    with pytest.raises(UsageError, match=r"the names of its layers: Keras refuses it: .*a_1.* is used 2 times"):
        build(written("s.toml", text + "[inputs.y]\nshape = [4, 4]\n"))
