from __future__ import annotations

import pytest

from perfgate.model.graph import executed_graph
from perfgate.model.kernels import written_op
from tests.explain.graphs import graph_of, spec


@pytest.mark.parametrize(
    ("executed", "written"),
    [
        ("_MklMatMul", "MatMul"),
        ("_MklBatchMatMulV2", "BatchMatMulV2"),
        ("_MklFusedMatMul", "_FusedMatMul"),
        ("_MklNativeFusedConv2D", "_FusedConv2D"),
        ("_MklNativeConv2D", "Conv2D"),
        ("_MklNativeFusedBatchNormV3", "FusedBatchNormV3"),
        ("_MklFusedBatchNormEx", "_FusedBatchNormEx"),
        ("_MklLayerNorm", "_MklLayerNorm"),
        ("_MklNativePadWithFusedConv2D", "_MklNativePadWithFusedConv2D"),
        ("_FusedMatMul", "_FusedMatMul"),
        ("MatMul", "MatMul"),
        ("", ""),
    ],
)
def test_operations_renamed_for_onednn_have_the_name_they_were_written_with(executed: str, written: str) -> None:
    assert written_op(executed) == written


def test_an_executed_graph_is_read_alike_on_every_processor() -> None:
    def read(op: str) -> object:
        given = [spec("x", "_Arg", T="float32", index=0), spec("w", "_Arg", T="float32", index=1)]
        return executed_graph(graph_of(*given, spec("y", op, "x", "w", T="float32")), ["x", "w"], [])

    assert read("_MklMatMul") == read("MatMul") != read("_FusedMatMul")
