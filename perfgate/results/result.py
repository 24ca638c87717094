"""The result of a run as one frozen value: what result.json holds and every report is made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from perfgate.baseline.numbers import StoredFacts
from perfgate.experiment.watch import ThreadTime, Timeline
from perfgate.gate.interim import Look
from perfgate.gate.verdict import Judgement
from perfgate.stats.payload_changes import PayloadChange
from perfgate.stats.summary import ArmSummary, BatchSizes, ClassSummary, Curve, Generator, StageSummary
from perfgate.trials import Caution, ReplicaFacts

SCHEMA_VERSION = 1


class Outcome(StrEnum):
    """How a run ended, or that it has not."""

    RUNNING = "running"
    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    INVALID = "invalid"


class ComparisonKind(StrEnum):
    """What the candidate is compared with: a model measured beside it, stored numbers, or nothing."""

    SIDE_BY_SIDE = "side by side"
    STORED_NUMBERS = "stored numbers"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """One arm's model."""

    given: str
    """As it was named: a path or a URL."""
    path: str
    """The SavedModel that was measured, or the URL."""
    digest: str
    """SHA-256 of the files, `sha256:…`; of a server's signatures, `metadata-sha256:…`."""
    version: int
    """Number of the version; 1 where the path has none."""
    size_mb: float
    """Size of its files, MiB; null where they are not at hand."""


@dataclass(frozen=True, slots=True)
class TrialColumns:
    """All trials, a column a field, equal lengths; times in seconds since the run began."""

    lane: tuple[str, ...] = ()
    """`cost` or `load`."""
    depth: tuple[str, ...] = ()
    """`execute` (in the server, no RPC) or `request` (through the protocol)."""
    block: tuple[int, ...] = ()
    """Number of the block, from 0 in each lane and depth."""
    arm: tuple[str, ...] = ()
    """`baseline` or `candidate`."""
    replica: tuple[int, ...] = ()
    """Number of the server in its arm, from 0."""
    start_s: tuple[float, ...] = ()
    """When the trial began."""
    wall_s: tuple[float, ...] = ()
    """How long it took."""
    requests: tuple[int, ...] = ()
    """Recorded requests, failed ones included."""
    errors: tuple[int, ...] = ()
    """Those that failed or timed out."""
    service_mean_ms: tuple[float | None, ...] = ()
    """Mean time from send to response; for executions, minus time waiting for a CPU."""
    response_p50_ms: tuple[float | None, ...] = ()
    """Median response time, from the scheduled instant."""
    response_max_ms: tuple[float | None, ...] = ()
    """Longest response time."""
    cpu_ms: tuple[float | None, ...] = ()
    """CPU time of the server, all its threads."""
    rss_mb: tuple[float | None, ...] = ()
    """Resident set at the end, MiB."""
    pss_mb: tuple[float | None, ...] = ()
    """Proportional set at the end, MiB: shared pages divided among sharers."""
    uss_mb: tuple[float | None, ...] = ()
    """Pages of its own at the end, MiB."""
    queue_ms: tuple[float | None, ...] = ()
    """Mean time from arrival to the start of the execution, as the server told it."""
    execute_ms: tuple[float | None, ...] = ()
    """Mean time of the execution, as the server told it."""
    encode_ms: tuple[float | None, ...] = ()
    """Mean time to encode the answer, as the server told it."""
    batch_size: tuple[float | None, ...] = ()
    """Mean rows of the batch that a request was executed in, as the server told it."""
    context_switches: tuple[float | None, ...] = ()
    """Of the server, during the trial."""
    page_faults: tuple[float | None, ...] = ()
    """Of the server, during the trial."""
    throttled_ms: tuple[float | None, ...] = ()
    """Time in which a CPU limit kept the server from running."""
    response_p99_ms: tuple[float | None, ...] = ()
    """99th percentile of the response times; none of fewer than 100 requests."""


@dataclass(frozen=True, slots=True)
class BlockColumns:
    """All blocks and the conditions they were measured under."""

    lane: tuple[str, ...] = ()
    """`cost` or `load`."""
    depth: tuple[str, ...] = ()
    """`execute` or `request`."""
    block: tuple[int, ...] = ()
    """Number of the block, from 0 in each lane and depth."""
    start_s: tuple[float, ...] = ()
    """When it began, seconds since the run began."""
    wall_s: tuple[float, ...] = ()
    """How long it took."""
    steal_share: tuple[float | None, ...] = ()
    """Share of CPU time that the hypervisor gave to others."""
    cpu_pressure_share: tuple[float | None, ...] = ()
    """Share of time in which some task of the machine waited for a CPU."""
    schedule: tuple[str | None, ...] = ()
    """Digest of the arrivals that all replicas of the block got; None where nothing was scheduled."""


