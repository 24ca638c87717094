"""What `perfgate plan` answers: whether a model that is not trained yet holds its objectives, and what it takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from perfgate.capacity.answer import CapacityAnswer
from perfgate.explain.profile import Profile
from perfgate.gate.verdict import Verdict
from perfgate.sketch.built import SketchFacts

SCHEMA_VERSION = 1


class ObjectiveStatus(StrEnum):
    """Whether an objective holds, by the gate's exact tests."""

    HOLDS = "holds"
    BREAKS = "breaks"
    OPEN = "open"  # neither is proven


@dataclass(frozen=True, slots=True)
class ObjectiveAnswer:
    """One objective of the scenario."""

    metric: str
    """Its metric."""
    status: ObjectiveStatus
    """What the gate's test says."""
    bound: float
    """The bound, in the metric's unit."""
    is_maximum: bool
    """Whether the value must be at most the bound; otherwise at least."""
    value: float
    """The measured value."""
    lower: float
    """Lower end of its interval, at the gate's level."""
    upper: float
    """Upper end of its interval; infinite if it has none."""
    warns: bool = False
    """Whether a miss is only shown."""
    more: str = ""
    """What would decide it, if it is open."""
    by_capacity: bool = False
    """Whether the gate's test left it open, and the interval of the capacity decided: the scenario's rate lies below or
    above it."""

    @property
    def margin(self) -> float:
        """How far the value is on the good side of the bound, as a share of the bound; negative on the bad side."""
        return self._share(self.value)

    @property
    def margins(self) -> tuple[float, float]:
        """The margin at both ends of the interval: the worse one, and the better one."""
        ends = sorted((self._share(self.lower), self._share(self.upper)))
        return ends[0], ends[1]

    def _share(self, value: float) -> float:
        if not self.bound:
            return float("nan")
        return (self.bound - value if self.is_maximum else value - self.bound) / abs(self.bound)


@dataclass(frozen=True, slots=True)
class Promise:
    """One number that the trained model is expected to show on this machine, and how far off it may be."""

    metric: str
    """Its metric."""
    value: float
    """As measured with untrained weights."""
    lower: float
    """Lower end of the 95 % interval for another run, of as many servers and of the same length, with other weights."""
    upper: float
    """Upper end of that interval."""


@dataclass(frozen=True, slots=True)
class CoresNeeded:
    """Servers for the scenario's rate, by the capacity of one."""

    rate_rps: float
    """Rate to carry."""
    cores: int
    """CPUs of a server."""
    servers: int | None
    """By the lower end of the capacity's interval; None if it has none."""
    servers_at_estimate: int | None
    """By the estimate; None if there is none."""
    servers_at_upper: int | None
    """By the upper end: fewer do not suffice; None if it has none."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """Something that decides how fast a trained model is, and that random weights or random requests cannot show."""

    code: str
    """Stable word for programs, such as `embedding skew`."""
    sentence: str
    """What is not seen, and what the answer assumes."""
    remedy: str
    """How to see it; empty if only the trained model shows it."""


@dataclass(frozen=True, slots=True)
class ScaleRange:
    """One dimension of a sketch, and between which values it was varied."""

    dimension: str
    """Its name: `layers.width`."""
    low: int
    """Smallest value."""
    high: int
    """Largest value."""


@dataclass(frozen=True, slots=True)
class ScalePoint:
    """What the sketch showed at one value of the dimension, over all measurements of it."""

    value: int
    """Of the dimension."""
    status: ObjectiveStatus
    """Whether all objectives hold."""
    objective: str
    """Metric of the objective that is nearest to its bound, or beyond it."""
    ratio: float
    """That metric's value relative to its bound; above 1 it is missed."""
    ratio_lower: float
    """Lower end of its interval at the gate's level."""
    ratio_upper: float
    """Upper end of its interval."""
    measurements: int
    """How often it was measured, each time in fresh servers."""
    parameters: int
    """Weights of the model."""


@dataclass(frozen=True, slots=True)
class ScaleLimit:
    """The largest value of one dimension at which all objectives hold."""

    fixed: dict[str, int]
    """Values of the other dimensions that were varied; empty with one."""
    holds: int | None
    """Largest value that was proven to hold; None if none was."""
    breaks: int | None
    """Smallest value above it that was proven to break; None if none was."""
    estimate: float
    """Where the line through the measurements nearby crosses the bound; NaN if it does not."""
    lower: float
    """Lower end of the 95 % interval; the smallest value that was tried if it may be below."""
    upper: float
    """Upper end of the 95 % interval; infinite if no end is known."""
    objective: str
    """Metric of the objective that breaks first; empty if none did."""
    points: tuple[ScalePoint, ...]
    """By value, ascending."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How large a sketch may become."""

    ranges: tuple[ScaleRange, ...]
    """The dimensions: one, or two, whose first one is the one that each limit is about."""
    limits: tuple[ScaleLimit, ...]
    """One; with two dimensions, one for each value of the second, which make the frontier."""
    seconds: float
    """Time that the search took, with starts of servers."""


@dataclass(frozen=True, slots=True)
class PlanAnswer:
    """The whole answer; written as `plan.json`."""

    schema_version: int
    """Number of incompatible changes to this document's format so far."""
    plan_id: str
    """Unique name."""
    created_utc: str
    """When it began, ISO 8601."""
    perfgate_version: str
    """Version that measured."""
    complete: bool
    """Whether the measurement ended by itself."""
    sketch: SketchFacts
    """What was built."""
    scenario: dict[str, Any]
    """The scenario, with all defaults."""
    scenario_digest: str
    """Digest of what it measures."""
    verdict: Verdict
    """`pass` if every objective holds, `fail` if one breaks, `inconclusive` if one is open, `invalid` if none could be
    measured."""
    objectives: tuple[ObjectiveAnswer, ...]
    """In the scenario's order."""
    promises: tuple[Promise, ...]
    """What `--check` compares with the trained model."""
    profile: Profile | None
    """Where the time goes; None if the operations were not timed."""
    capacity: CapacityAnswer | None
    """What one server carries; None if that was not measured."""
    needed: CoresNeeded | None
    """Servers for the scenario's rate; None if it has none."""
    unseen: tuple[Unseen, ...]
    """What random weights cannot show."""
    scale: Scale | None = None
    """How large the sketch may become; None without `--scale`."""
    notes: tuple[str, ...] = ()
    """What weakens the answer."""
    seconds: float = float("nan")
    """Duration of the measurement."""
    seed: int = 0
    """Repeats the order and the arrivals."""
    environment: dict[str, Any] = field(default_factory=dict)
    """Facts of the machine and the software."""
    fingerprint: str = ""
    """Digest of what must be alike for two plans to be comparable."""
