from __future__ import annotations

from pathlib import Path

import pytest

from perfgate.explain.findings import KINDS, findings_of
from tests.explain.graphs import Spec, read, spec


def codes(*body: Spec) -> dict[str, tuple[int, int]]:
    """Return what is found in a graph and not in an empty one."""
    x, out = spec("x", "Placeholder", dtype="float32"), spec("out", "Identity", "last", T="float32")
    old, new = read([x, spec("last", "Relu", "x", T="float32"), out]), read([x, *body, out])
    return {found.code: found.nodes for found in findings_of(old, new)}


DROPOUT = (
    spec("random", "StatelessRandomUniformV2", dtype="float32"), spec("scaled", "Mul", "random", "x", T="float32"),
    spec("kept", "GreaterEqual", "scaled", "x", T="float32"), spec("last", "SelectV2", "kept", "x", "x", T="float32"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("code", "body"),
    [
        ("training mode", DROPOUT),
        ("training mode", [spec("last", "FusedBatchNormV3", "x", T="float32", is_training=True)]),
        ("random ops", [spec("r", "RandomStandardNormal", "x", dtype="float32"), spec("last", "Mul", "x", "r")]),
        ("python function", [spec("last", "EagerPyFunc", "x")]),
        ("string ops", [spec("last", "StringToHashBucketFast", "x")]),
        ("string ops", [spec("last", "ParseExampleV2", "x")]),
        ("compiled by XLA", [spec("last", "XlaLaunch", "x")]),
        ("control flow", [spec("last", "StatelessWhile", "x")]),
        ("control flow", [spec("last", "TensorListStack", "x")]),
        ("float64", [spec("last", "Cast", "x", SrcT="float32", DstT="float64")]),
        ("debug ops", [spec("last", "CheckNumerics", "x", T="float32")]),
    ],
)
def test_each_kind_is_found(code: str, body: list[Spec]) -> None:
    assert codes(*body) == {code: (0, 1)}


@pytest.mark.parametrize(
    "node",
    [
        spec("last", "FusedBatchNormV3", "x", T="float32", is_training=False),
        spec("last", "LookupTableFindV2", "x", Tin="string", Tout="int64"),
        spec("last", "Identity", "x", T="float64"),
        spec("last", "Softmax", "x", T="float32"),
    ],
)
def test_what_every_model_does_is_no_finding(node: Spec) -> None:
    assert codes(node) == {}


def test_what_both_have_is_counted_in_both_and_named_in_the_new_one() -> None:
    x = spec("x", "Placeholder")
    old = read([x, spec("a", "AsString", "x"), spec("out", "AsString", "a")])
    new = read([x, spec("b", "AsString", "x"), spec("out", "Identity", "b")])
    (found,) = findings_of(old, new)
    assert (found.nodes, found.example) == ((2, 1), "b")


def test_what_was_removed_is_named_in_the_old_one() -> None:
    x = spec("x", "Placeholder")
    (found,) = findings_of(read([x, spec("out", "Print", "x")]), read([x, spec("out", "Identity", "x")]))
    assert (found.nodes, found.example) == ((1, 0), "out")


def test_codes_are_unique() -> None:
    assert len({kind.code for kind in KINDS}) == len(KINDS)


def test_the_page_lists_them() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "compare-two-graphs.md"
    rows = [line for line in page.read_text().splitlines() if line.startswith("| `")]
    assert rows == [f"| `{kind.code}` | {kind.meaning} |" for kind in KINDS]
