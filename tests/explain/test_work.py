from __future__ import annotations

from collections.abc import Sequence

import pytest

from perfgate.explain.extents import extents_of
from perfgate.explain.work import Work, work_of
from tests.explain.graphs import Spec, constant, perceptron, read, spec, weight

F4 = 4
"""Bytes of a float32."""


def works(specs: Sequence[Spec]) -> dict[str, Work]:
    graph = read(specs)
    return {node.name: work for node, work in zip(graph.nodes, work_of(graph), strict=True)}


def flops(*body: Spec, shape: tuple[int, ...] = (-1, 8), dtype: str = "float32") -> float:
    """Estimate the node `out` that reads `x` of a shape."""
    return works([spec("x", "Placeholder", dtype=dtype, shape=shape), *body])["out"].flops


def test_a_perceptron_multiplies_and_adds() -> None:
    found = works(perceptron(16, 8, 4))
    assert found["dense_0/MatMul"] == Work(2 * 16 * 8, F4 * (16 + 16 * 8 + 8))
    assert found["dense_1/MatMul"] == Work(2 * 8 * 4, F4 * (8 + 8 * 4 + 4))
    assert found["dense_0/BiasAdd"] == Work(8, F4 * (8 + 8 + 8))
    assert found["dense_0/Relu"] == Work(8, F4 * (8 + 8))
    assert found["dense_0/kernel/read"] == found["out"] == Work(0, 0)


def test_rows_and_positions_in_one_dimension_are_counted_together() -> None:
    """Keras's Tensordot: [rows, 20, 8] becomes [rows x 20, 8], is multiplied, and becomes [rows, 20, 4]."""
    found = works(
        [
            spec("x", "Placeholder", dtype="float32", shape=(-1, 20, 8)), constant("flat", 2, dtype="int32"),
            spec("r", "Reshape", "x", "flat", T="float32", shape=(-1, -1)), *weight("w", 8, 4),
            spec("m", "MatMul", "r", "w/read", T="float32", shape=(-1, 4)),
            spec("b", "Relu", "m", T="float32", shape=(-1, 4)),
            spec("out", "Reshape", "b", "flat", T="float32", shape=(-1, 20, 4)),
        ]
    )  # fmt: skip
    assert found["m"].flops == 2 * 20 * 8 * 4
    assert found["b"].flops == 20 * 4


@pytest.mark.parametrize(
    ("expected", "shape", "body"),
    [
        (2 * 8 * 4, (-1, 8), [*weight("w", 4, 8), spec("out", "MatMul", "x", "w/read", T="float32", transpose_b=True)]),
        (
            (2 * 8 + 2) * 4,
            (-1, 8),
            [*weight("w", 8, 4), spec("out", "_FusedMatMul", "x", "w/read", T="float32", fused_ops="[BiasAdd, Relu]")],
        ),
        (
            2 * (5 * 7 * 16) * (3 * 3 * 8),
            (-1, 5, 7, 8),
            [*weight("k", 3, 3, 8, 16), spec("out", "Conv2D", "x", "k/read", T="float32", shape=(-1, 5, 7, 16))],
        ),
        (
            2 * (5 * 7 * 8) * (3 * 3),
            (-1, 5, 7, 8),
            [
                *weight("k", 3, 3, 8, 1),
                spec("out", "DepthwiseConv2dNative", "x", "k/read", T="float32", shape=(-1, 5, 7, 8)),
            ],
        ),
        (
            2 * (6 * 6 * 4),
            (-1, 6, 4),
            [spec("out", "BatchMatMulV2", "x", "x", T="float32", adj_y=True, shape=(-1, 6, 6))],
        ),
        (
            2 * (6 * 4 * 5),
            (-1, 6, 4),
            [*weight("w", 4, 5), spec("out", "Einsum", "x", "w/read", T="float32", equation="abc,cd->abd")],
        ),
        (2 * 6 * 6 * 4, (-1, 6, 4), [spec("out", "Einsum", "x", "x", T="float32", equation="abc,adc->abd")]),
        (5 * 8, (-1, 8), [spec("out", "Softmax", "x", T="float32")]),
        (2 * 8, (-1, 8), [spec("out", "Rsqrt", "x", T="float32")]),
        (2 * 8, (-1, 8), [spec("out", "AddN", "x", "x", "x", T="float32")]),
        (8 - 1, (-1, 8), [constant("axis", dtype="int32"), spec("out", "Sum", "x", "axis", T="float32", shape=(-1,))]),
        (8, (-1, 8), [constant("axis", dtype="int32"), spec("out", "Mean", "x", "axis", T="float32", shape=(-1,))]),
        (2 * 8, (-1, 8), [spec("out", "FusedBatchNormV3", "x", T="float32")]),
        (4 * 8, (-1, 8), [spec("out", "FusedBatchNormV3", "x", T="float32", is_training=True)]),
        (4 * 12, (-1, 4, 4, 3), [spec("out", "MaxPool", "x", T="float32", ksize=[1, 2, 2, 1], shape=(-1, 2, 2, 3))]),
        (
            2 * (2 * 2 * 8) * (3 * 3 * 4),
            (-1, 2, 2, 8),
            [
                constant("sizes", 4, dtype="int32"),
                *weight("k", 3, 3, 4, 8),
                spec("out", "Conv2DBackpropInput", "sizes", "k/read", "x", T="float32", shape=(-1, 4, 4, 4)),
            ],
        ),
    ],
)
def test_operations_are_counted_as_tensorflow_counts_them(
    expected: float, shape: tuple[int, ...], body: Sequence[Spec]
) -> None:
    assert flops(*body, shape=shape) == expected


