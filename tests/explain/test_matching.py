from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from perfgate.explain.matching import label, match, source_of
from perfgate.model.graph import Edge, Graph, Node
from tests.explain.graphs import Spec, constant, perceptron, pick, random_graph, read, renamed, spec, weight

SEEDS = range(12)


def names(graph: Graph, numbers: tuple[int, ...]) -> set[str]:
    return {graph.nodes[number].name for number in numbers}


def changed_names(old: Graph, new: Graph) -> list[tuple[str, str]]:
    return [(old.nodes[a].name, new.nodes[b].name) for a, b in match(old, new).changed]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_renamed_and_shuffled_copy_has_no_difference(seed: int) -> None:
    specs = random_graph(seed, 60)
    old, new = read(specs), read(renamed(specs, seed))
    found = match(old, new)
    assert (found.changed, found.removed, found.added) == ((), (), ())
    assert sorted(a for a, _ in found.same) == sorted(b for _, b in found.same) == list(range(len(old.nodes)))


@pytest.mark.parametrize("seed", SEEDS)
def test_pairs_of_a_copy_are_the_same_place_in_the_graph(seed: int) -> None:
    """Each pair reads pairs, except where operations are alike: then the places are too."""
    specs = random_graph(seed, 60)
    old, new = read(specs), read(renamed(specs, seed))
    partner = dict(match(old, new).same)
    kept = sum(
        sorted(partner[edge.node] for edge in old.nodes[a].inputs) == sorted(edge.node for edge in new.nodes[b].inputs)
        for a, b in partner.items()
    )
    assert kept == len(old.nodes)


def _insert(specs: list[Spec], rng: np.random.Generator, op: str) -> list[Spec]:
    """Put an operation with a constant of its own between two others, neither of them a weight."""
    is_weight = {each.name for each in specs if each.op in {"VarHandleOp", "ReadVariableOp", "Const"}}
    edges = [(e, place) for e in specs for place, name in enumerate(e.inputs) if name not in is_weight]
    user, place = pick(rng, [each for each in edges if each[0].name not in is_weight])
    new = spec("inserted", op, user.inputs[place], "inserted/c", T="float32")
    inputs = tuple("inserted" if number == place else name for number, name in enumerate(user.inputs))
    return [replace(e, inputs=inputs) if e is user else e for e in specs] + [constant("inserted/c"), new]


@pytest.mark.parametrize("op", ["Mul", "AddV2", "Atan2"])
@pytest.mark.parametrize("seed", SEEDS)
def test_an_inserted_node_is_the_only_one_added(seed: int, op: str) -> None:
    specs = random_graph(seed, 60)
    old, new = read(specs), read(_insert(specs, np.random.default_rng(seed), op))
    there, back = match(old, new), match(new, old)
    assert names(new, there.added) == names(new, back.removed) == {"inserted", "inserted/c"}
    assert (there.changed, there.removed, back.changed, back.added) == ((), (), (), ())


@pytest.mark.parametrize("seed", SEEDS)
def test_an_inserted_node_of_a_renamed_graph_is_the_only_one_of_its_kind(seed: int) -> None:
    specs = random_graph(seed, 60)
    new = read(renamed(_insert(specs, np.random.default_rng(seed), "Atan2"), seed))
    found = match(read(specs), new)
    assert Counter(new.nodes[number].op for number in found.added) == {"Atan2": 1, "Const": 1}
    assert (found.changed, found.removed) == ((), ())


@pytest.mark.parametrize("seed", SEEDS)
def test_a_changed_attribute_is_the_only_change(seed: int) -> None:
    specs, rng = random_graph(seed, 60), np.random.default_rng(seed)
    victim = pick(rng, [each for each in specs if each.op in {"Relu", "Mul", "MatMul", "AddV2", "Tanh"}])
    touched = [replace(e, attributes={**e.attributes, "alpha": 7}) if e is victim else e for e in specs]
    old, new = read(specs), read(touched)
    found = match(old, new)
    assert changed_names(old, new) == [(victim.name, victim.name)]
    assert (found.removed, found.added) == ((), ())


def test_a_constant_is_what_reads_it() -> None:
    """Below, the new scale is like the old one was: it stands last."""

    def scaled(*names: str) -> Graph:
        specs, last = [spec("x", "Placeholder")], "x"
        for name in names:
            specs += [constant(f"{name}/c"), spec(name, "Mul", last, f"{name}/c", T="float32")]
            last = name
        return read([*specs, spec("out", "Identity", last, T="float32")])

    old, new = scaled("a"), scaled("a", "b")
    assert names(new, match(old, new).added) == {"b", "b/c"}


def test_a_layer_put_in_front_renumbers_nothing() -> None:
    old = read(perceptron(16, 8, 8, 4))
    specs = perceptron(16, 8, 8, 8, 4)
    new = read(specs)
    found = match(old, new)
    assert Counter(new.nodes[number].op for number in found.added) == {
        "VarHandleOp": 2, "ReadVariableOp": 2, "MatMul": 1, "BiasAdd": 1, "Relu": 1,
    }  # fmt: skip
    assert (found.changed, found.removed) == ((), ())