@dataclass(frozen=True, slots=True)
class RecordFacts:
    """The record of the stored baseline that a run compares with: when and where it was made."""

    record: str
    """`NAME/ID`; of several whose numbers are used, the newest."""
    created_utc: str
    """When it was recorded or promoted."""
    fingerprint: str
    """Digest of the stable facts of its environment."""
    environment: dict[str, Any]
    """Facts of the machine and the software, as those of the run."""


@dataclass(frozen=True, slots=True)
class Result:
    """One run of one scenario."""

    run_id: str
    """UTC time of the start, name of the scenario, 8 random hex digits: `20260301T101500Z-ranking-3f0c1a9b`."""
    created_utc: str
    """When it began, ISO 8601."""
    perfgate_version: str
    """Version that measured."""
    status: Outcome
    """`running`, `complete`, `interrupted` or `invalid`."""
    command: tuple[str, ...]
    """The command line that makes this run again."""
    comparison: ComparisonKind
    """`side by side`, `stored numbers` or `none`."""
    baseline_name: str | None
    """Name of the stored baseline; None where none was asked for."""
    scenario: dict[str, Any]
    """The whole scenario, defaults filled in."""
    scenario_digest: str
    """Digest of what the scenario measures: baselines are found by it."""
    payload_digest: str
    """SHA-256 of all requests and their order."""
    models: dict[str, ModelFacts]
    """By arm."""
    plan: dict[str, Any]
    """Seed, replicas, fork parents, start order, segments, threads, affinity: enough to repeat the run."""
    environment: dict[str, Any]
    """Facts of the machine and the software."""
    fingerprint: str
    """Digest of the stable facts of the environment: stored numbers are comparable only if it is equal."""
    judgement: Judgement | None
    """None while the run is going on."""
    looks: tuple[Look, ...] = ()
    """What was seen of gated metrics and objectives at planned instants; the plan says when they were to be."""
    summaries: tuple[ArmSummary, ...] = ()
    """Typical values of each arm and metric; they describe, and decide nothing."""
    replicas: tuple[ReplicaFacts, ...] = ()
    """Every server process, as it started."""
    trials: TrialColumns = field(default_factory=TrialColumns)
    """Every trial: one visit to one server."""
    blocks: BlockColumns = field(default_factory=BlockColumns)
    """Every block: one randomised round over the servers."""
    curves: tuple[Curve, ...] = ()
    """Distributions of response times under load, an arm each."""
    stages: tuple[StageSummary, ...] = ()
    """Where the time of a request under load went; empty where the server does not tell."""
    batch_sizes: tuple[BatchSizes, ...] = ()
    """Sizes of the batches that requests were executed in; empty where the server does not tell."""
    request_classes: tuple[ClassSummary, ...] = ()
    """Each kind of request on its own, where the scenario has several."""
    generator: Generator | None = None
    """How well the load generator kept to the schedule; None without a load lane."""
    threads: tuple[ThreadTime, ...] = ()
    """CPU time by kind of thread over the load lane."""
    timeline: Timeline = field(default_factory=Timeline)
    """CPU time and memory of the servers each 100 ms of the load lane."""
    cautions: tuple[Caution, ...] = ()
    """What weakens the result, each with a remedy."""
    wall_s: float = 0.0
    """Wall time of the whole run."""
    phases_s: dict[str, float] = field(default_factory=dict)
    """Wall time of each phase: start, warm-up, each segment."""
    stored: StoredFacts | None = None
    """Where the baseline's numbers come from; None where it was measured, or there is none."""
    record: RecordFacts | None = None
    """Of a stored baseline, measured again or by its numbers; None where there is none."""
    payload_shares: tuple[float, ...] = ()
    """Share of the traffic that each recorded request has, by its number; empty in older results."""
    payload_changes: tuple[PayloadChange, ...] = ()
    """What changed in each payload, by metric; the estimate of such a metric is their mean."""
    schema_version: int = SCHEMA_VERSION
    """Counts incompatible changes of this document."""
