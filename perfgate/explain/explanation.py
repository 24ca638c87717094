"""What `perfgate explain` answers: causes in order of weight, and the numbers that they rest on."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from perfgate.trials import Arm

SCHEMA_VERSION = 1


class ChangeKind(StrEnum):
    """How an operation of one version corresponds to one of the other."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimated difference, candidate minus baseline, with its two-sided interval over replicas."""

    estimate: float
    """The most likely difference."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""

    @property
    def is_zero_excluded(self) -> bool:
        """Whether it is a difference at its level."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class OpChange:
    """One operation as executed: in both versions, or in one of them."""

    kind: ChangeKind
    """How it corresponds to one of the other version."""
    op: str
    """Its type, such as `MatMul`."""
    name: str
    """Its name in the candidate; in the baseline, if it was removed."""
    baseline_name: str
    """Empty if it was added."""
    calls: tuple[float, float]
    """Executions a request, baseline and candidate."""
    times_ms: tuple[float, float]
    """Time a request, baseline and candidate; 0 where it does not exist."""
    change_ms: Interval
    """Change of its time a request."""
    significant: bool
    """Whether it differs with the error control over all operations (Holm)."""
    detail: str = ""
    """What differs in it: attributes, types, shapes."""


@dataclass(frozen=True, slots=True)
class GroupChange:
    """The operations of one type, or of one scope of names."""

    name: str
    """The type, or the scope."""
    times_ms: tuple[float, float]
    """Time a request, baseline and candidate."""
    change_ms: Interval
    """Change of their time a request."""


@dataclass(frozen=True, slots=True)
class Part:
    """A term of the sum that makes the change of the execution time."""

    name: str
    """`added`, `removed`, `changed`, `same` (operations in both that are alike), `rest` (outside of operations)."""
    change_ms: Interval
    """Its contribution to the change."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """Where the change of the execution time is."""

    execute_ms: tuple[float, float]
    """Time of one execution without tracing, baseline and candidate."""
    change_ms: Interval
    """Its change: the sum of the parts."""
    parts: tuple[Part, ...]
    """The terms of the sum."""
    ops: tuple[OpChange, ...]
    """Those that differ or take most time, the largest change first."""
    op_count: tuple[int, int]
    """Operations that a request executes, baseline and candidate."""
    op_calls: tuple[float, float]
    """Their executions a request: more than operations if some run in a loop."""
    by_type: tuple[GroupChange, ...]
    """Each type of operation."""
    by_scope: tuple[GroupChange, ...]
    """Each scope of names."""
    tracing_overhead: Interval
    """Time of a traced execution relative to one that is not, as a share."""
    executions: int
    """Traced, in all."""
    replicas: int
    """An arm."""
    seconds: float
    """How long the measurement took."""
    confidence: float
    """Of the intervals, each on its own."""


@dataclass(frozen=True, slots=True)
class StageChange:
    """A stage of a request under load, p50."""

    name: str
    """`send lag`, `queue`, `execute`, `encode`."""
    times_ms: tuple[float, float]
    """Baseline and candidate."""


@dataclass(frozen=True, slots=True)
class TensorChange:
    """A constant or variable, or a tensor that is alive at the peak of an execution."""

    kind: str
    """`constant`, `variable`, `tensor`."""
    name: str
    """Its name in the candidate where it exists there."""
    shapes: tuple[str, str]
    """Type and shape, baseline and candidate, such as `float32[512, 64]`; empty where it does not exist."""
    size_bytes: tuple[int, int]
    """Baseline and candidate; 0 where it does not exist."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A property of both versions, as text."""

    name: str
    """What it is, in words."""
    values: tuple[str, str]
    """Baseline and candidate."""


@dataclass(frozen=True, slots=True)
class OpCount:
    """Number of operations of one type, and their estimated work a request, baseline and candidate."""

    op: str
    """The type."""
    count: tuple[int, int]
    """How many nodes have it."""
    flops: tuple[float, float]
    """Floating-point operations for one row; 0 where the estimate does not know the operation."""
    moved_bytes: tuple[float, float]
    """Bytes read and written for one row, weights included."""


@dataclass(frozen=True, slots=True)
class NodeChange:
    """A node of the saved graph that was added, removed or changed."""

    kind: ChangeKind
    """Which of the three."""
    op: str
    """Its type."""
    name: str
    """Its name in the candidate; in the baseline, if it was removed."""
    detail: str = ""
    """What differs in it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a saved graph that often costs time, whatever the measurement says."""

    code: str
    """`training mode`, `random ops`, `python function`, `string ops`, `compiled by XLA`, `control flow`, `float64`,
    `debug ops`.
    """
    nodes: tuple[int, int]
    """How many nodes, baseline and candidate."""
    example: str
    """The name of one."""


@dataclass(frozen=True, slots=True)
class StaticDifferences:
    """What differs between two SavedModels on disk."""

    facts: tuple[Fact, ...]
    """Size, nodes, functions, TensorFlow version, inputs, outputs, assets: all of them, whether or not they differ."""
    op_counts: tuple[OpCount, ...]
    """Types whose number or work differs, the largest difference first."""
    nodes: tuple[NodeChange, ...]
    """At most 200."""
    node_changes: tuple[int, int, int]
    """Nodes added, removed and changed, in all."""
    tensors: tuple[TensorChange, ...]
    """The largest differences in constants and variables, then the largest of them."""
    findings: tuple[Finding, ...]
    """What often costs time, in either version."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause with its evidence and its remedy."""

    code: str
    """Stable word for programs, such as `op added`."""
    sentence: str
    """What happened, and where."""
    remedy: str
    """How to mend it."""
    evidence: tuple[str, ...]
    """Numbers of this measurement."""
    change_ms: Interval | None = None
    """Its part of the execution time; None if it is not about that."""
    ops: tuple[str, ...] = ()
    """Names of the operations, in the candidate where they exist there."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole answer; written as `explain.json`."""

    models: dict[Arm, str]
    """Each arm's model as given."""
    causes: tuple[Cause, ...]
    """The weightiest first; empty: no cause was found."""
    attribution: Attribution | None
    """None if nothing was traced; `not_traced` says why."""
    static: StaticDifferences | None
    """None if the models are not on disk."""
    stages: tuple[StageChange, ...] = ()
    """Where a request's time goes under load; empty if that was not measured."""
    peak_tensors: tuple[TensorChange, ...] = ()
    """Tensors that are alive at the peak of one execution, the largest difference first."""
    peak_bytes: tuple[int, int] = (0, 0)
    """Memory of all tensors at the peak, baseline and candidate; 0 if unknown."""
    not_traced: str = ""
    """Why nothing was traced; empty if it was."""
    notes: tuple[str, ...] = ()
    """What limits the answer."""
    schema_version: int = field(default=SCHEMA_VERSION)
    """Number of incompatible changes to this document's format so far."""