@pytest.mark.parametrize(
    ("shape", "node"),
    [
        ((-1, -1, 8), spec("out", "Relu", "x", T="float32")),
        ((-1, 8), spec("out", "NobodyKnows", "x", T="float32")),
        ((-1, 8), spec("out", "Relu", "x", T="int32")),
        ((-1, 8), spec("out", "Einsum", "x", "x", T="float32", equation="...a,...a->...")),
        ((-1, -1), spec("out", "MatMul", "x", "x", T="float32", shape=(-1, -1))),
    ],
)
def test_what_is_not_known_is_nothing(shape: tuple[int, ...], node: Spec) -> None:
    assert flops(node, shape=shape) == 0


def test_rows_times_columns_are_all_elements_of_the_table() -> None:
    body = [constant("c", 5), spec("out", "Mul", "x", "c", T="float32", shape=(-1, 4, 5))]
    assert flops(*body, shape=(-1, 4, 1)) == 4 * 5


def test_a_gather_moves_the_rows_that_are_asked_for() -> None:
    found = works(
        [
            spec("x", "Placeholder", dtype="int64", shape=(-1, 20)), *weight("table", 100_000, 16),
            constant("axis", dtype="int32"),
            spec("out", "GatherV2", "table/read", "x", "axis", Tparams="float32", Tindices="int64"),
        ]
    )  # fmt: skip
    assert found["out"] == Work(0, 2 * 20 * 16 * F4 + 20 * 8)


def test_wider_types_move_more() -> None:
    def moved(dtype: str) -> float:
        specs = [spec("x", "Placeholder", dtype=dtype, shape=(-1, 8)), spec("out", "Neg", "x", T=dtype)]
        return works(specs)["out"].moved_bytes

    assert moved("float64") == 2 * moved("float32") == 4 * moved("float16") == 2 * 8 * 8


def test_shapes_that_nobody_wrote_follow_from_the_weights() -> None:
    specs = [Spec(e.name, e.op, e.inputs, e.attributes) if e.op != "Placeholder" else e for e in perceptron(16, 8, 4)]
    assert works(specs)["dense_1/MatMul"].flops == 2 * 8 * 4


def test_second_outputs_have_their_own_shape() -> None:
    split = spec("s", "TopKV2", "x", T="float32", shape=(-1, 3))
    specs = [spec("x", "Placeholder", dtype="float32", shape=(-1, 8)), split, spec("out", "Neg", "s:1", T="float32")]
    graph = read(specs)
    assert [extent.elements for extent in extents_of(graph)] == [8, 3, 0]
