"""What a scenario may say. One typed schema: validation, defaults and the JSON Schema for editors come from it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from perfgate.metrics import BY_NAME


def _share(value: object) -> object:
    """Turn `"5%"` into 0.05; leave numbers alone."""
    if isinstance(value, str) and (match := re.fullmatch(r"\s*([0-9.]+)\s*%\s*", value)):
        return float(match[1]) / 100
    return value


_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def _seconds(value: object) -> object:
    """Turn `"60s"`, `"500ms"`, `"2min"` into seconds; leave numbers alone."""
    if isinstance(value, str) and (match := re.fullmatch(r"\s*([0-9.]+)\s*(ms|s|min|m|h)\s*", value)):
        return float(match[1]) * _UNITS_S[match[2]]
    return value


Share = Annotated[float, BeforeValidator(_share), Field(gt=0, lt=10)]
Part = Annotated[float, BeforeValidator(_share), Field(ge=0, le=1)]
Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


class InputSpec(_Table):
    """How to fill one input of the signature."""

    shape: tuple[Annotated[int, Field(ge=0)], ...] | None = None
    """Shape of one request's tensor, batch included; needed for unknown dimensions other than the first."""
    low: float | None = None
    high: float | None = None
    """Half-open range for numbers; integers draw from low … high - 1."""
    vocabulary: tuple[str, ...] | None = None
    """Strings to draw from."""
    length: int = Field(default=8, ge=0)
    """Length of random strings where there is no vocabulary."""

    @model_validator(mode="after")
    def _range(self) -> InputSpec:
        if self.low is not None and self.high is not None and not self.low < self.high:
            msg = f"low = {self.low:g} must be below high = {self.high:g}"
            raise ValueError(msg)
        return self


class Payload(_Table):
    """What a request carries."""

    signature: str = "serving_default"
    batch_size: int = Field(default=8, ge=1)
    distinct: int = Field(default=16, ge=1, le=10_000)
    """How many different requests are made and cycled through."""
    inputs: dict[str, InputSpec] = Field(default_factory=dict)


class Load(_Table):
    """The scenario's traffic in the `load` lane."""

    arrivals: Literal["closed", "constant", "poisson"] = "closed"
    rate_rps: float | None = Field(default=None, gt=0)
    in_flight: int = Field(default=2, ge=1, le=1024)
    """Closed loop: requests kept in flight."""
    deadline_s: Seconds = 5.0

    @model_validator(mode="after")
    def _rate_for_open_loops(self) -> Load:
        if (self.arrivals == "closed") == (self.rate_rps is not None):
            need = "takes in_flight, not rate_rps" if self.arrivals == "closed" else "needs rate_rps"
            msg = f'arrivals = "{self.arrivals}" {need}'
            raise ValueError(msg)
        return self


class Server(_Table):
    """Settings of the embedded server."""

    intra_op_threads: int = Field(default=1, ge=0)
    """0: TensorFlow's default, one per core."""
    inter_op_threads: int = Field(default=1, ge=0)
    cpus: tuple[int, ...] | None = None
    """CPU numbers the servers may use; none given: all."""
    driver_cpus: tuple[int, ...] | None = None
    huge_pages: bool = True
    """glibc.malloc.hugetlb=1 in the servers (docs/method.md)."""
    rpc_threads: int = Field(default=4, ge=1)


class MetricGate(_Table):
    """How one metric is gated: the regression to catch, or the tolerance itself; `gate = false` leaves it out."""

    catch: Share | None = None
    tolerance: Share | None = None
    gate: bool = True

    @model_validator(mode="after")
    def _one_of_both(self) -> MetricGate:
        if self.catch is not None and self.tolerance is not None:
            msg = "give catch or tolerance, not both: tolerance is half of catch"
            raise ValueError(msg)
        return self


class Objective(_Table):
    """An absolute bound (SLO) on one metric of the candidate."""

    max: float | None = None
    min: float | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Objective:
        if (self.max is None) == (self.min is None):
            msg = "give exactly one of max and min"
            raise ValueError(msg)
        return self


def _known_metrics(value: dict[str, Any]) -> dict[str, Any]:
    for name in value:
        if name not in BY_NAME:
            msg = f"unknown metric {name}"
            raise ValueError(msg)
    return value


class Gate(_Table):
    """When a difference counts."""

    alpha: float = Field(default=0.01, gt=0, lt=0.5)
    """One-sided error level of both bounds."""
    metrics: dict[str, MetricGate] = Field(default_factory=dict)

    @field_validator("metrics")
    @classmethod
    def _metrics(cls, value: dict[str, MetricGate]) -> dict[str, MetricGate]:
        return _known_metrics(value)


class Budget(_Table):
    """How long to measure, and how the time is shared among the lanes."""

    measure_s: Seconds = 45.0
    """Measuring time, start-up and warm-up not counted."""
    replicas: int = Field(default=12, ge=2, le=64)
    """Per arm."""
    parents: int = Field(default=2, ge=1, le=8)
    """Fork servers."""
    execute_share: Part = 0.6
    request_share: Part = 0.2
    """The rest is the `load` lane's."""

    @model_validator(mode="after")
    def _shares(self) -> Budget:
        if self.execute_share + self.request_share > 1:
            msg = "execute_share + request_share must be at most 1"
            raise ValueError(msg)
        return self


class Scenario(_Table):
    """A whole scenario file."""

    name: str = Field(default="default", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    description: str = ""
    payload: Payload = Payload()
    load: Load = Load()
    server: Server = Server()
    gate: Gate = Gate()
    objectives: dict[str, Objective] = Field(default_factory=dict)
    budget: Budget = Budget()

    @field_validator("objectives")
    @classmethod
    def _objectives(cls, value: dict[str, Objective]) -> dict[str, Objective]:
        return _known_metrics(value)
