"""Where the time of one version's execution goes: operations, types of operations and layers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OpTime:
    """One operation as executed."""

    op: str
    """Its type, such as `MatMul`."""
    name: str
    """Its name in the graph."""
    layer: str
    """The scope of names that it belongs to."""
    ms: float
    """Time a request."""
    low: float
    """Lower end of its interval over replicas."""
    high: float
    """Upper end of its interval."""
    calls: float
    """Executions a request."""


@dataclass(frozen=True, slots=True)
class GroupTime:
    """All operations of one type, or of one layer."""

    name: str
    """The type, or the layer."""
    ms: float
    """Time a request."""
    low: float
    """Lower end of its interval over replicas."""
    high: float
    """Upper end of its interval."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The time of one execution, divided among operations: ops and `rest_ms` add up to `execute_ms`."""

    execute_ms: float
    """Time of one execution without tracing."""
    low: float
    """Lower end of its interval over replicas."""
    high: float
    """Upper end of its interval."""
    ops: tuple[OpTime, ...]
    """The longest first, at most 100."""
    by_type: tuple[GroupTime, ...]
    """The longest first, at most 30."""
    by_layer: tuple[GroupTime, ...]
    """The longest first, at most 30."""
    rest_ms: float
    """Time of an execution that no operation takes."""
    op_count: int
    """Operations that a request executes."""
    tracing_overhead: float
    """Time of a traced execution relative to one that is not, as a share."""
    executions: int
    """Traced, in all."""
    replicas: int
    """Servers that were traced."""
    peak_bytes: int
    """Memory of all tensors at the peak of one execution; 0 if unknown."""
    confidence: float
    """Of the intervals, each on its own."""
