"""What `perfgate capacity` answers: the highest rate that holds, how it changed, and the curve behind both."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from math import isfinite
from typing import Any

from perfgate.gate.verdict import Verdict
from perfgate.trials import Arm

SCHEMA_VERSION = 1


class RateStatus(StrEnum):
    """Whether the objectives hold at one rate: by a test of turns that did not choose it, or by the interval."""

    HOLDS = "holds"
    BREAKS = "breaks"
    OPEN = "open"  # neither is proven


class CapacityKind(StrEnum):
    """What is known about an arm's capacity."""

    ESTIMATED = "estimated"
    ABOVE = "above"  # the highest rate that was tried holds
    BELOW = "below"  # the lowest rate that was tried breaks
    GENERATOR = "generator"  # the load generator was the limit
    OPEN = "open"  # too few requests to say


@dataclass(frozen=True, slots=True)
class Bound:
    """One objective as a share of requests: at most `share` of them may be slower than `bound_ms`, or fail."""

    metric: str
    """The objective's metric: `latency_p99_ms`, `error_rate`."""
    share: float
    """The highest share of requests that may miss it."""
    bound_ms: float | None = None
    """The time that they may take; None for `error_rate`, which counts failures alone."""
    stated: bool = True
    """Whether the scenario states it; otherwise perfgate assumed it."""


@dataclass(frozen=True, slots=True)
class Point:
    """What one version showed at one rate, over all turns at that rate."""

    rate_rps: float
    """Rate at which requests were sent."""
    turns: int
    """Number of turns."""
    requests: int
    """Number of recorded requests."""
    status: RateStatus
    """Whether all objectives hold: tested on turns that did not choose this rate, else by the capacity's interval."""
    missed: dict[str, float]
    """Share of requests that missed each objective, by metric."""
    p50_ms: float
    """Median response time."""
    p90_ms: float
    """90th percentile of the response time."""
    p99_ms: float
    """99th percentile of the response time; NaN with fewer than 100 requests."""
    achieved_rps: float
    """Answered requests per second."""
    cpu_cores: float
    """CPU time of the server per second; NaN if unknown."""
    memory_mb: float
    """Resident set of the server at the end of a turn, the highest; NaN if unknown."""
    batch_size: float
    """Mean rows in the batch that executed a request; NaN without batching."""
    queue_share: float
    """Share of the response time before the execution began; NaN if the server does not report it."""
    in_flight: float
    """Mean number of requests in flight."""
    growth: float
    """Growth of the number in flight over a turn, relative to the requests sent: 0 if the server keeps up."""
    generator_cores: float
    """CPU time of the load generator per second."""
    send_lag_ms: float
    """99th percentile of how late requests were sent."""
    little: float
    """Requests in flight over achieved rate times response time; 1 by Little's law."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The curve at one rate: the share that misses the decisive objective, monotone in the rate."""

    rate_rps: float
    """Offered rate."""
    share: float
    """Share of requests that misses the objective, centred isotonic regression over all turns."""
    low: float
    """Lower end of its 95 % interval over servers."""
    high: float
    """Upper end of its 95 % interval."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What keeps a version from carrying more."""

    code: str
    """`cpu`, `queue`, `batching`, `generator`, `memory`, `errors` or `unknown`."""
    sentence: str
    """What it is, with its evidence."""


@dataclass(frozen=True, slots=True)
class ArmCapacity:
    """The capacity of one version: of one server of it, on this machine."""

    arm: Arm
    """`baseline` or `candidate`."""
    model: str
    """As given."""
    kind: CapacityKind
    """What is known."""
    rate_rps: float
    """The estimate; the highest rate tried if it is above that, the lowest if it is below."""
    lower_rps: float
    """Lower end of the 95 % interval; 0 if it has none."""
    upper_rps: float
    """Upper end of the 95 % interval; infinite if it has none."""
    objective: str
    """Metric of the objective that breaks first; empty if none did."""
    holds_rps: float
    """Highest rate at which the objectives were proven to hold; NaN if none."""
    breaks_rps: float
    """Lowest rate above it at which one was proven to break; NaN if none."""
    breaks_low_rps: float
    """A rate below it at which an objective breaks because there is too little load; NaN if none."""
    limit: Limit
    """What keeps it from carrying more."""
    points: tuple[Point, ...]
    """By rate, ascending."""
    curve: tuple[CurvePoint, ...] = ()
    """By rate, ascending."""
    cpu_ms_per_request: float = float("nan")
    """CPU time of a request near the capacity."""
    memory_mb: float = float("nan")
    """Memory of one server near the capacity."""
    unloaded_ms: float = float("nan")
    """Median response time with one request in flight."""


