"""Operations that only bring something to others."""

from __future__ import annotations

PLUMBING = frozenset(
    {
        "Const", "Enter", "Exit", "Identity", "IdentityN", "Merge", "NextIteration", "NoOp", "Placeholder",
        "PlaceholderWithDefault", "ReadVariableOp", "Switch", "VarHandleOp", "Variable", "VariableV2", "_Arg",
        "_Retval",
    }
)  # fmt: skip
"""They come after the others in lists, and move no bytes."""
