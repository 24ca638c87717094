"""Operations by what they mean for a diagnosis (names: tensorflow/core/ops, TensorFlow 2.21)."""

from __future__ import annotations

from perfgate.model.graph import Node

PASSIVE = {
    "Const", "Identity", "NoOp", "Placeholder", "ReadVariableOp", "VarHandleOp", "VariableV2", "_Arg", "_Retval",
}  # fmt: skip
"""They hand something over; what differs in them shows in what uses them."""
RANDOM = {
    "Multinomial", "ParameterizedTruncatedNormal", "RandomGamma", "RandomShuffle", "RandomStandardNormal",
    "RandomUniform", "RandomUniformInt", "StatefulStandardNormalV2", "StatefulUniform", "StatelessRandomBinomial",
    "StatelessRandomNormal", "StatelessRandomNormalV2", "StatelessRandomUniform", "StatelessRandomUniformFullInt",
    "StatelessRandomUniformIntV2", "StatelessRandomUniformV2", "StatelessTruncatedNormalV2", "TruncatedNormal",
}  # fmt: skip
NORMALISATIONS = ("FusedBatchNorm", "_FusedBatchNorm")
LOOPS = {
    "Enter", "LoopCond", "MapDefun", "NextIteration", "StatelessWhile", "TensorListReserve", "TensorListSetItem",
    "While",
}  # fmt: skip
STRINGS = {
    "AsString", "DecodeBase64", "DecodeCSV", "DecodeRaw", "LookupTableFindV2", "ParseExample", "ParseExampleV2",
    "ParseSingleExample", "ReduceJoin", "RegexFullMatch", "RegexReplace", "StaticRegexFullMatch", "StaticRegexReplace",
    "StringFormat", "StringJoin", "StringLength", "StringLower", "StringNGrams", "StringSplit", "StringSplitV2",
    "StringStrip", "StringToHashBucket", "StringToHashBucketFast", "StringToHashBucketStrong", "StringToNumber",
    "StringUpper", "Substr", "UnicodeDecode", "UnicodeEncode", "UnicodeTranscode",
}  # fmt: skip
GATHERS = {"Gather", "GatherNd", "GatherV2", "ResourceGather", "ResourceGatherNd"}
COMPILED_CALLS = {"_XlaMustCompile"}
"""Attributes of a call whose function XLA compiles."""
_BASES = {
    "_FusedBatchMatMulV2": "BatchMatMulV2", "_FusedBatchNormEx": "FusedBatchNormV3", "_FusedConv2D": "Conv2D",
    "_FusedConv3D": "Conv3D", "_FusedDepthwiseConv2dNative": "DepthwiseConv2dNative", "_FusedMatMul": "MatMul",
}  # fmt: skip


def fused_parts(node: Node) -> set[str]:
    """Return the operations that a fused one stands for."""
    parts = dict(node.attributes).get("fused_ops", "").strip("[]").split(", ")
    return {_BASES.get(node.op, node.op.removeprefix("_Fused")), *filter(None, parts)}