@dataclass(frozen=True, slots=True)
class CapacityChange:
    """The change of the capacity, candidate over baseline minus 1."""

    change: float
    """The estimate."""
    lower: float
    """Lower end of the 99 % interval over pairs of servers."""
    upper: float
    """Upper end of the 99 % interval."""
    tolerance: float
    """Decline that the gate accepts, on the scale of ratios: 0.05 is 1 / 1.05 - 1, or -4.76 %."""
    verdict: Verdict
    """`fail` if the decline is beyond the tolerance at the gate's level."""

    @property
    def differs(self) -> bool:
        """Whether the interval excludes 0."""
        return self.lower > 0 or self.upper < 0


@dataclass(frozen=True, slots=True)
class Fleet:
    """Servers of one version that carry a demand; without a lower bound of its capacity, no number is given."""

    arm: Arm
    """`baseline` or `candidate`."""
    servers: int | None
    """Servers to plan with, spare ones included: by the lower end of the capacity's interval, or by the highest rate
    that was proven to hold if it has none; None if neither is known."""
    servers_at_estimate: int | None
    """The same by the estimate; None if there is none."""
    servers_at_upper: int | None
    """The same by the upper end of the interval: fewer do not suffice; None if it has none."""
    rate_rps: float
    """Requests per second of each of `servers` if all are up, spare ones included; NaN without a number."""
    cpu_hours_per_day: float
    """CPU time that the requests of a day take, in hours; NaN if unknown."""
    reserved_cpu_hours_per_day: float
    """CPUs of all servers times 24 hours; NaN without a number."""
    memory_mb: float
    """Memory of all servers; NaN if unknown."""
    cost_per_hour: float
    """Cost of all servers; NaN without a price."""
    cost_per_day: float
    """Cost of all servers over 24 hours; NaN without a price."""


@dataclass(frozen=True, slots=True)
class FleetChange:
    """How many more servers the candidate needs: the change of the capacity applied to the baseline's servers."""

    share: float
    """By the estimate of the change: a share of the baseline's servers, negative if the candidate needs fewer."""
    lower: float
    """Lower end of the 99 % interval."""
    upper: float
    """Upper end of the 99 % interval; infinite if it has none."""
    servers: int
    """By the estimate of the change, in servers."""
    servers_lower: int
    """Lower end of the 99 % interval, in servers."""
    servers_upper: int | None
    """Upper end of the 99 % interval, in servers; None if it has none."""


@dataclass(frozen=True, slots=True)
class ServersNeeded:
    """Servers for a demand, extrapolated from one server at a time that had its CPUs to itself."""

    demand_rps: float
    """Requests per second of all servers together."""
    headroom: float
    """Share of the capacity that stays unused."""
    spare: int
    """Servers beyond those that carry the demand."""
    cost_per_server_hour: float | None
    """Price of one server for an hour, in any currency; None if not given."""
    cores: int
    """CPUs of one server."""
    fleets: tuple[Fleet, ...]
    """By version: baseline first."""
    change: FleetChange | None = None
    """None with one version, or if the change of the capacity or the baseline's servers are not known."""


@dataclass(frozen=True, slots=True)
class TunedSettings:
    """Settings of a server that `--tune` tried, and what they showed; chosen among many, so the best look too good."""

    name: str
    """`current settings`, or what is different."""
    max_batch_size: int | None
    """Rows of a batch; None without batching."""
    batch_timeout_micros: int | None
    """None without batching."""
    num_batch_threads: int | None
    """None without batching."""
    intra_op_threads: int
    """Threads within one op."""
    inter_op_threads: int
    """Ops run in parallel."""
    rounds: int = 0
    """Rounds of the search in which they took part; 0 if they could not be measured."""
    problem: str = ""
    """Why they could not be measured; empty if they could."""
    kind: CapacityKind = CapacityKind.OPEN
    """What is known of their capacity."""
    capacity_rps: float = float("nan")
    """The estimate; the highest rate tried if it is above that, the lowest if it is below."""
    capacity_lower_rps: float = 0.0
    """Lower end of its 95 % interval, with the differences between servers of all settings pooled; 0 if it has none."""
    capacity_upper_rps: float = float("nan")
    """Upper end; infinite if it has none."""
    p99_ms: float = float("nan")
    """99th percentile of the response time at the reference rate."""
    p99_lower_ms: float = 0.0
    """Lower end of its 95 % interval; 0 if it has none."""
    p99_upper_ms: float = float("nan")
    """Upper end; infinite if there are too few requests for one."""
    throughput_rps: float = float("nan")
    """Answers per second to many requests in flight, however long each takes."""
    front: bool = False
    """Whether no other settings are better in one of capacity and p99 and as good in the other, by the estimates."""


