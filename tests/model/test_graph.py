from __future__ import annotations

import gc
from typing import Any

import pytest

from perfgate.errors import InvalidRunError
from perfgate.model.attributes import bytes_of
from perfgate.model.graph import Graph, Node, executed_graph, signature_graph
from perfgate.model.messages import SignatureDef
from perfgate.model.scopes import COMPILED, Scope
from tests.explain.graphs import Spec, constant, function, graph_of, signature, spec, weight

X = spec("x", "Placeholder", dtype="float32", shape=(-1, 4))


def named(graph: Graph) -> dict[str, Node]:
    return {node.name: node for node in graph.nodes}


def inputs(graph: Graph, name: str) -> list[str]:
    return [graph.nodes[edge.node].name for edge in named(graph)[name].inputs]


def call(name: str, called: str, *given: str, op: str = "StatefulPartitionedCall", **more: Any) -> Spec:
    return spec(name, op, *given, f=f"@{called}", **more)


def test_producers_come_before_consumers() -> None:
    graph = signature_graph(
        graph_of(spec("c", "Add", "a", "b"), spec("b", "Neg", "a"), spec("a", "Relu", "x"), X), signature(["c:0"])
    )
    assert [node.name for node in graph.nodes] == ["x", "a", "b", "c"]
    assert all(edge.node < number for number, node in enumerate(graph.nodes) for edge in node.inputs)


def test_only_what_an_output_needs_is_read() -> None:
    assert named(
        signature_graph(graph_of(X, spec("a", "Relu", "x"), spec("b", "Neg", "x")), signature(["a:0"]))
    ).keys() == {
        "x",
        "a",
    }


def test_calls_are_inlined_and_their_arguments_are_what_they_stand_for() -> None:
    graph = graph_of(X, *weight("w", 4, 8), call("outer_call", "outer", "x", "w"))
    read = spec("read", "ReadVariableOp", "b")
    function(graph, "inner", ["b", "a"], [read, spec("m", "MatMul", "a", "read:value:0")], {"r": "m:product:0"})
    function(
        graph,
        "outer",
        ["p", "q"],
        [call("inner_call", "inner", "q", "p", op="PartitionedCall")],
        {"out": "inner_call:output:0"},
    )
    found = signature_graph(graph, signature(["outer_call:0"], {"x": "x:0"}))
    assert named(found).keys() == {"x", "w", "outer_call/inner_call/read", "outer_call/inner_call/m"}
    assert inputs(found, "outer_call/inner_call/m") == ["x", "outer_call/inner_call/read"]
    assert inputs(found, "outer_call/inner_call/read") == ["w"]


def test_a_function_that_returns_its_argument_leaves_nothing() -> None:
    graph = graph_of(X, call("c", "same", "x"), spec("y", "Relu", "c"))
    function(graph, "same", ["a"], [], {"r": "a"})
    assert inputs(signature_graph(graph, signature(["y:0"])), "y") == ["x"]


def test_a_function_is_called_by_its_name_too_and_several_results_are_told_apart() -> None:
    graph = graph_of(X, spec("c", "both", "x"), spec("y", "Sub", "c:1", "c"))
    function(
        graph,
        "both",
        ["a"],
        [spec("n", "Neg", "a"), spec("r", "Relu", "a")],
        {"one": "n:y:0", "two": "r:activations:0"},
    )
    assert inputs(signature_graph(graph, signature(["y:0"])), "y") == ["c/r", "c/n"]


def test_two_calls_of_a_function_are_two_copies() -> None:
    graph = graph_of(X, call("one", "f", "x"), call("two", "f", "one"))
    function(graph, "f", ["a"], [spec("n", "Neg", "a")], {"r": "n:y:0"})
    assert inputs(signature_graph(graph, signature(["two:0"])), "two/n") == ["one/n"]


def test_waiting_for_a_call_is_waiting_for_what_it_must_run() -> None:
    graph = graph_of(X, call("c", "f", "x"), spec("y", "Relu", "x", "^c"))
    function(graph, "f", ["a"], [spec("said", "Print", "a"), spec("n", "Neg", "a")], {"r": "n:y:0"}, control=["said"])
    found = signature_graph(graph, signature(["y:0"]))
    assert [found.nodes[number].name for number in named(found)["y"].controls] == ["c/said"]
    assert "c/n" not in named(found)


