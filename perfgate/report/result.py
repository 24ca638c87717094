"""The result of a run as one frozen value: what result.json holds and every report is made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from perfgate.baseline.numbers import StoredFacts
from perfgate.experiment.watch import ThreadTime, Timeline
from perfgate.gate.looks import Look
from perfgate.gate.verdict import Judgement
from perfgate.stats.summary import ArmSummary, BatchSizes, ClassSummary, Curve, Generator, StageSummary
from perfgate.trials import Caution, ReplicaFacts

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """One arm's model."""

    given: str
    path: str
    digest: str
    version: int
    size_mb: float


@dataclass(frozen=True, slots=True)
class TrialColumns:
    """All trials, a column a field, equal lengths; times in seconds since the run began."""

    lane: tuple[str, ...] = ()
    depth: tuple[str, ...] = ()
    block: tuple[int, ...] = ()
    arm: tuple[str, ...] = ()
    replica: tuple[int, ...] = ()
    start_s: tuple[float, ...] = ()
    wall_s: tuple[float, ...] = ()
    requests: tuple[int, ...] = ()
    errors: tuple[int, ...] = ()
    service_mean_ms: tuple[float | None, ...] = ()
    response_p50_ms: tuple[float | None, ...] = ()
    response_max_ms: tuple[float | None, ...] = ()
    cpu_ms: tuple[float | None, ...] = ()
    rss_mb: tuple[float | None, ...] = ()
    pss_mb: tuple[float | None, ...] = ()
    uss_mb: tuple[float | None, ...] = ()
    queue_ms: tuple[float | None, ...] = ()
    """This and the next three: means over the trial's requests, as the server told them."""
    execute_ms: tuple[float | None, ...] = ()
    encode_ms: tuple[float | None, ...] = ()
    batch_size: tuple[float | None, ...] = ()
    context_switches: tuple[float | None, ...] = ()
    page_faults: tuple[float | None, ...] = ()
    throttled_ms: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class BlockColumns:
    """All blocks and the conditions they were measured under."""

    lane: tuple[str, ...] = ()
    depth: tuple[str, ...] = ()
    block: tuple[int, ...] = ()
    start_s: tuple[float, ...] = ()
    wall_s: tuple[float, ...] = ()
    steal_share: tuple[float | None, ...] = ()
    cpu_pressure_share: tuple[float | None, ...] = ()
    schedule: tuple[str | None, ...] = ()
    """Digest of the arrivals that all replicas of the block got; None where nothing was scheduled."""


@dataclass(frozen=True, slots=True)
class Result:
    """One run of one scenario."""

    run_id: str
    created_utc: str
    perfgate_version: str
    status: str
    """`running`, `complete`, `interrupted` or `invalid`."""
    command: tuple[str, ...]
    """The command line that makes this run again."""
    comparison: str
    """`side by side`, `stored numbers` or `none`."""
    baseline_name: str | None
    scenario: dict[str, Any]
    """The whole scenario, defaults filled in."""
    scenario_digest: str
    payload_digest: str
    models: dict[str, ModelFacts]
    """By arm."""
    plan: dict[str, Any]
    """Seed, replicas, fork parents, start order, segments, threads, affinity: enough to repeat the run."""
    environment: dict[str, Any]
    """Facts of the machine and the software."""
    fingerprint: str
    """Digest of the stable facts of the environment: numbers are comparable only where it is equal."""
    judgement: Judgement | None
    """None while the run is going on."""
    looks: tuple[Look, ...] = ()
    """What was seen of gated metrics and objectives at planned instants; the plan says when they were to be."""
    summaries: tuple[ArmSummary, ...] = ()
    replicas: tuple[ReplicaFacts, ...] = ()
    trials: TrialColumns = field(default_factory=TrialColumns)
    blocks: BlockColumns = field(default_factory=BlockColumns)
    curves: tuple[Curve, ...] = ()
    stages: tuple[StageSummary, ...] = ()
    """Where the time of a request under load went; empty where the server does not tell."""
    batch_sizes: tuple[BatchSizes, ...] = ()
    request_classes: tuple[ClassSummary, ...] = ()
    """Each kind of request on its own, where the scenario has several."""
    generator: Generator | None = None
    """How well the load generator kept to the schedule; None without a load lane."""
    threads: tuple[ThreadTime, ...] = ()
    timeline: Timeline = field(default_factory=Timeline)
    cautions: tuple[Caution, ...] = ()
    wall_s: float = 0.0
    phases_s: dict[str, float] = field(default_factory=dict)
    """Wall time of each phase: start, warm-up, each segment."""
    stored: StoredFacts | None = None
    """Where the baseline's numbers come from; None where it was measured, or there is none."""
    schema_version: int = SCHEMA_VERSION
