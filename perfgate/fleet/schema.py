"""The schema of a fleet file: many models under scenarios, with owners, baselines, priorities and budgets."""

from __future__ import annotations

import re
from enum import StrEnum
from math import isfinite
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from perfgate.capacity.amounts import rate_in
from perfgate.errors import UsageError
from perfgate.scenario.forms import Seconds, Table, as_seconds, as_share

_OWN_KEYS = {"CPU": "`cores` reserves them", "memory": "`memory_mib` reserves it", "GPU": "give the nodes a name"}
"""Resources that Ray counts itself, and does not take by name."""


class Family(StrEnum):
    """What shares the error level of failures."""

    FLEET = "fleet"
    GATE = "gate"


class Correction(StrEnum):
    """Which gates are declared to have failed, of many that were tested."""

    HOLM = "holm"
    BENJAMINI_HOCHBERG = "benjamini-hochberg"


def _text(text: str) -> str:
    """Refuse what is neither a path nor a name."""
    if not text.strip() or not text.isprintable():
        msg = "must be a path or a name, in printable characters"
        raise ValueError(msg)
    return text


def _printable(text: str) -> str:
    """Refuse control characters, which no path has by intention and no message could show."""
    if text and not text.isprintable():
        msg = "must be in printable characters"
        raise ValueError(msg)
    return text


def _on_disk(text: str) -> str:
    """Refuse URLs: whether a running server has changed since it was measured is not known."""
    if "://" in text:
        msg = "must be a path: a fleet's models are files, and running servers are gated by `perfgate run`"
        raise ValueError(msg)
    return text


def _filled_in(text: str) -> str:
    """Refuse placeholders that nothing replaces."""
    if others := [each for each in re.findall(r"\{\w*\}", text) if each != "{name}"]:
        msg = f"must be without {others[0]}: only {{name}} is replaced, by the model's name"
        raise ValueError(msg)
    return text


def _of_nodes(resources: dict[str, float]) -> dict[str, float]:
    """Refuse what a Ray cluster would refuse, and later."""
    for name, value in resources.items():
        _printable(name)
        if not name.strip() or name in _OWN_KEYS:
            msg = f"must be without {name or 'an empty name'}{': ' + _OWN_KEYS[name] if name in _OWN_KEYS else ''}"
            raise ValueError(msg)
        if not (isfinite(value) and value > 0 and (value < 1 or value.is_integer())):
            msg = f"must be above 0, and whole above 1: {name}"
            raise ValueError(msg)
    return resources


def _as_rate(value: object) -> object:
    """Convert `"20M"` to 20 million requests per second; numbers are unchanged."""
    if isinstance(value, bool) or not isinstance(value, str):
        return value
    try:
        return rate_in(value, "demand_rps")
    except UsageError as error:
        msg = 'must be requests per second, such as 300000, "1.5k" or "20M"'
        raise ValueError(msg) from error