def test_a_loop_reads_its_inputs_and_the_results_of_its_functions() -> None:
    graph = graph_of(X, spec("while", "While", "x", cond="@cond", body="@body"))
    function(graph, "body", ["a"], [spec("step", "Neg", "a")], {"r": "step:y:0"})
    function(graph, "cond", ["a"], [spec("less", "Less", "a")], {"r": "less:z:0"})
    assert inputs(signature_graph(graph, signature(["while:0"])), "while") == ["x", "while/step", "while/less"]


def test_a_branch_passes_all_inputs_but_the_first() -> None:
    chosen = spec("chosen", "Placeholder", dtype="bool")
    graph = graph_of(X, chosen, spec("if", "If", "chosen", "x", then_branch="@then", else_branch="@other"))
    function(graph, "then", ["a"], [spec("n", "Neg", "a")], {"r": "n:y:0"})
    function(graph, "other", ["a"], [], {"r": "a"})
    found = signature_graph(graph, signature(["if:0"]))
    assert inputs(found, "if") == ["chosen", "x", "x", "if/n"]
    assert inputs(found, "if/n") == ["x"]


@pytest.mark.parametrize("where", ["call", "function"])
def test_what_xla_compiles_stays_one_operation(where: str) -> None:
    graph = graph_of(X, call("c", "f", "x", _XlaMustCompile=where == "call"))
    function(graph, "f", ["a"], [spec("n", "Neg", "a")], {"r": "n:y:0"}, compiled=where == "function")
    found = named(signature_graph(graph, signature(["c:0"])))
    assert found.keys() == {"x", "c"}
    assert (COMPILED, "True") in found["c"].attributes


def test_a_function_that_calls_itself_ends() -> None:
    graph = graph_of(X, call("c", "f", "x"))
    body = [spec("again", "If", "a", "a", then_branch="@f", else_branch="@g"), spec("n", "Neg", "again:output:0")]
    function(graph, "f", ["a"], body, {"r": "n:y:0"})
    function(graph, "g", ["a"], [], {"r": "a"})
    assert named(signature_graph(graph, signature(["c:0"]))).keys() == {"x", "c/again", "c/n"}


def test_what_is_above_a_fed_tensor_does_not_run() -> None:
    """A signature of TensorFlow 1 may begin behind the parsing."""
    graph = graph_of(spec("raw", "Placeholder"), spec("parsed", "DecodeRaw", "raw"), spec("y", "Relu", "parsed"))
    found = named(signature_graph(graph, signature(["y:0"], {"features": "parsed:0"})))
    assert found.keys() == {"parsed", "y"}
    assert found["parsed"].attributes == (("name", "features"),)


def test_a_node_of_a_function_is_no_input_because_of_its_name() -> None:
    graph = graph_of(X, call("c", "f", "x"))
    function(graph, "f", ["a"], [spec("x", "Neg", "a")], {"r": "x:y:0"})
    assert inputs(signature_graph(graph, signature(["c:0"], {"x": "x:0"})), "c/x") == ["x"]


def test_all_tensors_of_a_sparse_or_composite_output_are_read() -> None:
    made = SignatureDef()
    sparse = made.outputs["s"].coo_sparse
    sparse.values_tensor_name, sparse.indices_tensor_name, sparse.dense_shape_tensor_name = "a:0", "b:0", "c:0"
    made.outputs["t"].composite_tensor.components.add(name="d:0")
    graph = graph_of(X, *(spec(name, "Neg", "x") for name in "abcde"))
    assert named(signature_graph(graph, made)).keys() == {"x", "a", "b", "c", "d"}


