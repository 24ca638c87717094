"""Operations by what they mean for a diagnosis (names: tensorflow/core/ops, TensorFlow 2.21)."""

from __future__ import annotations

from perfgate.model.graph import Node

GATHERS = {"Gather", "GatherNd", "GatherV2", "ResourceGather", "ResourceGatherNd"}
_BASES = {
    "_FusedBatchMatMulV2": "BatchMatMulV2", "_FusedBatchNormEx": "FusedBatchNormV3", "_FusedConv2D": "Conv2D",
    "_FusedConv3D": "Conv3D", "_FusedDepthwiseConv2dNative": "DepthwiseConv2dNative", "_FusedMatMul": "MatMul",
}  # fmt: skip


def fused_names(node: Node) -> list[str]:
    """Return what a fused operation does after its first part: `BiasAdd`, `Relu`."""
    return [name for name in dict(node.attributes).get("fused_ops", "").strip("[]").split(", ") if name]


def fused_parts(node: Node) -> set[str]:
    """Return the operations that a fused one stands for."""
    return {_BASES.get(node.op, node.op.removeprefix("_Fused")), *fused_names(node)}
