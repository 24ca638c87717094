"""Causes in the graph: small models whose difference is known, with invented times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from perfgate.explain.cause_table import BY_CODE
from perfgate.explain.classify import _RULES
from perfgate.explain.components import components, request_independent
from perfgate.explain.explanation import Cause, ChangeKind
from perfgate.explain.graph_causes import graph_causes
from perfgate.explain.traces import compare_graphs
from perfgate.trials import Arm
from tests.explain.graphs import Spec, constant, spec, weight
from tests.explain.measured import Design, Version, evidence

EXECUTE_MS = 1.0


def _op(name: str, op: str, *inputs: str, **attributes: Any) -> Spec:
    return spec(name, op, *inputs, **{"T": "float32", **attributes})


def _layer(name: str, source: str, columns: int = 8) -> list[Spec]:
    product = _op(f"{name}/MatMul", "MatMul", source, f"{name}/w/read", shape=(4, columns))
    return [*weight(f"{name}/w", 8, columns), product, _op(f"{name}/Tanh", "Tanh", product.name, shape=(4, columns))]


def _model(*parts: Spec | Sequence[Spec], end: str) -> tuple[Spec, ...]:
    specs = [each for part in parts for each in ([part] if isinstance(part, Spec) else part)]
    return *specs, _op("out", "Softmax", end)


TABLE = weight("table", 100, 8)
FIRST = _layer("first", "x")
PLAIN = Version(_model(FIRST, end="first/Tanh"))


def _behind(*added: Spec, end: str) -> Version:
    """Return the plain model with more between its layer and its end."""
    return Version(_model(FIRST, *added, end=end))


def _looked_up(*more: Spec, end: str) -> Version:
    gather = spec("one", "GatherV2", "table/read", "ids", "axis", Tparams="float32", Tindices="int64")
    ids = _op("ids", "Cast", "x", SrcT="float32", DstT="int64")
    return Version(_model(TABLE, constant("axis", dtype="int32"), ids, gather, *more, end=end))


def _wide(dtype: str) -> Version:
    return Version(_model(_op("square", "Mul", "x", "x", T=dtype), _op("turn", "Neg", "square", T=dtype), end="turn"))


def _fused(*body: Spec) -> Version:
    return Version(_model(weight("w", 8, 8), weight("b", 8), *body, end="layer/Relu"))


def _scaled(*specs: Spec) -> Version:
    return Version(_model(*specs, _op("scale", "Mul", "x", "factor"), end="scale"))


class Case(NamedTuple):
    code: str
    old: Version
    new: Version
    names: tuple[str, ...]
    """Names of some of the operations that the cause is."""


CASES = {
    "dropout": Case(
        "training mode", PLAIN,
        _behind(
            spec("drop/size", "Shape", "first/Tanh", T="float32"),
            spec("drop/random", "RandomUniform", "drop/size", T="int32", dtype="float32"),
            _op("drop/keep", "GreaterEqual", "drop/random", "first/Tanh"),
            _op("drop/mul", "Mul", "first/Tanh", "drop/keep"), end="drop/mul",
        ), ("drop/random", "drop/mul"),
    ),
    "batch norm": Case(
        "training mode",
        _behind(_op("norm", "FusedBatchNormV3", "first/Tanh", is_training=False), end="norm"),
        replace(
            _behind(_op("norm", "FusedBatchNormV3", "first/Tanh", is_training=True), end="norm"), ms={"norm": 0.3}
        ), ("norm",),
    ),
    "XLA": Case("first request slow", PLAIN, _behind(_op("jit", "_XlaRun", "first/Tanh"), end="jit"), ("jit",)),
    "loop": Case(
        "loop", PLAIN,
        replace(
            _behind(
                spec("map/list", "TensorListFromTensor", "first/Tanh"), _op("map/Exp", "Exp", "map/list"),
                spec("map/stack", "TensorListStack", "map/Exp"), end="map/stack",
            ), calls={"map/Exp": 16},
        ), ("map/Exp",),
    ),
    "strings": Case("string ops", PLAIN, _behind(spec("low", "StringLower", "first/Tanh"), end="low"), ("low",)),
    "float64": Case(
        "dtype widened", _wide("float32"), replace(_wide("float64"), ms={"square": 0.2, "turn": 0.2}),
        ("square", "turn"),
    ),
    "replaced by float64": Case(
        "dtype widened", _wide("float32"),
        Version(
            _model(
                _op("up", "Cast", "x", SrcT="float32", DstT="float64", T="int32"),
                _op("power", "Pow", "up", "up", T="float64"), end="power",
            ), ms={"power": 0.4},
        ), ("power",),
    ),
    "int64": Case(
        "dtype widened",
        _behind(spec("ids", "Cast", "first/Tanh", SrcT="float32", DstT="int32"), end="ids"),
        replace(
            _behind(spec("ids", "Cast", "first/Tanh", SrcT="float32", DstT="int64"), end="ids"), ms={"ids": 0.2}
        ), ("ids",),
    ),
    "fusion": Case(
        "fusion lost",
        _fused(_op("layer/Relu", "_FusedMatMul", "x", "w/read", "b/read", fused_ops=["BiasAdd", "Relu"])),
        _fused(
            _op("layer/MatMul", "MatMul", "x", "w/read"), _op("layer/BiasAdd", "BiasAdd", "layer/MatMul", "b/read"),
            _op("layer/Relu", "Relu", "layer/BiasAdd"),
        ), ("layer/MatMul", "layer/BiasAdd", "layer/Relu"),
    ),
    "lookup": Case(
        "embedding repeated", _looked_up(end="one"),
        _looked_up(
            _op("ids/again", "Cast", "ids", SrcT="int64", DstT="int64"),
            spec("two", "GatherV2", "table/read", "ids/again", "axis", Tparams="float32", Tindices="int64"),
            _op("sum", "Sub", "one", "two"), end="sum",
        ), ("two",),
    ),
    "folding": Case(
        "folding lost", _scaled(constant("factor", 8)),
        replace(
            _scaled(constant("seed", 8), _op("sine", "Sin", "seed"), _op("factor", "Exp", "sine")),
            ms={"sine": 0.2, "factor": 0.2},
        ), ("sine", "factor"),
    ),
    "wider": Case(
        "shape grown", Version(_model(_layer("first", "x", 8), end="first/Tanh")),
        Version(_model(_layer("first", "x", 16), end="first/Tanh"), ms={"first/MatMul": 0.2}),
        ("first/MatMul",),
    ),
    "larger result": Case(
        "shape grown",
        _behind(_op("tile", "Tile", "first/Tanh", shape=(8, 8), times=1), end="tile"),
        replace(
            _behind(_op("tile", "Tile", "first/Tanh", shape=(16, 8), times=2), end="tile"), ms={"tile": 0.2}
        ), ("tile",),
    ),
    "calls": Case(
        "more calls",
        _behind(_op("sum", "CumSum", "first/Tanh", reverse=False), end="sum"),
        replace(_behind(_op("sum", "CumSum", "first/Tanh", reverse=True), end="sum"), calls={"sum": 3}), ("sum",),
    ),
    "added": Case("op added", PLAIN, _behind(*_layer("extra", "first/Tanh"), end="extra/Tanh"), ("extra/MatMul",)),
    "changed": Case(
        "op changed",
        _behind(_op("sum", "CumSum", "first/Tanh", reverse=False), end="sum"),
        replace(_behind(_op("sum", "CumSum", "first/Tanh", reverse=True), end="sum"), ms={"sum": 0.2}), ("sum",),
    ),
    "removed": Case(
        "op removed", _behind(*_layer("extra", "first/Tanh"), end="extra/Tanh"), PLAIN, ("extra/MatMul", "extra/Tanh"),
    ),
}  # fmt: skip


def _causes(old: Version, new: Version, design: Design | None = None) -> list[tuple[Cause, float]]:
    found = evidence(old, new, *([design] if design else []))
    assert found.traced is not None
    return list(graph_causes(found.traced, found.tensors, EXECUTE_MS))


@pytest.mark.parametrize("name", CASES)
def test_each_cause_is_named(name: str) -> None:
    case = CASES[name]
    ((cause, weight_of_it),) = _causes(case.old, case.new)
    assert cause.code == case.code, cause
    assert cause.remedy == BY_CODE[case.code].remedy
    assert set(case.names) <= set(cause.ops)
    assert cause.change_ms is not None
    change_ms = case.new.whole_ms() - case.old.whole_ms()
    assert cause.change_ms.low < change_ms < cause.change_ms.high
    assert cause.change_ms.is_zero_excluded
    assert weight_of_it == pytest.approx(change_ms / EXECUTE_MS, rel=0.05)
    assert "could be the same" not in cause.sentence
    assert cause.sentence.startswith(BY_CODE[case.code].meaning[:-1])


def test_there_is_a_case_of_each_code() -> None:
    assert {case.code for case in CASES.values()} == {code for code, _ in _RULES}


@pytest.mark.parametrize("name", CASES)
def test_models_that_are_equal_have_no_cause(name: str) -> None:
    assert _causes(CASES[name].new, CASES[name].new) == []


def _two(*, scaled: bool, extra: bool) -> Version:
    """Return two layers, with an operation more behind the first, and another factor before the second."""
    between = [_op("extra", "Exp", "first/Tanh")] if extra else []
    factor = [constant("seed", 8), _op("factor", "Sin", "seed")] if scaled else [constant("factor", 8)]
    end = _op("join", "AddV2", "second/Tanh", "scale")
    scale = [*factor, _op("scale", "Mul", "x", "factor")]
    second = _layer("second", "extra" if extra else "first/Tanh")
    return Version(_model(FIRST, *between, *second, *scale, end, end="join"))


def test_changes_that_have_nothing_to_do_with_each_other_are_two_causes() -> None:
    found = _causes(_two(scaled=False, extra=False), _two(scaled=True, extra=True))
    assert {cause.code: cause.ops[0] for cause, _ in found} == {"op added": "extra", "folding lost": "factor"}


def test_groups_of_one_cause_are_added_up() -> None:
    both = _behind(_op("one", "Exp", "first/Tanh"), _op("again", "Softmax", "one"), _op("two", "Exp", "again"),
                   end="two")  # fmt: skip
    old = _behind(_op("again", "Softmax", "first/Tanh"), end="again")
    ((cause, share),) = _causes(old, both)
    assert (cause.code, set(cause.ops)) == ("op added", {"one", "two"})
    assert share == pytest.approx(0.2, rel=0.05)


def test_an_operation_that_was_exchanged_for_one_of_the_same_time_is_named_without_certainty() -> None:
    old, new = (_behind(_op("act", op, "first/Tanh"), end="act") for op in ("Elu", "Selu"))
    ((cause, share),) = _causes(old, new)
    assert cause.sentence.endswith("; the time could be the same")
    assert (cause.code, set(cause.ops), share) == ("op added", {"act"}, 0.0)
    light = {"act": 0.5 * 0.01 * EXECUTE_MS}
    assert _causes(replace(old, ms=light), replace(new, ms=light)) == [], "less than 1% of the execution time"


def test_an_operation_that_costs_almost_nothing_is_no_cause() -> None:
    old, new = PLAIN, replace(_behind(_op("act", "Exp", "first/Tanh"), end="act"), ms={"act": 0.0008})
    assert _causes(old, new) == []
    assert len(_causes(old, replace(new, ms={"act": 0.0012}))) == 1


def test_what_only_brings_something_is_no_cause() -> None:
    slow = {"pass": 0.2, "pass/more": 0.2}
    new = _behind(_op("pass", "Identity", "first/Tanh"), _op("pass/more", "Identity", "pass"), end="pass/more")
    assert _causes(PLAIN, replace(new, ms=slow)) == []


def test_evidence_is_the_weightiest_operations_with_their_numbers() -> None:
    ((cause, _),) = _causes(*CASES["loop"][1:3])
    first = cause.evidence[0]
    assert first.startswith("added Exp map/Exp: +1.6 ms [+1.")
    assert first.endswith(", 0 -> 16.0 executions a request")
    ((wider, _),) = _causes(*CASES["wider"][1:3])
    assert any("weights float32[8, 8] -> float32[8, 16]" in each for each in wider.evidence)


def test_a_sentence_says_where_and_at_most_three_places() -> None:
    ((cause, _),) = _causes(*CASES["added"][1:3])
    assert cause.sentence == "Operations were added in extra"
    layers = [_op(f"s{number}/op", "Exp", f"s{number - 1}/op" if number else "first/Tanh") for number in range(5)]
    ((cause, _),) = _causes(PLAIN, _behind(*layers, end="s4/op"))
    assert cause.sentence.endswith(" and 2 more")
    assert len(cause.sentence.split(", ")) == 3
    ((cause, _),) = _causes(PLAIN, _behind(_op("act", "Exp", "first/Tanh"), end="act"))
    assert cause.sentence == "Operations were added", "a name without a scope"


def _parts(old: Version, new: Version) -> set[frozenset[str]]:
    compared = compare_graphs({Arm.BASELINE: old.executed(), Arm.CANDIDATE: new.executed()})
    assert all(compared.units[n].kind is not ChangeKind.SAME for each in components(compared) for n in each)
    return {frozenset(compared.node(compared.units[n]).op for n in each) for each in components(compared)}


def test_what_takes_the_same_place_is_one_group() -> None:
    """An operation that is fused is not connected with its parts, which only feed the same one."""
    old, new = CASES["fusion"][1:3]
    assert _parts(old, new) == {frozenset({"_FusedMatMul", "MatMul", "BiasAdd", "Relu"})}


def test_what_is_far_apart_is_several_groups() -> None:
    old, new = _two(scaled=False, extra=False), _two(scaled=True, extra=True)
    groups = _parts(old, new)
    assert {frozenset({"Exp"})} < groups
    assert all(not {"Exp", "Sin"} <= group for group in groups)
    assert _parts(new, new) == set()


def test_what_no_input_reaches_is_independent_of_the_request() -> None:
    executed = CASES["folding"].new.executed()
    graph = compare_graphs(dict.fromkeys(Arm, executed)).graphs[Arm.BASELINE]
    found = {graph.nodes[number].name for number in request_independent(graph)}
    assert found == {"seed", "sine", "factor"}