Demand = Annotated[
    float,
    BeforeValidator(_as_rate),
    Field(strict=True, ge=0.001, le=100_000_000_000),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0.001, "maximum": 100_000_000_000},
                {"type": "string", "pattern": r"^\s*[0-9][0-9.,]*\s*[kKMG]?\s*$"},
            ]
        }
    ),
]
Name = Annotated[str, AfterValidator(_text)]
OnDisk = Annotated[str, AfterValidator(_text), AfterValidator(_on_disk)]
Filled = Annotated[str, AfterValidator(_filled_in), AfterValidator(_printable)]
Budget = Annotated[float, BeforeValidator(as_seconds), Field(ge=0.1, le=604_800)]
Headroom = Annotated[float, BeforeValidator(as_share), Field(ge=0, lt=1)]
ReportName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class Common(Table):
    """Keys that `[defaults]` and each `[[models]]` share; a model's own value comes first."""

    scenarios: tuple[Name, ...] = ()
    """Scenarios, each of which is a gate of its own. A word without `/` and `.toml` is a name
    (`scenarios/NAME.toml` beside the fleet file, or as for `perfgate run`), anything else is a file, relative to the
    fleet file. None: the scenario with all defaults."""
    baseline: Annotated[Name, AfterValidator(_filled_in)] = "default"
    """Stored baseline to compare with; `{name}` is the model's name. At most one of `baseline`, `against` and
    `objectives_only` can be set, and a model's own replaces that of `[defaults]`, whichever it is."""
    against: Annotated[Filled, AfterValidator(_on_disk)] = ""
    """Model to compare with instead of a stored baseline, relative to the fleet file; `{name}` is the model's name."""
    objectives_only: bool = Field(default=False, strict=True)
    """Do not compare: judge only the scenario's objectives."""
    owner: Filled = ""
    """Who is responsible: shown in reports and in the JUnit file; `{name}` is the model's name."""
    priority: int = Field(default=0, strict=True, ge=-1_000_000, le=1_000_000)
    """Gates of a higher priority are measured first, and are the first to get more time. Among equals, the one with the
    largest budget comes first."""
    budget_s: Budget | None = None
    """Measuring time of a gate in the first round; starts, warm-up and explanations are extra. Default: that of its
    scenario."""
    replicas: int | None = Field(default=None, strict=True, ge=2, le=64)
    """Server processes per arm. Default: that of its scenario."""
    cores: int = Field(default=2, strict=True, ge=1, le=1024)
    """Whole cores that a measurement has to itself, on one machine, for the servers and the load generator. A machine
    with n cores measures n / cores gates at a time."""
    memory_mib: float = Field(default=0.0, strict=True, ge=0, le=1_000_000_000)
    """Memory that a measurement reserves, MiB. 0: none. It decides what is measured beside it, and limits nothing."""
    resources: Annotated[dict[str, float], AfterValidator(_of_nodes)] = Field(default_factory=dict)
    """Other resources that a node must have, by the names that the Ray cluster gives them: `avx512 = 1`."""
    demand_rps: Demand | None = None
    """Requests per second that the model must carry in production, such as 300000 or `"20M"`: its capacity is measured,
    too, under its first scenario and after all gates, and servers are counted. It decides no verdict."""
    capacity_s: Budget = 240.0
    """Time for the search for the capacity of a model with a demand."""
    headroom: Headroom = 0.3
    """Share of the capacity that stays unused when servers are counted."""

    @model_validator(mode="after")
    def _one_baseline(self) -> Self:
        if len(given := self.compared_by) > 1:
            msg = f"{given[0]} and {given[1]} cannot be used together"
            raise ValueError(msg)
        return self

    @property
    def compared_by(self) -> tuple[str, ...]:
        """Which of the keys that exclude each other are set; `objectives_only = false` says nothing."""
        keys = ("baseline", "against", "objectives_only")
        return tuple(key for key in keys if key in self.model_fields_set and getattr(self, key) is not False)


class Defaults(Common):
    """Values for models that do not set them."""


class FleetModel(Common):
    """One model, or all that match a pattern."""

    model: OnDisk
    """SavedModel directory, TF-Serving base path or `.keras` file, relative to the fleet file. `*`, `?` and `[ab]`
    match within a name: every directory and `.keras` file that is not hidden, and one that is no model is an error.
    `**` matches directories at any depth, but only models. An entry without a pattern replaces what patterns say of the
    same model; of two patterns, the later one does, scenario by scenario."""
    name: ReportName | None = None
    """Name of the model in reports and of its directory. Default: the last part of its path, or the last two of a
    version (`ranker/3` is `ranker-3`; a base path keeps its name when a version is added)."""


class FleetFile(Table):
    """A whole fleet file."""

    name: ReportName = Field(default_factory=lambda: "fleet")  # no default in the schema: reading a file gives another
    """Name of the fleet. Default: the file's stem."""
    family: Family = Family.FLEET
    """What shares the error level. `fleet`: all gates together; `gate`: none, each has all of it."""
    correction: Correction = Correction.HOLM
    """What the error level of a fleet bounds. `holm`: at most alpha of fleets raise any false alarm;
    `benjamini-hochberg`: at most alpha of the failures are false, on average."""
    alpha: float = Field(default=0.01, strict=True, gt=0, lt=0.5)
    """One-sided error level of passes and failures, instead of the scenarios'."""
    rounds: int = Field(default=2, strict=True, ge=1, le=2)
    """2: gates that are undecided get the time that the others left; the error level is divided between the rounds."""
    most_s: Seconds | None = None
    """Time for the whole fleet: after it, no measurement begins, and gates that were not measured stay undecided. The
    next call measures them."""
    store: Name = "baselines"
    """Baseline store: a directory relative to the fleet file, or any fsspec URL."""
    defaults: Defaults = Field(default_factory=Defaults)
    """Values for models that do not set them."""
    models: tuple[FleetModel, ...] = Field(min_length=1)
    """The models: an array of tables, `[[models]]`."""
