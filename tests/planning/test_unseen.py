from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from perfgate.model.interface import Model, Signature, TensorSpec
from perfgate.planning.answer import Unseen
from perfgate.planning.unseen import unseen_of
from perfgate.scenario.schema import Scenario

FEATURES = TensorSpec("features", "float32", (None, 64))
USER = TensorSpec("user", "int64", (None, 20))
WEIGHTS = {"sparsity", "denormals"}
"""What is never seen."""


def _unseen(
    inputs: tuple[TensorSpec, ...] = (FEATURES,),
    ops: tuple[str, ...] = ("MatMul",),
    ids: dict[str, int] | None = None,
    **scenario: Any,
) -> dict[str, Unseen]:
    signature = Signature("serving_default", "tensorflow/serving/predict", inputs, ())
    model = Model(Path("m"), "m", 1, "", 1, ("serve",), (signature,), tuple((op, 1) for op in ops))
    found = unseen_of(model, signature, Scenario.model_validate(scenario), ids or {})
    assert len({each.code for each in found}) == len(found)
    assert all(each.sentence for each in found)
    return {each.code: each for each in found}


def test_of_a_plain_model_only_the_weights_are_not_seen() -> None:
    assert set(_unseen()) == WEIGHTS


def test_evenly_drawn_ids_are_named_with_the_key_that_changes_them() -> None:
    found = _unseen((FEATURES, USER), ids={"user": 10_000})["embedding skew"]
    assert "ids of user are equally frequent here" in found.sentence
    assert found.remedy == 'set distribution = "zipf" under [payload.inputs.user]'


@pytest.mark.parametrize("key", ["user", "us*", "*"])
def test_skewed_ids_ask_whether_they_are_the_users(key: str) -> None:
    inputs = {key: {"distribution": "zipf", "exponent": 1.2}}
    found = _unseen((USER,), ids={"user": 10_000}, payload={"inputs": inputs})["embedding skew"]
    assert "user with exponent 1.2" in found.sentence
    assert found.remedy == ""


def test_a_name_goes_before_a_pattern() -> None:
    inputs = {"*": {"distribution": "zipf"}, "user": {"low": 0}}
    found = _unseen((USER,), ids={"user": 10_000}, payload={"inputs": inputs})["embedding skew"]
    assert "equally frequent" in found.sentence


def test_several_inputs_of_ids_are_listed() -> None:
    items = TensorSpec("items", "int64", (None, 3))
    found = _unseen((USER, items), ids={"user": 9, "items": 9, "shops": 4})["embedding skew"]
    assert "ids of user, items and shops are" in found.sentence


def test_made_up_words_are_named() -> None:
    text = TensorSpec("text", "string", (None,))
    found = _unseen((text,))["vocabularies"]
    assert "the words of text are made up" in found.sentence
    assert found.remedy == "set vocabulary under [payload.inputs.text]"
    by_graph = _unseen(ops=("MatMul", "LookupTableFindV2"))["vocabularies"]
    assert "the words are made up" in by_graph.sentence
    assert by_graph.remedy == "record requests of your users"
    assert "vocabularies" not in _unseen(ops=("GatherV2",))


@pytest.mark.parametrize(("shape", "seen"), [((None, None), False), (None, False), ((None, 7), True), ((None,), True)])
def test_lengths_are_not_seen_where_the_shape_is_open(shape: tuple[int | None, ...] | None, seen: bool) -> None:
    found = _unseen((TensorSpec("tokens", "int64", shape),))
    assert ("sequence lengths" not in found) == seen


def test_classes_of_requests_bring_several_lengths() -> None:
    inputs = {"tokens": {"shape": (1, 16)}}
    two = {"short": {"inputs": inputs}, "long": {"inputs": {"tokens": {"shape": (1, 512)}}}}
    tokens = (TensorSpec("tokens", "int64", (None, None)),)
    assert "sequence lengths" not in _unseen(tokens, classes=two)
    assert "sequence lengths" in _unseen(tokens, payload={"inputs": inputs})


@pytest.mark.parametrize(
    ("op", "code"),
    [
        ("While", "early exits"),
        ("StatelessIf", "early exits"),
        ("NonMaxSuppressionV5", "sizes that depend on data"),
        ("Where", "sizes that depend on data"),
    ],
)
def test_operations_that_depend_on_values_are_named(op: str, code: str) -> None:
    assert set(_unseen(ops=("MatMul", op))) == {code, *WEIGHTS}


def test_sparse_operations_take_time_by_what_is_not_zero() -> None:
    sparse, dense = _unseen(ops=("SparseTensorDenseMatMul",))["sparsity"], _unseen()["sparsity"]
    assert "sparse operations" in sparse.sentence
    assert sparse.remedy == "record requests of your users"
    assert "save nothing" in dense.sentence


def test_recorded_requests_leave_only_the_weights_unseen(tmp_path: Path) -> None:
    recorded = {"source": "npz", "file": str(tmp_path / "requests.npz")}
    text = TensorSpec("text", "string", (None, None))
    drawn = _unseen((USER, text), ids={"user": 10})
    assert {"embedding skew", "vocabularies", "sequence lengths"} < set(drawn)
    assert set(_unseen((USER, text), ids={"user": 10}, payload=recorded)) == WEIGHTS