@dataclass(frozen=True, slots=True)
class SettingsCompared:
    """Fresh turns of the current and of the chosen settings, served at the same time: the only claim of `--tune`."""

    name: str
    """The settings that were compared with the current ones."""
    current: ArmCapacity
    """The capacity with the current settings."""
    other: ArmCapacity
    """The capacity with the chosen settings."""
    change: CapacityChange | None
    """From current to chosen settings; None if one has no estimate."""

    @property
    def better(self) -> bool:
        """Whether the chosen settings are shown to carry more."""
        return self.proven or (self.change is not None and self.change.lower > 0)

    @property
    def proven(self) -> bool:
        """Whether they carry a rate at which the current ones are proven to break."""
        return self.current.breaks_rps <= self.carried_rps

    @property
    def carried_rps(self) -> float:
        """A rate that the chosen settings carry for sure; 0 if none is known.

        Where they are proven to hold or, if it is known, twice as far below their capacity as its 95 % interval
        reaches: beyond 99 % from 3 degrees of freedom of Student's t on.
        """
        held = self.other.holds_rps if isfinite(self.other.holds_rps) else 0.0
        if self.other.kind is CapacityKind.ESTIMATED:
            return max(held, self.other.lower_rps**2 / self.other.rate_rps)
        return max(held, self.other.lower_rps if self.other.kind is CapacityKind.ABOVE else 0.0)


@dataclass(frozen=True, slots=True)
class Tuning:
    """What `--tune` found."""

    reference_rps: float
    """Rate at which the percentiles were measured."""
    reference_stated: bool
    """Whether the scenario states it; otherwise it is half of the capacity of the current settings."""
    settings: tuple[TunedSettings, ...]
    """All that were tried, the current settings first."""
    throughput: str
    """Name of the settings to take for throughput alone; empty if unknown."""
    latency: str
    """Name of those to take for latency alone."""
    objective: str
    """Name of those to take for the highest rate at the objectives: others than the current ones only if shown."""
    alike: tuple[tuple[str, str], ...]
    """Pairs of settings on the front, or the current ones, that cannot be told apart."""
    compared: SettingsCompared | None
    """None if it was interrupted before, or nothing else worked."""
    batching_file: str
    """TF-Serving's batching file of the settings for the objective; empty without batching."""
    server_toml: str
    """The same settings as tables of a scenario."""

    def of(self, name: str) -> TunedSettings | None:
        """Return the settings of a name."""
        return next((each for each in self.settings if each.name == name), None)


@dataclass(frozen=True, slots=True)
class CapacityAnswer:
    """Everything that `capacity.json` holds."""

    schema_version: int
    """Version of this format."""
    run_id: str
    """Name of this measurement."""
    created_utc: str
    """When it began."""
    perfgate_version: str
    """The version of perfgate."""
    complete: bool
    """False if it was interrupted: what was known by then."""
    scenario: dict[str, Any]
    """The scenario."""
    objectives: tuple[Bound, ...]
    """What has to hold."""
    arms: tuple[ArmCapacity, ...]
    """The versions: baseline first."""
    change: CapacityChange | None
    """None with one version, or if one has no estimate."""
    cores: int
    """CPUs that the servers may use."""
    servers: int
    """Servers of each version."""
    turn_s: float
    """Length of a turn, without its start."""
    lead_in_s: float
    """Time at the start of each turn that is left out, in which the queue is still filling."""
    turns: int
    """Turns of all versions."""
    seconds: float
    """Duration of the measurement."""
    seed: int
    """Repeats the rates, the order and the arrivals."""
    notes: tuple[str, ...] = ()
    """What weakens the answer."""
    environment: dict[str, Any] = field(default_factory=dict)
    """Facts of the machine and the software."""
    fingerprint: str = ""
    """Digest of what must be alike for two capacities to be comparable."""
    needs: ServersNeeded | None = None
    """Servers for a demand; None if no demand was given."""
    tuning: Tuning | None = None
    """Other settings of the server that were tried; None without `--tune`."""

    @property
    def verdict(self) -> Verdict | None:
        """The verdict on the candidate; None with one version, for which there is nothing to compare."""
        if len(self.arms) < len(Arm):
            return None
        if self.change is not None:
            return self.change.verdict
        limited = any(each.kind is CapacityKind.GENERATOR for each in self.arms)
        return Verdict.INVALID if limited else Verdict.INCONCLUSIVE

    def of(self, arm: Arm) -> ArmCapacity | None:
        """Return one version's capacity."""
        return next((each for each in self.arms if each.arm is arm), None)
