"""The result of a run as one frozen value: the content of result.json and the source of every report."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from perfgate.baseline.numbers import StoredFacts
from perfgate.capacity.answer import CapacityAnswer
from perfgate.experiment.timeline import ThreadTime, Timeline
from perfgate.explain.explanation import Explanation
from perfgate.explain.profile import Profile
from perfgate.gate.interim import Look
from perfgate.gate.verdict import Judgement
from perfgate.loadgen.load_worker import LoadWorker
from perfgate.stats.payload_changes import PayloadChange
from perfgate.stats.summary import ArmSummary, BatchSizes, ClassSummary, Curve, Generator, StageSummary
from perfgate.trials import Caution, ReplicaFacts

SCHEMA_VERSION = 1


class Outcome(StrEnum):
    """How a run ended, or that it is still running."""

    RUNNING = "running"
    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    INVALID = "invalid"


class ComparisonKind(StrEnum):
    """What the candidate is compared with: a model measured alongside, stored numbers, or nothing."""

    SIDE_BY_SIDE = "side by side"
    STORED_NUMBERS = "stored numbers"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """One arm's model."""

    given: str
    """The model as given: a path or a URL."""
    path: str
    """The SavedModel that was measured, or the URL."""
    digest: str
    """SHA-256 of the model's files, `sha256:…`, or of a running server's signatures, `metadata-sha256:…`."""
    version: int
    """Version number; 1 if the path has none."""
    size_mb: float
    """Size of the model's files, MiB; null if they are not accessible."""


@dataclass(frozen=True, slots=True)
class TrialColumns:
    """All trials, as columns of equal length; times in seconds since the run began."""

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
    """How long the trial took."""
    requests: tuple[int, ...] = ()
    """Recorded requests, including failed ones."""
    errors: tuple[int, ...] = ()
    """Number of them that failed or timed out."""
    service_mean_ms: tuple[float | None, ...] = ()
    """Mean time from sending a request to its response; for executions, without time waiting for a CPU."""
    response_p50_ms: tuple[float | None, ...] = ()
    """Median response time, from the scheduled instant."""
    response_max_ms: tuple[float | None, ...] = ()
    """Longest response time."""
    cpu_ms: tuple[float | None, ...] = ()
    """CPU time of the server, all threads."""
    rss_mb: tuple[float | None, ...] = ()
    """Resident set size at the end of the trial, MiB."""
    pss_mb: tuple[float | None, ...] = ()
    """Proportional set size at the end, MiB: each shared page is divided among the processes that share it."""
    uss_mb: tuple[float | None, ...] = ()
    """Unique set size at the end, MiB: pages that no other process shares."""
    queue_ms: tuple[float | None, ...] = ()
    """Mean time from arrival to the start of the execution, as reported by the server."""
    execute_ms: tuple[float | None, ...] = ()
    """Mean time of the execution, as reported by the server."""
    encode_ms: tuple[float | None, ...] = ()
    """Mean time to encode the response, as reported by the server."""
    batch_size: tuple[float | None, ...] = ()
    """Mean number of rows in the batch that executed a request, as reported by the server."""
    context_switches: tuple[float | None, ...] = ()
    """Context switches of the server during the trial."""
    page_faults: tuple[float | None, ...] = ()
    """Page faults of the server during the trial."""
    throttled_ms: tuple[float | None, ...] = ()
    """Time for which a CPU limit kept the server from running."""
    response_p99_ms: tuple[float | None, ...] = ()
    """99th percentile of the response times; null for fewer than 100 requests."""


@dataclass(frozen=True, slots=True)
class BlockColumns:
    """All blocks, and the conditions under which they were measured."""

    lane: tuple[str, ...] = ()
    """`cost` or `load`."""
    depth: tuple[str, ...] = ()
    """`execute` or `request`."""
    block: tuple[int, ...] = ()
    """Number of the block, from 0 in each lane and depth."""
    start_s: tuple[float, ...] = ()
    """When the block began, in seconds since the run began."""
    wall_s: tuple[float, ...] = ()
    """How long the block took."""
    steal_share: tuple[float | None, ...] = ()
    """Share of the CPU time that the hypervisor gave to other virtual machines."""
    cpu_pressure_share: tuple[float | None, ...] = ()
    """Share of the time in which some task on the machine waited for a CPU."""
    schedule: tuple[str | None, ...] = ()
    """Digest of the schedule of arrivals that all replicas got; null if nothing was scheduled."""


