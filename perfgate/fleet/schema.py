"""The schema of a fleet file: many models under scenarios, with owners, baselines, priorities and budgets."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from perfgate.scenario.forms import Seconds, Table


class Family(StrEnum):
    """What shares the error level of failures."""

    FLEET = "fleet"
    GATE = "gate"


class Correction(StrEnum):
    """Which gates are declared to have failed, of many that were tested."""

    HOLM = "holm"
    BENJAMINI_HOCHBERG = "benjamini-hochberg"


class Common(Table):
    """Keys that `[defaults]` and each `[[models]]` share; a model's own value comes first."""

    scenarios: tuple[str, ...] = ()
    """Scenarios by name (`scenarios/NAME.toml`) or file, relative to the fleet file. None: the default scenario."""
    baseline: str = "default"
    """Stored baseline to compare with; `{name}` is the model's name."""
    against: str = ""
    """Model to compare with instead of a stored baseline, relative to the fleet file; `{name}` is the model's name."""
    objectives_only: bool = False
    """Do not compare: judge only the scenario's objectives."""
    owner: str = ""
    """Who is responsible: shown in reports and in the JUnit file; `{name}` is the model's name."""
    priority: int = 0
    """Gates of a higher priority are measured first, and are the first to get more time."""
    budget_s: Seconds | None = None
    """Measuring time of a gate. Default: that of its scenario."""
    replicas: int | None = Field(default=None, ge=2, le=64)
    """Server processes per arm. Default: that of its scenario."""
    cores: int = Field(default=2, ge=1)
    """Whole cores that a measurement has to itself, on one machine."""
    memory_mib: float = Field(default=0.0, ge=0)
    """Memory that a measurement reserves, MiB. 0: none."""
    resources: dict[str, float] = Field(default_factory=dict)
    """Other resources that a node must have, by the names that the Ray cluster gives them: `avx512 = 1`."""
    demand_rps: float | None = Field(default=None, gt=0)
    """Requests per second that the model must carry in production: its capacity is measured, too, and servers are
    counted."""

    headroom: float = Field(default=0.3, ge=0, lt=1)
    """Share of the capacity that stays unused when servers are counted."""

    @model_validator(mode="after")
    def _one_baseline(self) -> Self:
        given = [key for key in ("baseline", "against", "objectives_only") if key in self.model_fields_set]
        if len(given) > 1:
            msg = f"{given[0]} and {given[1]} cannot be used together"
            raise ValueError(msg)
        return self


class Defaults(Common):
    """Values for models that do not set them."""


class FleetModel(Common):
    """One model, or all that match a pattern."""

    model: str = Field(min_length=1)
    """SavedModel directory, TF-Serving base path or .keras file, relative to the fleet file; `*`, `?` and `**` match
    many. An entry without a pattern replaces what patterns say of the same model."""
    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Name of the model in reports. Default: the last part of its path."""


class FleetFile(Table):
    """A whole fleet file."""

    name: str = Field(default="fleet", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Name of the fleet. Default: the file's stem."""
    family: Family = Family.FLEET
    """`fleet`: one error level for all gates together; `gate`: one for each."""
    correction: Correction = Correction.HOLM
    """`holm`: at most alpha of fleets raise any false alarm; `benjamini-hochberg`: at most alpha of the failures are
    false, in the mean."""
    alpha: float = Field(default=0.01, gt=0, lt=0.5)
    """One-sided error level."""
    rounds: int = Field(default=2, ge=1, le=2)
    """2: gates that are undecided get the time that the others left; the error level is divided between the rounds."""
    most_s: Seconds | None = None
    """Time for the whole fleet; gates that cannot begin within it stay undecided."""
    store: str = "baselines"
    """Baseline store: a directory relative to the fleet file, or any fsspec URL."""
    defaults: Defaults = Field(default_factory=Defaults)
    """Values for models that do not set them."""
    models: tuple[FleetModel, ...] = Field(min_length=1)
    """The models: an array of tables."""