@pytest.mark.parametrize("scope", ["functional_1/", "functional_1_1/"])
def test_a_layer_that_begins_like_the_next_one_keeps_its_name(scope: str) -> None:
    """Both turn their input first; only names tell whose turn was added. Keras numbers models through a session."""

    def model(scope: str, *layers: tuple[str, str], alpha: int) -> Graph:
        specs, last = [spec("x", "Placeholder", dtype="float32")], "x"
        for layer, op in layers:
            turn, last, before = f"{scope}{layer}/turn", f"{scope}{layer}/{op}", last
            specs += [spec(turn, "Transpose", before, T="float32"), spec(last, op, turn, T="float32")]
        specs[-1] = replace(specs[-1], attributes={"alpha": alpha})
        return read([*specs, spec("out", "Identity", last, T="float32")])

    old = model("functional_1/", ("score", "Relu"), alpha=1)
    new = model(scope, ("tower", "Tanh"), ("score", "Relu"), alpha=2)
    assert names(new, match(old, new).added) == {f"{scope}tower/turn", f"{scope}tower/Tanh"}
    assert changed_names(old, new) == [("functional_1/score/Relu", f"{scope}score/Relu")]


def test_a_wider_layer_is_changed_where_it_is_used_and_read() -> None:
    old, new = read(perceptron(16, 8, 4)), read(perceptron(16, 12, 4))
    found = match(old, new)
    assert (found.removed, found.added) == ((), ())
    assert {name for name, _ in changed_names(old, new)} == {
        "dense_0/MatMul", "dense_0/kernel", "dense_0/kernel/read",
        "dense_0/BiasAdd", "dense_0/bias", "dense_0/bias/read",
        "dense_1/MatMul", "dense_1/kernel", "dense_1/kernel/read",
    }  # fmt: skip


def test_a_kernel_is_seen_through_what_reads_it() -> None:
    """Keras's Conv1D reads its kernel through ExpandDims."""

    def convolution(channels: int) -> Graph:
        body = [
            *weight("k", 3, 4, channels), constant("axis", dtype="int32", int_val=[0]),
            spec("wide", "ExpandDims", "k/read", "axis", T="float32"), spec("out", "Conv2D", "x", "wide", T="float32"),
        ]  # fmt: skip
        return read([spec("x", "Placeholder"), *body])

    assert ("out", "out") in changed_names(convolution(8), convolution(9))


def test_inputs_with_other_names_are_no_change() -> None:
    body = [spec("out", "Relu", "x", T="float32")]
    old = read([spec("x", "Placeholder", dtype="float32"), *body])
    nodes = tuple(replace(n, attributes=(("name", "other"),)) if n.op == "Placeholder" else n for n in old.nodes)
    assert match(old, Graph(nodes)).changed == ()


def test_a_constant_of_other_values_is_changed_if_it_says_how_to_compute() -> None:
    def turned(axis: int, scale: float) -> Graph:
        body = [
            constant("axis", dtype="int32", int_val=[axis]), constant("scale", float_val=[scale]),
            spec("sum", "Sum", "x", "axis", T="float32"), spec("out", "Mul", "sum", "scale", T="float32"),
        ]  # fmt: skip
        return read([spec("x", "Placeholder"), *body])

    assert changed_names(turned(1, 2.0), turned(2, 2.0)) == [("axis", "axis")]
    assert changed_names(turned(1, 2.0), turned(1, 3.0)) == []


def test_loops_of_tensorflow_1_end() -> None:
    def loop(extra: tuple[Spec, ...]) -> Graph:
        last = extra[-1].name if extra else "step"
        return read(
            [
                spec("x", "Placeholder"), spec("enter", "Enter", "x"), spec("merge", "Merge", "enter", "next"),
                spec("step", "Neg", "merge"), *extra, spec("next", "NextIteration", last), spec("out", "Exit", "step"),
            ]
        )  # fmt: skip

    new = loop((spec("more", "Relu", "step"),))
    found = match(loop(()), new)
    assert names(new, found.added) == {"more"}
    assert (found.changed, found.removed) == ((), ())


def test_a_circle_of_reads_has_an_end() -> None:
    """No valid graph has one, a damaged one may."""
    nodes = tuple(Node(f"n{n}", "Identity", (Edge(1 - n, "0"),), (), ()) for n in range(2))
    assert source_of(nodes, Edge(0, "0")).op == "Identity"
    assert match(Graph(nodes), Graph(nodes)).same == ((0, 0), (1, 1))


def test_a_label_knows_the_weights_and_not_the_name() -> None:
    graphs = [read(perceptron(16, width, names=name)) for width, name in ((8, "a{}"), (8, "b{}"), (9, "a{}"))]
    labels = [next(label(graph.nodes, node) for node in graph.nodes if node.op == "MatMul") for graph in graphs]
    assert labels[0] == labels[1] != labels[2]


def test_empty_graphs_match() -> None:
    found = match(Graph(()), read(perceptron(4, 4)))
    assert (found.same, found.changed, found.removed) == ((), (), ())
    assert len(found.added) == 9
