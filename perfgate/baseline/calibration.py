"""What `perfgate calibrate` found out about a machine, kept per environment fingerprint and scenario."""

from __future__ import annotations

from dataclasses import dataclass, field

from perfgate.stats.components import Components

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Detectable:
    """Smallest regression of one metric that a budget fails with 80 % power, by this calibration."""

    metric: str
    budget_s: float
    share: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """A/A runs of one scenario on one machine, summed up."""

    created_utc: str
    fingerprint: str
    scenario_name: str
    scenario_digest: str
    model_digest: str
    components: tuple[Components, ...]
    detectable: tuple[Detectable, ...] = ()
    overhead_s: float = 0.0
    """Start and warm-up of all servers, on top of the measuring time."""
    schema_version: int = field(default=SCHEMA_VERSION)