@pytest.mark.parametrize(
    ("nodes", "output"),
    [
        ([X, spec("y", "Relu", "gone")], "y:0"),
        ([X, spec("y", "Relu", "x", "^gone")], "y:0"),
        ([X], "gone:0"),
        ([X, call("y", "f", "x")], "y:3"),
        ([X, call("y", "f", "x")], "y:what"),
        ([X, call("y", "broken", "x")], "y:0"),
        ([X, spec("y", "Relu", "")], "y:0"),
    ],
)
def test_a_damaged_graph_is_an_error_in_a_line(nodes: list[Spec], output: str) -> None:
    graph = graph_of(nodes)
    function(graph, "f", ["a"], [spec("n", "Neg", "a")], {"r": "n:y:0"})
    function(graph, "broken", ["a"], [], {"r": "lost:y:0"})
    with pytest.raises(InvalidRunError, match=r"^the graph is damaged: .*") as caught:
        signature_graph(graph, signature([output]))
    assert "\n" not in caught.value.in_a_line


def test_a_graph_that_grows_without_bound_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perfgate.model.graph._MOST_NODES", 50)
    graph = graph_of(X, *(spec(f"n{n}", "Neg", f"n{n - 1}" if n else "x") for n in range(60)))
    with pytest.raises(InvalidRunError, match="more than 50 nodes"):
        signature_graph(graph, signature(["n59:0"]))


def test_a_chain_of_any_length_is_read() -> None:
    graph = graph_of(X, *(spec(f"n{n}", "Neg", f"n{n - 1}" if n else "x") for n in range(5000)))
    assert len(signature_graph(graph, signature(["n4999:0"])).nodes) == 5001


def test_nothing_holds_the_messages_afterwards() -> None:
    """They may be large, and the collector is late."""
    graph = graph_of(X, call("c", "f", "x"))
    function(graph, "f", ["a"], [spec("n", "Neg", "a")], {"r": "n:y:0"})
    gc.collect()  # what an exception of another test still holds
    gc.disable()
    try:
        signature_graph(graph, signature(["c:0"]))
        assert [each for each in gc.get_objects() if isinstance(each, Scope)] == []
    finally:
        gc.enable()


def test_the_ends_of_an_executed_graph_get_the_signatures_names() -> None:
    body = [spec("_arg_b", "_Arg", index=1), spec("_arg_a", "_Arg", index=0), spec("s", "Sub", "_arg_a", "_arg_b")]
    graph = graph_of(*body, spec("_ret", "_Retval", "s", index=0), spec("alone", "NoOp"))
    found = named(executed_graph(graph, ["a", "b"], ["score"]))
    assert found["_arg_b"].attributes == (("name", "b"),)
    assert found["_ret"].attributes == (("name", "score"),)
    assert "alone" in found


def test_attributes_without_influence_are_left_out() -> None:
    node = spec("y", "Relu", "x", T="float32", shared_name="a", _class="loc", seed=4)
    found = named(signature_graph(graph_of(X, node), signature(["y:0"])))
    assert found["y"].attributes == (("T", "float32"),)


def test_weights_and_results_have_types_shapes_and_sizes() -> None:
    table = constant("c", 2, 3, dtype="int64", int64_val=range(6))
    graph = graph_of(X, *weight("w", 4, 8), table, spec("y", "Pack", "x", "w/read", "c", shape=(-1, 8)))
    found = named(signature_graph(graph, signature(["y:0"])))
    variable, kept = found["w"].tensor, found["c"].tensor
    assert variable is not None
    assert kept is not None
    assert (variable.dtype, variable.shape, variable.size_bytes, variable.is_variable) == ("float32", (4, 8), 128, True)
    assert (kept.dtype, kept.shape, kept.size_bytes, kept.is_variable) == ("int64", (2, 3), 48, False)
    assert found["y"].shapes == ((-1, 8),)


def test_the_same_numbers_have_the_same_digest_and_others_do_not() -> None:
    def content(*values: int) -> str:
        graph = graph_of(constant("c", len(values), dtype="int32", int_val=values))
        tensor = signature_graph(graph, signature(["c:0"])).nodes[0].tensor
        assert tensor is not None
        return tensor.content

    assert content(1, 2) == content(1, 2) != content(2, 1)


@pytest.mark.parametrize(
    ("dtype", "size"),
    [
        ("float32", 4),
        ("float64", 8),
        ("bfloat16", 2),
        ("bool", 1),
        ("complex64", 8),
        ("uint8", 1),
        ("string", 0),
        ("dtype 20", 0),
    ],
)
def test_sizes_of_elements(dtype: str, size: int) -> None:
    assert bytes_of(dtype) == size
