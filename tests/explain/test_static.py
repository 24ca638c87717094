from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from perfgate.errors import InvalidRunError, UsageError
from perfgate.explain.explanation import ChangeKind, StaticDifferences
from perfgate.explain.static import static_differences
from perfgate.model.messages import SavedModel
from perfgate.model.saved_model import open_model
from tests.explain.graphs import Spec, constant, perceptron, save, spec, weight
from tests.model.test_checkpoint import entry, table, write


def differences(old: Path, new: Path, key: str = "serving_default") -> StaticDifferences:
    return static_differences(open_model(str(old), old), open_model(str(new), new), key)


def facts(found: StaticDifferences) -> dict[str, tuple[str, str]]:
    return {fact.name: fact.values for fact in found.facts}


def between(home: Path, old: Sequence[Spec], new: Sequence[Spec]) -> StaticDifferences:
    return differences(save(home / "old", old), save(home / "new", new))


def test_a_model_and_itself_differ_in_nothing(tmp_path: Path) -> None:
    found = between(tmp_path, perceptron(16, 8, 4), perceptron(16, 8, 4))
    assert (found.op_counts, found.nodes, found.node_changes) == ((), (), (0, 0, 0))
    assert all(old == new for old, new in facts(found).values())
    assert [tensor.name for tensor in found.tensors][:2] == ["dense_0/kernel", "dense_1/kernel"]


def test_what_a_model_is_made_of(tmp_path: Path) -> None:
    home = save(tmp_path / "1", perceptron(16, 8))
    (home / "assets").mkdir()
    (home / "assets" / "vocabulary.txt").write_text("a\nb\n")
    (home / "assets.extra").mkdir()
    (home / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"12345")
    write(home, table({b"a": entry(512, 1, 16, 8), b"b": entry(32, 2, 8)}))
    found = {name: value for name, (value, _) in facts(differences(home, home)).items()}
    digest = found.pop("variables").rpartition(", ")
    assert digest[0] == "2, 544 bytes"
    assert len(digest[2]) == 12
    assert found == {
        "size on disk": f"{open_model(str(home), tmp_path).size_bytes} bytes",
        "TensorFlow": "2.21.0",
        "tags": "serve",
        "signatures": "serving_default",
        "nodes": "9",
        "functions": "0",
        "constants": "none",
        "warm-up requests": "5 bytes, 5994471abb01",
        "asset vocabulary.txt": "4 bytes, 911169ddaaf1",
        "nodes that the signature runs": "9",
        "input x": "float32[?, 16]",
        "output y0": "float32[?, 4]",
    }


def test_what_one_model_lacks_is_empty(tmp_path: Path) -> None:
    old, new = save(tmp_path / "1", perceptron(16, 8)), save(tmp_path / "2", perceptron(16, 8))
    (new / "assets").mkdir()
    (new / "assets" / "v").write_text("")
    assert facts(differences(old, new))["asset v"] == ("", "0 bytes, e3b0c44298fc")


def _with_weights(home: Path, key: bytes, crc32c: int) -> Path:
    return write(save(home, perceptron(16, 8)), table({key: entry(512, crc32c, 16, 8)}))


def test_other_weights_are_seen_and_other_names_are_not_weights(tmp_path: Path) -> None:
    base = _with_weights(tmp_path / "1", b"a", 1)
    renamed, trained = _with_weights(tmp_path / "2", b"b", 1), _with_weights(tmp_path / "3", b"a", 2)
    old, new = facts(differences(base, renamed))["variables"]
    assert old == new
    old, new = facts(differences(base, trained))["variables"]
    assert old != new