@dataclass(frozen=True, slots=True)
class RecordFacts:
    """The record of the stored baseline that a run was compared with: when and where it was made."""

    record: str
    """`NAME/ID`; the newest one if the numbers of several are used."""
    created_utc: str
    """When the record was made or promoted."""
    fingerprint: str
    """Digest of the stable facts about its environment."""
    environment: dict[str, Any]
    """Facts about the machine and the software, as for the run."""


@dataclass(frozen=True, slots=True)
class Result:
    """One run of one scenario."""

    run_id: str
    """UTC start time, scenario name and 8 random hex digits: `20260301T101500Z-ranking-3f0c1a9b`."""
    created_utc: str
    """When the run began, in ISO 8601."""
    perfgate_version: str
    """Version of perfgate that measured."""
    status: Outcome
    """How the run ended; `running` if it has not."""
    command: tuple[str, ...]
    """The command line that repeats this run."""
    comparison: ComparisonKind
    """What the candidate was compared with: a model measured side by side, stored numbers, or nothing."""
    baseline_name: str | None
    """Name of the stored baseline; None if none was requested."""
    scenario: dict[str, Any]
    """The whole scenario, including defaults; of classes, the keys that were set: the others are as in `payload`."""
    scenario_digest: str
    """Digest of what the scenario measures, by which baselines are found."""
    payload_digest: str
    """SHA-256 of all requests and their order."""
    models: dict[str, ModelFacts]
    """The model of each arm."""
    plan: dict[str, Any]
    """Seed, replicas, fork servers, start order, segments, threads and CPU affinity: enough to repeat the run."""
    environment: dict[str, Any]
    """Facts about the machine and the software."""
    fingerprint: str
    """Digest of the stable facts about the environment: stored numbers are comparable only if it is equal."""
    judgement: Judgement | None
    """The verdict and all decisions; None while the run is in progress."""
    looks: tuple[Look, ...] = ()
    """Interim analyses of gated metrics and objectives; the plan says when they were scheduled."""
    summaries: tuple[ArmSummary, ...] = ()
    """Typical values of each arm and metric, for description only."""
    replicas: tuple[ReplicaFacts, ...] = ()
    """What is known of the start of each server process."""
    trials: TrialColumns = field(default_factory=TrialColumns)
    """Every trial: one visit to one server."""
    blocks: BlockColumns = field(default_factory=BlockColumns)
    """Every block: one randomised round over the servers."""
    curves: tuple[Curve, ...] = ()
    """Distributions of response times under load, one per arm."""
    stages: tuple[StageSummary, ...] = ()
    """Where the time of a request under load went; empty if the server does not report it."""
    batch_sizes: tuple[BatchSizes, ...] = ()
    """Sizes of the batches that executed requests; empty if the server does not report them."""
    request_classes: tuple[ClassSummary, ...] = ()
    """Each request class separately, if the scenario has several."""
    generator: Generator | None = None
    """How well the load generator kept to the schedule; None if there is no load lane."""
    load_workers: tuple[LoadWorker, ...] = ()
    """Workers of the load generator on other nodes, of `--engine ray`; empty if the load came from this machine."""
    threads: tuple[ThreadTime, ...] = ()
    """CPU time by kind of thread in the load lane."""
    timeline: Timeline = field(default_factory=Timeline)
    """CPU time and memory of the servers, every 100 ms of the load lane."""
    cautions: tuple[Caution, ...] = ()
    """What weakens the result, each with a remedy."""
    wall_s: float = 0.0
    """Wall time of the whole run."""
    phases_s: dict[str, float] = field(default_factory=dict)
    """Wall time of each phase: start, warm-up, and each segment."""
    stored: StoredFacts | None = None
    """Where the baseline's stored numbers come from; None if the baseline was measured or there is none."""
    record: RecordFacts | None = None
    """The record of the stored baseline, whether it was measured again or not; None if there is none."""
    payload_shares: tuple[float, ...] = ()
    """Each recorded request's share of the traffic, by number; empty in older results."""
    payload_changes: tuple[PayloadChange, ...] = ()
    """The change in each payload, by metric; the metric's estimate is their mean."""
    explanation: Explanation | None = None
    """Where the change comes from, operation by operation; None if that was not measured."""
    profile: Profile | None = None
    """Where the time of an execution goes, of a model measured alone by `perfgate plan`; else None."""
    capacity: CapacityAnswer | None = None
    """The search for the capacity, as in `capacity.json`; None if the scenario does not name `capacity_rps`."""
    schema_version: int = SCHEMA_VERSION
    """Number of incompatible changes to this document's format so far."""

    @property
    def gates(self) -> int:
        """Number of gates that share the error level of failures, this one included."""
        return int(self.scenario.get("gate", {}).get("gates", 1))
