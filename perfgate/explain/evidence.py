"""Everything that an explanation rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from perfgate.explain.explanation import StageChange, StaticDifferences
from perfgate.explain.tensors import Tensors
from perfgate.explain.traces import Traced
from perfgate.trials import Arm, Memory, ReplicaFacts


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was measured and read; parts that are missing are None or empty."""

    models: Mapping[Arm, str]
    """As the user named them."""
    static: StaticDifferences | None = None
    traced: Traced | None = None
    seconds: float = 0.0
    """That tracing took."""
    tensors: Mapping[Arm, Tensors] = field(default_factory=dict)
    replicas: tuple[ReplicaFacts, ...] = ()
    memory: tuple[tuple[Arm, Memory], ...] = ()
    """Of each server, before the first traced execution."""
    settings: Mapping[Arm, Mapping[str, object]] = field(default_factory=dict)
    """Settings of the servers of each arm."""
    cpus: int = 0
    """CPUs that the servers may use; 0 if unknown."""
    stages: tuple[StageChange, ...] = ()
    growth_mb_per_1k: tuple[float, float] | None = None
    """Memory growth of the servers over their requests, where a run found that it changed."""
    padding_share: tuple[float, float] | None = None
    """Rows executed beyond those requested, as a share, where batches were padded."""
    problem: str = ""
    """Why nothing was traced."""
    notes: tuple[str, ...] = ()