def test_other_constants_are_seen(tmp_path: Path) -> None:
    def scaled(factor: float, name: str) -> list[Spec]:
        x = spec("x", "Placeholder", dtype="float32", shape=(-1, 16))
        return [x, constant(name, float_val=[factor]), spec("out", "Mul", "x", name, T="float32")]

    same, other = (
        between(tmp_path / "a", scaled(2, "c"), scaled(2, "d")),
        between(tmp_path / "b", scaled(2, "c"), scaled(3, "c")),
    )
    assert facts(same)["constants"][0] == facts(same)["constants"][1]
    assert facts(other)["constants"][0] != facts(other)["constants"][1]
    assert facts(other)["constants"][0].startswith("1, 4 bytes, ")
    assert other.node_changes == (0, 0, 0)


def test_a_damaged_index_of_variables_is_told_and_ends_nothing(tmp_path: Path) -> None:
    home = write(save(tmp_path / "1", perceptron(16, 8)), b"index")
    assert facts(differences(home, home))["variables"] == ("the index is damaged",) * 2


def test_a_layer_more(tmp_path: Path) -> None:
    found = between(tmp_path, perceptron(16, 8, 4), perceptron(16, 8, 8, 4))
    assert found.node_changes == (7, 0, 0)
    assert [(c.op, c.count) for c in found.op_counts] == [
        ("MatMul", (2, 3)), ("BiasAdd", (2, 3)), ("Relu", (2, 3)), ("ReadVariableOp", (4, 6)), ("VarHandleOp", (4, 6)),
    ]  # fmt: skip
    assert found.op_counts[0].flops == (2 * (16 * 8 + 8 * 4), 2 * (16 * 8 + 8 * 8 + 8 * 4))
    first = found.nodes[0]
    assert (first.kind, first.op, first.detail) == (ChangeKind.ADDED, "MatMul", "result [?, 8]; weights float32[8, 8]")
    assert [node.op for node in found.nodes][:3] == ["MatMul", "BiasAdd", "Relu"]
    assert (found.tensors[0].shapes, found.tensors[0].size_bytes) == (("", "float32[8, 8]"), (0, 256))


def test_what_was_removed_is_told_with_what_it_read(tmp_path: Path) -> None:
    found = between(tmp_path, perceptron(16, 8, 8, 4), perceptron(16, 8, 4))
    assert found.node_changes == (0, 7, 0)
    assert {node.kind for node in found.nodes} == {ChangeKind.REMOVED}
    assert found.nodes[0].detail == "result [?, 8]; weights float32[8, 8]"


def test_a_wider_type_and_wider_weights_are_told_apart(tmp_path: Path) -> None:
    def cast(specs: Sequence[Spec], dtype: str) -> list[Spec]:
        return [replace(e, attributes={**e.attributes, "T": dtype}) if e.op == "MatMul" else e for e in specs]

    doubled = between(tmp_path / "a", perceptron(16, 8), cast(perceptron(16, 8), "float64"))
    assert [(node.name, node.detail) for node in doubled.nodes] == [("dense_0/MatMul", "T float32 -> float64")]
    assert [finding.code for finding in doubled.findings] == ["float64"]
    wider = between(tmp_path / "b", perceptron(16, 8), cast(perceptron(16, 12), "float64"))
    details = {node.name: node.detail for node in wider.nodes}
    assert details["dense_0/MatMul"] == "T float32 -> float64; weights float32[16, 8] -> float32[16, 12]"
    assert details["dense_0/kernel"] == "float32[16, 8] -> float32[16, 12]"


def test_a_changed_parameter_is_told(tmp_path: Path) -> None:
    def summed(*axes: int) -> list[Spec]:
        x = spec("x", "Placeholder", dtype="float32", shape=(-1, 16))
        axis = constant("axis", len(axes), dtype="int32", int_val=axes)
        return [x, axis, spec("out", "Sum", "x", "axis", T="float32")]

    found = between(tmp_path / "a", summed(0), summed(1))
    (other,) = found.nodes
    assert found.tensors == ()  # it is no weight
    assert (other.name, other.detail) == ("axis", "other values")
    more = {node.name: node.detail for node in between(tmp_path / "b", summed(1), summed(0, 1)).nodes}
    assert more == {"out": "parameters int32[1] -> int32[2]", "axis": "int32[1] -> int32[2]"}


