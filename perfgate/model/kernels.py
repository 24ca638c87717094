"""Names of operations as written, where TensorFlow renames them for a kernel library when it optimises a graph.

On processors for which oneDNN is on, the same graph runs `_MklMatMul` instead of `MatMul` (which, depends on the
processor and on the sizes: tensorflow/core/common_runtime/mkl_layout_pass.cc, TensorFlow 2.21).
"""

from __future__ import annotations

_PREFIXES = ("_MklNative", "_Mkl")
_ONLY_THERE = ("FusedInstanceNorm", "FusedMish", "LayerNorm", "PadWith", "Swish")
"""What stands for several operations, and has no name outside of the library."""
_PUBLIC = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")


def written_op(op: str) -> str:
    """Return `MatMul` for `_MklMatMul`, `_FusedConv2D` for `_MklNativeFusedConv2D`; what is not renamed as it is."""
    prefix = next((each for each in _PREFIXES if op.startswith(each)), "")
    name = op.removeprefix(prefix)
    if not prefix or not name or name.startswith(_ONLY_THERE):
        return op
    return f"_{name}" if name.startswith("Fused") and name not in _PUBLIC else name
