"""What `perfgate fleet` answers: a verdict on every gate, what moved, and the servers that all models need."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from math import isnan, nan
from typing import Any

from perfgate.capacity.answer import ArmCapacity, CapacityChange, ServersNeeded
from perfgate.fleet.schema import Correction, Family
from perfgate.gate.verdict import Verdict

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measurement of a gate."""

    round_number: int
    """1, or 2 with the time that others left; 0: of the capacity."""
    directory: str
    """Relative to the fleet's directory."""
    budget_s: float
    """Measuring time that it was given."""
    node: str
    """Machine that measured."""
    cpus: tuple[int, ...]
    """CPUs that it had to itself."""
    began_utc: str
    """When it had its CPUs."""
    ended_utc: str
    """When it ended."""
    attempts: int
    """How often it was begun: more than once if a node was lost."""
    kept: bool
    """Whether an earlier call measured it, and nothing has changed since."""
    fingerprint: str = ""
    """Digest of the stable facts about the environment."""
    problem: str = ""
    """Why there is no result; empty if there is one."""

    @property
    def seconds(self) -> float:
        """Wall time; NaN if a document that others wrote has no times."""
        try:
            began, ended = map(datetime.fromisoformat, (self.began_utc, self.ended_utc))
            return (ended - began).total_seconds()
        except (ValueError, TypeError):
            return nan


@dataclass(frozen=True, slots=True)
class MetricMove:
    """One gated metric of a gate."""

    metric: str
    """Name in the metrics table."""
    change: float
    """Relative change, or the difference in the metric's unit."""
    lower: float
    """Lower end of the interval, at the level that all gated metrics of all gates share."""
    upper: float
    """Upper end of the interval."""
    tolerance: float
    """Accepted change for the worse, in the same form."""
    verdict: Verdict
    """Verdict of its own gate."""
    moved: bool
    """Whether the interval excludes no change."""
    worse_by: float
    """The change in tolerances, positive for the worse: what the index is sorted by."""
    worse_lower: float
    """The better end of the interval, in tolerances."""
    worse_upper: float
    """The worse end of the interval, in tolerances."""


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """One model under one scenario."""

    gate_id: str
    """Unique in the fleet: the names of model and scenario."""
    model_name: str
    """Name of the model, from the fleet file or its path."""
    model: str
    """Path of the model, as given."""
    scenario_name: str
    """Name of the scenario."""
    compared_with: str
    """The baseline's name or model; empty if nothing is compared."""
    owner: str
    """Who is responsible; empty if the fleet file does not say."""
    priority: int
    """Priority in the fleet file."""
    verdict: Verdict
    """Verdict within the fleet, at the error level that all gates share."""
    headline: str
    """What decided, or what prevents a decision."""
    moves: tuple[MetricMove, ...]
    """The gated metrics, the worst first."""
    measurements: tuple[Measurement, ...]
    """All rounds, and the search for the capacity."""
    since_utc: str = ""
    """Since when all measurements in the history had the same verdict and the same metrics moved; empty if nothing
    moved."""
    digests: dict[str, str] = field(default_factory=dict)
    """Digests of both models, by arm."""
    causes: tuple[str, ...] = ()
    """Why a gate fails, the weightiest first; empty if that is not known."""
    shown_round: int = 0
    """Round whose numbers these are, the one that decided; 0 if there is none, or an older perfgate wrote it."""

    @property
    def moved(self) -> tuple[MetricMove, ...]:
        """The metrics that moved."""
        return tuple(move for move in self.moves if move.moved)

    @property
    def seconds(self) -> float:
        """Wall time of all its measurements, kept ones included."""
        return sum(each.seconds for each in self.measurements if not isnan(each.seconds))

    @property
    def shown(self) -> Measurement | None:
        """The measurement that the numbers come from; where that is not known, the last one with a result."""
        found = [each for each in self.measurements if each.round_number and not each.problem]
        deciding = [each for each in found if each.round_number == self.shown_round]
        return (deciding or found)[-1] if found else None


@dataclass(frozen=True, slots=True)
class ModelDemand:
    """Servers for the demand of one model."""

    model_name: str
    """Name of the model."""
    demand_rps: float
    """Requests per second in production."""
    arms: tuple[ArmCapacity, ...]
    """Capacity of one server of each version."""
    change: CapacityChange | None
    """Change of the capacity from the baseline to the candidate; None if nothing is compared, or it is not known."""
    needed: ServersNeeded | None
    """Servers of each version; None if the capacity is not known."""


@dataclass(frozen=True, slots=True)
class TotalDemand:
    """Servers for all models with a demand, before rounding up."""

    models: int
    """Models that are counted."""
    left_out: tuple[str, ...]
    """Models whose capacity is not known."""
    demand_rps: float
    """Of the models that are counted."""
    baseline: tuple[float, float, float] | None
    """Servers of the baselines: estimate, lower and upper end of the 95 % interval; None if nothing is compared,
    or the capacity of a baseline is not known."""
    candidate: tuple[float, float, float] | None
    """Servers of the candidates; None if no capacity is known."""
    change: tuple[float, float, float] | None
    """More servers for the candidates, negative for fewer: estimate, lower and upper end of the 99 % interval."""


@dataclass(frozen=True, slots=True)
class FleetAnswer:
    """The whole answer: the content of `fleet.json`."""

    fleet: str
    """Name of the fleet."""
    created_utc: str
    """When the command began."""
    ended_utc: str
    """When the last measurement had ended."""
    perfgate_version: str
    """Version that judged."""
    command: tuple[str, ...]
    """Command line."""
    family: Family
    """What shares the error level."""
    correction: Correction
    """What the error level bounds."""
    alpha: float
    """One-sided error level."""
    rounds: int
    """2 if undecided gates get the time that others leave, else 1."""
    engine: str
    """Where measurements ran, in words."""
    verdict: Verdict
    """Verdict on the fleet: that of its worst gate. `invalid` is worse than `fail`."""
    headline: str
    """Which gates decided, the worst first."""
    complete: bool
    """Whether every gate was measured; otherwise the fleet was interrupted, or its time was up."""
    gates: tuple[GateAnswer, ...]
    """The most urgent first."""
    demands: tuple[ModelDemand, ...] = ()
    """Models with a demand, in the order of the fleet file."""
    total: TotalDemand | None = None
    """Servers for all models with a demand; None if there are none."""
    seconds: float = nan
    """Wall time of the command."""
    measured_s: float = nan
    """Sum of the wall times of all measurements that this command made."""
    schema_version: int = SCHEMA_VERSION
    """Number of incompatible changes to this document's format so far."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Other facts."""

    def of(self, verdict: Verdict) -> tuple[GateAnswer, ...]:
        """Return the gates with a verdict."""
        return tuple(gate for gate in self.gates if gate.verdict is verdict)
