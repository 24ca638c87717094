"""What `perfgate plan --check` answers: whether the trained model shows what its plan promised."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from perfgate.gate.verdict import Verdict
from perfgate.planning.answer import ObjectiveAnswer
from perfgate.sketch.built import SketchFacts

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class CheckedPromise:
    """One promise of a plan, and what the trained model shows."""

    metric: str
    """Its metric."""
    promised: float
    """The plan's value, as measured with untrained weights; at today's speed of the machine, if that is known."""
    promised_lower: float
    """Lower end of the plan's 95 % interval."""
    promised_upper: float
    """Upper end of that interval."""
    measured: float
    """What the trained model takes."""
    measured_lower: float
    """Lower end of its 95 % interval."""
    measured_upper: float
    """Upper end of that interval."""
    covered: bool
    """Whether the promised interval contains the measured value."""
    error: float
    """Measured over promised, minus 1."""
    same_speed: bool
    """Whether a changed speed of the machine cannot be the reason for the error: the untrained model was measured
    again beside the trained one, or the metric does not depend on the speed."""
    speed: float = 1.0
    """What the untrained model shows today, relative to what it showed when it was planned with; 1 if it was not
    measured again."""


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """How well plans of this scenario were kept so far, this check included."""

    checks: int
    """Plans that were checked."""
    promises: int
    """Promises of all of them."""
    covered: int
    """Promises whose interval contained the measured value."""
    error_p50: float
    """Median of the errors' sizes, as a share of what was promised; NaN without a promise."""
    error_p90: float
    """90th percentile of the errors' sizes."""


@dataclass(frozen=True, slots=True)
class PlanCheck:
    """The whole answer; written as `plan-check.json`."""

    schema_version: int
    """Number of incompatible changes to this document's format so far."""
    check_id: str
    """Unique name."""
    created_utc: str
    """When it began, ISO 8601."""
    perfgate_version: str
    """Version that measured."""
    complete: bool
    """Whether the measurement ended by itself."""
    plan_id: str
    """The plan that was checked."""
    sketch: SketchFacts
    """What the plan measured."""
    model: str
    """The trained model, as given."""
    model_digest: str
    """SHA-256 of its files, `sha256:…`."""
    beside: bool
    """Whether the untrained model was measured again beside the trained one, so that the machine's speed cancels."""
    promises: tuple[CheckedPromise, ...]
    """In the plan's order."""
    objectives: tuple[ObjectiveAnswer, ...]
    """The objectives of the trained model, in the scenario's order."""
    verdict: Verdict
    """`pass` if every objective holds, `fail` if one breaks, `inconclusive` if one is open, `invalid` if none could be
    measured."""
    record: TrackRecord
    """How well plans of this scenario were kept so far."""
    notes: tuple[str, ...] = ()
    """What weakens the answer."""
    scenario: dict[str, Any] = field(default_factory=dict)
    """The scenario, with all defaults."""
    environment: dict[str, Any] = field(default_factory=dict)
    """Facts of the machine and the software."""
    fingerprint: str = ""
    """Digest of what must be alike for two plans to be comparable."""