def test_lists_are_bounded_and_counts_are_not(tmp_path: Path) -> None:
    found = between(tmp_path, perceptron(16, 8), perceptron(16, *[8] * 60))
    assert found.node_changes == (59 * 7, 0, 0)
    assert (len(found.nodes), len(found.tensors)) == (200, 30)


def test_weights_that_differ_come_before_larger_ones_that_do_not(tmp_path: Path) -> None:
    def model(rows: int) -> list[Spec]:
        body = [spec("a", "Mul", "big/read", "small/read"), spec("out", "AddV2", "a", "x", T="float32")]
        return [spec("x", "Placeholder"), *weight("big", 1000, 1000), *weight("small", rows), *body]

    found = between(tmp_path, model(10), model(12)).tensors
    assert [(tensor.name, tensor.size_bytes) for tensor in found] == [
        ("small", (40, 48)),
        ("big", (4_000_000, 4_000_000)),
    ]


def test_constants_count_as_weights_if_they_are_large(tmp_path: Path) -> None:
    x = spec("x", "Placeholder")
    folded = [x, constant("table", 64, 64), spec("out", "Mul", "x", "table", T="float32")]
    (found,) = between(tmp_path, [x, constant("one"), spec("out", "Mul", "x", "one", T="float32")], folded).tensors
    assert (found.kind, found.shapes, found.size_bytes) == (
        "constant",
        ("float32[]", "float32[64, 64]"),
        (4, 4 * 64 * 64),
    )


@pytest.mark.parametrize("key", ["other", "neither"])
def test_without_the_signature_in_both_there_are_facts_only(tmp_path: Path, key: str) -> None:
    old, new = save(tmp_path / "1", perceptron(16, 8)), save(tmp_path / "2", perceptron(16, 8, 4), key="other")
    found = differences(old, new, key)
    assert (found.op_counts, found.nodes, found.tensors, found.findings) == ((), (), (), ())
    assert facts(found)["nodes"] == ("9", "16")
    assert facts(found)["signatures"] == ("serving_default", "other")


def test_a_damaged_graph_is_an_error_in_a_line(tmp_path: Path) -> None:
    whole = save(tmp_path / "1", perceptron(16, 8))
    broken = save(tmp_path / "2", [each for each in perceptron(16, 8) if each.op != "MatMul"])
    with pytest.raises(InvalidRunError) as caught:
        differences(whole, broken)
    assert caught.value.problem == f"{broken}: the graph is damaged: node 'dense_0/MatMul' is missing"


def test_the_garbage_collector_is_left_as_it_was(tmp_path: Path) -> None:
    model = save(tmp_path / "1", perceptron(16, 8))
    differences(model, model)
    assert gc.isenabled()
    with pytest.raises(InvalidRunError):
        between(tmp_path / "2", perceptron(16, 8), perceptron(16, 8)[1:])
    assert gc.isenabled()


def test_a_model_that_is_gone_is_an_error_in_a_line(tmp_path: Path) -> None:
    model = open_model(str(save(tmp_path / "1", perceptron(16, 8))), tmp_path)
    (tmp_path / "1" / "saved_model.pb").unlink()
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        static_differences(model, model, "serving_default")


def test_bytes_that_are_no_model_are_an_error(tmp_path: Path) -> None:
    model = open_model(str(save(tmp_path / "1", perceptron(16, 8))), tmp_path)
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"\xff" * 10)
    with pytest.raises(InvalidRunError, match="is damaged"):
        static_differences(model, model, "serving_default")
    (tmp_path / "1" / "saved_model.pb").write_bytes(SavedModel().SerializeToString())
    with pytest.raises(InvalidRunError, match="no meta graph"):
        static_differences(model, model, "serving_default")
