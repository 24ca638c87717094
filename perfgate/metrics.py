"""The metrics table, shared by scenario validation, estimators, gate, report and docs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import expm1, inf, log1p

_LARGEST_LOG = 709.0


class Direction(StrEnum):
    """The better direction."""

    LOWER = "lower"
    HIGHER = "higher"


class Scale(StrEnum):
    """How two arms are compared; on a scale, changes add up, intervals are symmetric, and bounds are tested."""

    RATIO = "ratio"  # candidate / baseline - 1, tested as its logarithm
    DIFFERENCE = "difference"  # candidate - baseline in the metric's unit, tested directly: values near 0, or negative

    def of_change(self, change: float) -> float:
        """Map a change to the scale; minus infinity for a ratio of zero."""
        if self is Scale.DIFFERENCE:
            return change
        return log1p(change) if change > -1 else -inf

    def change_of(self, place: float) -> float:
        """Return the change at a position on the scale; infinite for a ratio beyond floating point."""
        if self is Scale.DIFFERENCE:
            return place
        return expm1(place) if place < _LARGEST_LOG else inf


class Estimator(StrEnum):
    """How per-trial values become one number a replica (docs/explanation/method.md)."""

    BLOCK_RELATIVE = "block_relative"  # relative to the block's level, robust within each payload, mean over payloads
    REPLICA_MEAN = "replica_mean"  # plain mean over the replica's trials, untrimmed
    ARM_QUANTILE = "arm_quantile"  # over all requests of the arm, with replicas as clusters
    REPLICA_VALUE = "replica_value"  # one value a replica: log of the mean of its trials, or of its start
    REPLICA_SLOPE = "replica_slope"  # Theil-Sen slope over the replica's requests, pairs within a lane
    PROPORTION = "proportion"  # counts over all requests of the arm, exact binomial
    CAPACITY = "capacity"  # where the arm's curve over rates crosses an objective, jackknife over servers and time
    CONSTANT = "constant"  # known without measuring


class Source(StrEnum):
    """Source of a metric's raw numbers."""

    EXECUTE = "cost/execute"
    REQUEST = "cost/request"
    OPS = "cost/ops"
    LOAD = "load/request"
    CAPACITY = "capacity"
    START = "start"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table."""

    name: str
    unit: str
    direction: Direction
    estimator: Estimator
    sources: tuple[Source, ...]
    """In order of preference: the first one that the run has is used, and recorded in the result."""
    statistic: str
    """The per-trial number: a quantile such as `response_q0.9`, `service_mean`, a memory field …"""
    catch: float
    """Default regression to catch, as a share (0.05 is 5%), or in `unit` if the scale is `DIFFERENCE`; the tolerance is
    half of it.
    """
    gated: bool
    """Whether the default gate includes it."""
    description: str
    warns: bool = False
    """Whether the default gate only warns of it."""
    required: bool = True
    """If gated by default: whether a run that cannot decide it is inconclusive."""
    min_change: float = 0.0
    """Smallest change that matters, in `unit`; the tolerance is never narrower than this."""
    scale: Scale = Scale.RATIO

    @property
    def is_steady_time(self) -> bool:
        """Whether it is a time, or a rate, of requests to a warm server."""
        return self.estimator in {Estimator.BLOCK_RELATIVE, Estimator.REPLICA_MEAN, Estimator.ARM_QUANTILE}


_LOWER, _HIGHER = Direction.LOWER, Direction.HIGHER
_BLOCK, _QUANTILE, _VALUE = Estimator.BLOCK_RELATIVE, Estimator.ARM_QUANTILE, Estimator.REPLICA_VALUE
_LOAD = (Source.LOAD,)
_REQUEST = (Source.REQUEST, Source.LOAD)
_ANY = (Source.LOAD, Source.REQUEST, Source.EXECUTE)

# fmt: off
METRICS: tuple[Metric, ...] = (
    Metric("execute_ms", "ms", _LOWER, _BLOCK, (Source.EXECUTE,), "service_mean", 0.05, gated=True,
           description="wall time of one execution in the server, without RPC, minus time waiting for a CPU"),
    Metric("changed_ops_ms", "ms", _LOWER, _BLOCK, (Source.OPS,), "service_mean", 0.005, gated=True, warns=True,
           required=False,
           description="wall time of one execution if all operations that both versions have took equally long: what "
                       "those that were added, removed or changed cost"),
    Metric("cpu_ms_per_request", "ms", _LOWER, _BLOCK, (Source.EXECUTE, *_REQUEST), "cpu_ms_per_request", 0.05,
           gated=True, description="CPU time of the server per execution, all threads"),
    Metric("cpu_mean_ms_per_request", "ms", _LOWER, Estimator.REPLICA_MEAN, (Source.EXECUTE, *_REQUEST),
           "cpu_ms_per_request", 0.20, gated=True,
           description="untrimmed mean CPU time of the server per execution: includes rare slow executions"),
    Metric("service_mean_ms", "ms", _LOWER, _BLOCK, _REQUEST, "service_mean", 0.10, gated=True,
           description="mean time from send to response, one request in flight where measured"),
    Metric("service_p50_ms", "ms", _LOWER, _BLOCK, _LOAD, "service_q0.5", 0.10, gated=False,
           description="median time from send to response, under load"),
    Metric("service_p90_ms", "ms", _LOWER, _BLOCK, _LOAD, "service_q0.9", 0.20, gated=False,
           description="90th percentile of the time from send to response, under load"),
    Metric("service_p99_ms", "ms", _LOWER, _QUANTILE, _LOAD, "service_q0.99", 0.30, gated=False,
           description="99th percentile of the time from send to response, under load"),
    Metric("latency_p50_ms", "ms", _LOWER, _BLOCK, _LOAD, "response_q0.5", 0.10, gated=False,
           description="median response time, from the scheduled instant, under load"),
    Metric("latency_p90_ms", "ms", _LOWER, _BLOCK, _LOAD, "response_q0.9", 0.20, gated=False,
           description="90th percentile of the response time, under load"),
    Metric("latency_p99_ms", "ms", _LOWER, _QUANTILE, _LOAD, "response_q0.99", 0.30, gated=True, required=False,
           description="99th percentile of the response time, under load"),
    Metric("latency_p999_ms", "ms", _LOWER, _QUANTILE, _LOAD, "response_q0.999", 0.50, gated=False,
           description="99.9th percentile of the response time, under load"),
    Metric("throughput_rps", "1/s", _HIGHER, _BLOCK, _LOAD, "throughput_rps", 0.10, gated=False,
           description="answered requests per second, under load"),
    Metric("capacity_rps", "1/s", _HIGHER, Estimator.CAPACITY, (Source.CAPACITY,), "capacity_rps", 0.10, gated=False,
           description="highest rate at which one server holds the scenario's objectives"),
    Metric("cpu_cores", "cores", _LOWER, _BLOCK, _LOAD, "cpu_cores", 0.10, gated=False,
           description="mean cores in use by the server process, under load"),
    Metric("queue_ms", "ms", _LOWER, _BLOCK, _LOAD, "queue_ms", 0.50, gated=False,
           description="mean time in the server before the execution began, under load", min_change=0.05),
    Metric("encode_ms", "ms", _LOWER, _BLOCK, _LOAD, "encode_ms", 0.50, gated=False,
           description="mean time to encode a response in the server, under load", min_change=0.05),
    Metric("batch_size_mean", "rows", _HIGHER, _BLOCK, _LOAD, "batch_size", 0.20, gated=False,
           description="mean rows in the batch that executed a request, under load"),
    Metric("context_switches_per_request", "1", _LOWER, _BLOCK, _LOAD, "switches_per_request", 0.20, gated=False,
           description="context switches of the server process per request, under load"),
    Metric("page_faults_per_request", "1", _LOWER, _BLOCK, _LOAD, "faults_per_request", 0.50, gated=False,
           description="page faults of the server process per request, under load", min_change=1.0),
    Metric("rss_peak_mb", "MiB", _LOWER, _VALUE, _ANY, "rss_peak_mb", 0.10, gated=True,
           description="highest resident set size of the server process", min_change=8.0),
    Metric("pss_mb", "MiB", _LOWER, _VALUE, _ANY, "pss_mb", 0.20, gated=False,
           description="proportional set size of the server process: shared pages count in part",
           min_change=8.0),
    Metric("rss_growth_mb_per_1k", "MiB/1k requests", _LOWER, Estimator.REPLICA_SLOPE, _ANY, "rss_mb", 1.0, gated=False,
           description="growth of a warm server's resident set per 1,000 requests: a memory leak",
           scale=Scale.DIFFERENCE),
    Metric("load_time_s", "s", _LOWER, _VALUE, (Source.START,), "load_time_s", 0.50, gated=False,
           description="time from starting a server until it serves the model"),
    Metric("first_request_ms", "ms", _LOWER, _VALUE, (Source.START,), "first_request_ms", 0.50, gated=False,
           description="duration of a server's first request"),
    Metric("cold_start_s", "s", _LOWER, _VALUE, (Source.START,), "cold_start_s", 0.50, gated=False,
           description="time from starting a server to the response to its first request"),
    Metric("warmup_s", "s", _LOWER, _VALUE, (Source.START,), "warmup_s", 0.50, gated=False,
           description="time after the first request until latency stops falling, one request in flight",
           min_change=0.1),
    Metric("warmup_requests", "1", _LOWER, _VALUE, (Source.START,), "warmup_requests", 0.50, gated=False,
           description="requests after the first one until latency stops falling, usually at least 40",
           min_change=20.0),
    Metric("error_rate", "share", _LOWER, Estimator.PROPORTION, _ANY, "error_rate", 0.02, gated=False,
           description="share of requests that failed or timed out", scale=Scale.DIFFERENCE),
    Metric("model_size_mb", "MiB", _LOWER, Estimator.CONSTANT, (Source.MODEL,), "model_size_mb", 0.20, gated=False,
           description="total size of the model's files", min_change=1.0),
)
# fmt: on

BY_NAME: dict[str, Metric] = {metric.name: metric for metric in METRICS}
