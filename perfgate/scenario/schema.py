"""The typed schema of a scenario: the source of validation, defaults and the JSON Schema for editors."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from perfgate.formatting import given
from perfgate.metrics import BY_NAME
from perfgate.scenario.amounts import AMOUNTS, amount_problem
from perfgate.scenario.forms import Amount, Part, Seconds, Table, as_seconds
from perfgate.scenario.severity import Severity


class InputSpec(Table):
    """How to fill one input of the signature."""

    shape: tuple[Annotated[int, Field(ge=0)], ...] | None = None
    """Shape of one request's tensor including the batch; required if dimensions other than the first are unknown."""
    low: float | None = None
    """Lowest value. Default: 0 for integers; floats are drawn from the standard normal distribution."""
    high: float | None = None
    """Exclusive upper end of the range: integers go from `low` to `high` - 1."""
    distribution: Literal["uniform", "zipf"] = "uniform"
    """`zipf`, for integers: low is the most frequent, rank k is drawn in proportion to k ** -exponent."""
    exponent: float = Field(default=1.0, gt=0, le=10)
    """`zipf`: 1 is Zipf's law; higher is more skewed."""
    vocabulary: tuple[str, ...] | None = None
    """Strings to draw from."""
    length: Annotated[int, Field(ge=0)] | tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]] = 8
    """Length of random strings without a vocabulary: a number, or the shortest and the longest."""

    @model_validator(mode="after")
    def _range(self) -> InputSpec:
        if self.low is not None and self.high is not None and not self.low < self.high:
            msg = f"low = {given(self.low)} must be below high = {given(self.high)}"
            raise ValueError(msg)
        if isinstance(self.length, tuple) and self.length[0] > self.length[1]:
            msg = f"length = [{self.length[0]}, {self.length[1]}] must be [shortest, longest]"
            raise ValueError(msg)
        return self


DTypeName = Literal[
    "float32", "float64", "int32", "uint8", "int16", "int8", "string", "complex64", "int64", "bool", "bfloat16",
    "uint16", "complex128", "float16", "uint32", "uint64",
]  # fmt: skip
"""TensorFlow types that a request can carry (perfgate.model.dtypes)."""


class TensorInfo(Table):
    """One input or output tensor of a signature, as in `SignatureDef`."""

    dtype: DTypeName
    """`float32`, `int64`, `string` …"""
    shape: tuple[Annotated[int, Field(ge=-1)], ...] | None = None
    """-1 for a dimension of any size; omitted if the rank is unknown."""


class SignatureDef(Table):
    """Inputs and outputs of the signature, for servers that do not report them."""

    inputs: dict[str, TensorInfo] = Field(min_length=1)
    """By name, as requests carry them."""
    outputs: dict[str, TensorInfo] = Field(default_factory=dict)
    """By name."""


Source = Literal["signature", "warmup_assets", "prediction_log", "examples", "json", "npz"]
_FILE_SOURCES = {"prediction_log", "examples", "json", "npz"}


class Payload(Table):
    """What a request carries."""

    source: Source = "signature"
    """Random values for the signature's inputs, or recorded requests (docs/reference/payloads.md)."""
    file: str | None = None
    """File of recorded requests, relative to the scenario file; required by all recorded sources except
    `warmup_assets`."""
    method: Literal["predict", "classify", "regress"] = "predict"
    """Method of `PredictionService`; `classify` and `regress` send `tf.Example`s."""
    signature: str = "serving_default"
    """Signature of the model to call."""
    batch_size: int = Field(default=8, ge=1)
    """Fills the unknown first dimension of every input."""
    distinct: int = Field(default=16, ge=1, le=10_000)
    """Number of distinct requests, generated once and sent in turn."""
    inputs: dict[str, InputSpec] = Field(default_factory=dict)
    """How to fill each input of the signature, by name; other inputs are filled according to their type."""
    signature_def: SignatureDef | None = None
    """`endpoint` without TF-Serving's metadata: inputs and outputs of the signature (docs/reference/targets.md)."""

    @model_validator(mode="after")
    def _file_for_recorded(self) -> Payload:
        if (self.source in _FILE_SOURCES) != (self.file is not None):
            need = "needs file" if self.source in _FILE_SOURCES else "does not use file"
            msg = f'source = "{self.source}" {need}'
            raise ValueError(msg)
        return self


class RequestClass(Payload):
    """One of several kinds of requests; keys that are not set are taken from `[payload]`."""

    weight: float = Field(default=1.0, gt=0)
    """Share of the requests, relative to the weights of the other classes."""


Arrivals = Literal["closed", "constant", "poisson", "gamma", "ramp", "steps", "trace"]
_ARRIVAL_KEYS: dict[str, tuple[str, ...]] = {
    "closed": (),
    "constant": ("rate_rps",),
    "poisson": ("rate_rps",),
    "gamma": ("rate_rps", "cv"),
    "ramp": ("from_rps", "to_rps"),
    "steps": ("steps_rps",),
    "trace": ("trace",),
}
"""Keys that each kind of arrivals needs; it accepts none of the others' keys."""
_RATE_KEYS = tuple(dict.fromkeys(key for keys in _ARRIVAL_KEYS.values() for key in keys))
_OPTIONAL_KEYS = {"in_flight": "closed", "think_time_s": "closed", "speed": "trace"}
"""The single kind of arrivals that uses each of these keys; their defaults are valid with every kind."""


class Load(Table):
    """The scenario's traffic in the `load` lane."""

    arrivals: Arrivals = "closed"
    """When requests are sent (docs/reference/scenario-files.md#arrivals)."""
    rate_rps: float | None = Field(default=None, gt=0)
    """`constant`, `poisson` and `gamma`: requests per second."""
    cv: float | None = Field(default=None, gt=0, le=10)
    """`gamma`: coefficient of variation of the gaps; 1 is Poisson, higher values are burstier."""
    from_rps: float | None = Field(default=None, ge=0)
    """`ramp`: the rate at the beginning of each turn."""
    to_rps: float | None = Field(default=None, ge=0)
    """`ramp`: the rate at the end of each turn; arrivals are random."""
    steps_rps: tuple[Annotated[float, Field(ge=0)], ...] | None = Field(default=None, min_length=1)
    """`steps`: rates of equally long parts of each turn; arrivals are random."""
    trace: str | None = None
    """`trace`: file with one timestamp in seconds per line; path relative to the scenario file."""
    speed: float = Field(default=1.0, gt=0)
    """`trace`: replay speed; 2 is twice as fast."""
    in_flight: int = Field(default=2, ge=1, le=1024)
    """Closed loop: requests kept in flight."""
    think_time_s: Annotated[float, BeforeValidator(as_seconds), Field(ge=0)] = 0.0
    """Closed loop: pause between a response and the next request."""
    deadline_s: Seconds = 5.0
    """A request that takes longer is an error, and is counted with this time."""
    turn_s: Seconds | None = None
    """Length of one turn on a server. Default: 0.5 to 2 s, 0.25 s in closed loops, or the length of the trace."""
    replicas: int | None = Field(default=None, ge=1, le=64)
    """Servers per arm in the load lane; use fewer for long turns. Default: all."""
    workers: int = Field(default=1, ge=1, le=64)
    """Processes of the load generator; use more if one core is not enough. `--engine ray` runs them on other nodes."""
    connections: int = Field(default=1, ge=1, le=1024)
    """Connections from each worker to a server."""

    @property
    def busy_workers(self) -> int:
        """Number of workers with something to do: in a closed loop each has at least one request in flight."""
        return min(self.workers, self.in_flight) if self.arrivals == "closed" else self.workers

    @model_validator(mode="after")
    def _keys_of_the_arrivals(self) -> Load:
        need = _ARRIVAL_KEYS[self.arrivals]
        given = [key for key in _RATE_KEYS if getattr(self, key) is not None]
        wrong = [f"needs {key}" for key in need if key not in given]
        wrong += [f"uses {' and '.join(need) or 'in_flight'}, not {key}" for key in given if key not in need]
        fields = type(self).model_fields
        changed = [key for key in _OPTIONAL_KEYS if getattr(self, key) != fields[key].default]
        wrong += [
            f'does not use {key}; only "{kind}" does'
            for key in changed
            if (kind := _OPTIONAL_KEYS[key]) != self.arrivals
        ]
        rates = (self.from_rps or 0, self.to_rps or 0, *(self.steps_rps or ()))
        if self.arrivals in {"ramp", "steps"} and not wrong and max(rates) <= 0:
            wrong = ["needs a rate above 0"]
        if wrong:
            msg = f'arrivals = "{self.arrivals}" {wrong[0]}'
            raise ValueError(msg)
        return self


class Batching(Table):
    """Batching of requests, with the settings of TF-Serving's `BatchingParameters`."""

    max_batch_size: int = Field(default=1000, ge=1)
    """Maximum rows in a batch."""
    batch_timeout_micros: int = Field(default=0, ge=0)
    """How long a batch waits for more requests."""
    num_batch_threads: int = Field(default=2, ge=1, le=1024)
    """Batches executed in parallel."""
    max_enqueued_batches: int = Field(default=10, ge=1)
    """Maximum number of waiting batches; further requests are rejected."""
    allowed_batch_sizes: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Ascending sizes ending with max_batch_size; batches are padded to the next one."""
    pad_variable_length_inputs: bool = False
    """Pad inputs of different shapes to a common shape."""
    enable_large_batch_splitting: bool = False
    """Split requests that are larger than a batch, up to max_batch_size rows."""
    max_execution_batch_size: int | None = Field(default=None, ge=1, le=65536)
    """Maximum rows in a batch when large requests are split. Default: max_batch_size."""

    @model_validator(mode="after")
    def _sizes(self) -> Batching:
        sizes, name, most = self.allowed_batch_sizes, "max_batch_size", self.max_batch_size
        if self.enable_large_batch_splitting and self.max_execution_batch_size:
            if self.max_execution_batch_size > most:
                msg = f"max_execution_batch_size must be at most max_batch_size = {most}"
                raise ValueError(msg)
            name, most = "max_execution_batch_size", self.max_execution_batch_size
        if sizes and (list(sizes) != sorted(set(sizes)) or sizes[-1] != most):
            msg = f"allowed_batch_sizes must ascend and end with {name} = {most}"
            raise ValueError(msg)
        return self


class Server(Table):
    """Settings of the embedded server."""

    intra_op_threads: int = Field(default=1, ge=0)
    """Threads within one op; 0: one per core."""
    inter_op_threads: int = Field(default=1, ge=0)
    """Ops run in parallel; 0: one per core."""
    cpus: tuple[int, ...] | None = None
    """CPU numbers that the servers may use. Default: all."""
    driver_cpus: tuple[int, ...] | None = None
    """CPU numbers that the load generator may use. Default: all."""
    huge_pages: bool = True
    """Request huge pages from glibc in the servers, for more precise measurements (docs/explanation/method.md)."""
    random_layout: bool = True
    """Randomise each server's memory layout. Otherwise a layout effect shared by all servers of a model looks like a
    change."""
    rpc_threads: int = Field(default=4, ge=1)
    """Requests handled in parallel, for gRPC and REST each; use more with batching, to fill the queue."""
    batching: Batching | None = None
    """Batch requests; by default each is executed on its own."""
    batching_parameters_file: str | None = None
    """TF-Serving batching file (text `BatchingParameters`) instead of `batching`, relative to the scenario file."""

    @model_validator(mode="after")
    def _one_batching(self) -> Server:
        if self.batching is not None and self.batching_parameters_file is not None:
            msg = "batching and batching_parameters_file cannot be used together"
            raise ValueError(msg)
        return self


class Target(Table):
    """The server under test. A MODEL given as a URL is always an `endpoint`."""

    kind: Literal["embedded", "in_process", "command", "endpoint"] = "embedded"
    """perfgate's own server, the model without RPC, a server started by a command, or a running server
    (docs/reference/targets.md)."""
    protocol: Literal["grpc", "rest"] = "grpc"
    """Protocol of the requests."""
    command: str | None = None
    """`command`: command that starts a server, with {port}, {rest_port}, {model}, {name} filled in; not run in a
    shell."""
    environment: dict[str, str] = Field(default_factory=dict)
    """`command`: environment variables in addition to perfgate's own, with the same fields filled in."""
    ready_s: Seconds = 120.0
    """`command`: time within which the server must be ready."""
    pid_file: str | None = None
    """`command` that daemonises: file with its process ID; fields are filled in."""
    cgroup: str | None = None
    """Control group that provides the server's CPU time and memory; fields are filled in."""
    prometheus_url: str | None = None
    """Prometheus page that provides the server's CPU time and memory; fields are filled in."""
    model_name: str = "default"
    """`command`: model name in requests, {name}."""
    tls_ca_file: str | None = None
    """CA certificates for a TLS server, instead of the system's; relative to the scenario file."""
    tls_server_name: str | None = None
    """Name that the server's certificate must match, if it is not the address."""
    metadata: dict[str, str] = Field(default_factory=dict)
    """Sent with every request: gRPC metadata or HTTP headers."""
    signature_from: str | None = None
    """`endpoint` without TF-Serving's metadata: a SavedModel with the same signatures; relative to the scenario
    file."""

    @model_validator(mode="after")
    def _command_for_commands(self) -> Target:
        if (self.kind == "command") != (self.command is not None):
            need = "needs command" if self.kind == "command" else "does not use command"
            msg = f'kind = "{self.kind}" {need}'
            raise ValueError(msg)
        return self


class MetricGate(Table):
    """How one metric is gated: the regression to catch, or the tolerance itself, and how much a failure counts.

    The first two are shares, or amounts in the metric's unit where arms are compared by difference
    (docs/reference/metrics.md).
    """

    catch: Amount | None = None
    """The regression to detect reliably, `"5%"` or `0.05`; the tolerance is half of it."""
    tolerance: Amount | None = None
    """The accepted change; cannot be used with `catch`."""
    severity: Severity | None = None
    """`error`: a failure fails the run; `warn`: it is only shown; `off`: not judged. Default: as set in perfgate.toml,
    otherwise `error`, and `warn` for `changed_ops_ms`."""
    gate: bool | None = Field(default=None, exclude=True, json_schema_extra={"deprecated": True})
    """Deprecated: `false` means `severity = "off"`."""

    @model_validator(mode="before")
    @classmethod
    def _older_word(cls, value: object) -> object:
        if isinstance(value, dict) and value.get("gate") is False:
            if value.get("severity", "off") != "off":
                raise ValueError('gate = false means severity = "off": set only severity')
            return {**value, "severity": "off"}
        return value

    @model_validator(mode="after")
    def _one_of_both(self) -> MetricGate:
        if self.catch is not None and self.tolerance is not None:
            msg = "catch and tolerance cannot be used together: tolerance is half of catch"
            raise ValueError(msg)
        return self


class Objective(Table):
    """An absolute bound (SLO) on one metric of the candidate."""

    max: float | None = None
    """The value must be at most this, in the metric's unit; `error_rate` is a share."""
    min: float | None = None
    """The value must be at least this; set exactly one of `max` and `min`."""
    severity: Severity = Severity.ERROR
    """`error`: a missed objective fails the run; `warn`: it is only shown; `off`: not judged."""

    @model_validator(mode="after")
    def _one_bound(self) -> Objective:
        if (self.max is None) == (self.min is None):
            msg = "set exactly one of max and min"
            raise ValueError(msg)
        return self


def _known_metrics(value: dict[str, Any]) -> dict[str, Any]:
    for name in value:
        if name not in BY_NAME:
            msg = f"unknown metric {name}"
            raise ValueError(msg)
    return value


class Gate(Table):
    """How differences are judged."""

    alpha: float = Field(default=0.01, gt=0, lt=0.5)
    """One-sided error level of both bounds."""
    gates: int = Field(default=1, ge=1)
    """Number of gates that share the error level of failures, this one included: each declares a failure at alpha
    divided by it (Bonferroni), so that all of them together raise a false alarm with probability alpha."""
    metrics: dict[str, MetricGate] = Field(default_factory=dict)
    """Metrics by name (docs/reference/metrics.md): a table here gates the metric or changes how it is gated."""

    @field_validator("metrics", mode="before")
    @classmethod
    def _amounts(cls, value: object) -> object:
        for name, table in value.items() if isinstance(value, dict) else ():
            given = table if isinstance(table, dict) else dict(table) if isinstance(table, MetricGate) else {}
            for key in AMOUNTS:
                if problem := amount_problem(name, given.get(key)):
                    msg = f"{name}.{key} {problem}"
                    raise ValueError(msg)
        return value

    @field_validator("metrics")
    @classmethod
    def _metrics(cls, value: dict[str, MetricGate]) -> dict[str, MetricGate]:
        return _known_metrics(value)


class Budget(Table):
    """How long to measure, and how the time is divided among the lanes."""

    measure_s: Seconds = 45.0
    """Measuring time, without start-up and warm-up."""
    replicas: int = Field(default=12, ge=2, le=64)
    """Server processes per arm. Default for `command` targets: 4."""
    parents: int = Field(default=1, ge=1, le=8)
    """Fork servers, from which both arms are forked."""
    looks: int = Field(default=8, ge=1, le=20)
    """Interim analyses (looks) per lane; the lane ends early if everything it measures is decided. 1: only at the
    end."""
    execute_share: Part = 0.6
    """Share of the time for executions inside the server."""
    request_share: Part = 0.2
    """Share of the time for single requests; the rest is for the `load` lane."""
    explain_s: float = Field(default=15.0, ge=0)
    """Most seconds, after everything else, for timing the operations of both versions where their graphs differ: at
    most 4, or up to this if something failed, which is then explained. 0: never."""
    capacity_s: float = Field(default=150.0, ge=0)
    """Seconds, after everything else, for the search for `capacity_rps`, if the gate or the objectives name it: of both
    versions together. 0: never."""

    @model_validator(mode="after")
    def _shares(self) -> Budget:
        if self.execute_share + self.request_share > 1:
            msg = "execute_share + request_share must be at most 1"
            raise ValueError(msg)
        return self


class Scenario(Table):
    """A whole scenario file."""

    name: str = Field(default="default", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Identifies the scenario's baselines. Default: the file's stem. Letters, digits, `.`, `_` and `-`, starting with a
    letter or digit."""
    description: str = ""
    """One-line description."""
    payload: Payload = Payload()
    """What a request carries."""
    classes: dict[str, RequestClass] = Field(default_factory=dict)
    """Several kinds of requests in one stream, by name. Default: all requests as in `payload`."""
    load: Load = Load()
    """Traffic of the `load` lane."""
    target: Target = Target()
    """The server under test."""
    server: Server = Server()
    """Settings of the embedded server."""
    gate: Gate = Gate()
    """How differences are judged."""
    objectives: dict[str, Objective] = Field(default_factory=dict)
    """Absolute bounds on the candidate, by metric."""
    budget: Budget = Budget()
    """How long to measure."""

    @field_validator("objectives")
    @classmethod
    def _objectives(cls, value: dict[str, Objective]) -> dict[str, Objective]:
        return _known_metrics(value)

    def request_classes(self) -> tuple[tuple[str, float, Payload], ...]:
        """Name, weight and payload of each request class; missing keys are taken from `payload`."""
        if not self.classes:
            return (("", 1.0, self.payload),)
        return tuple((name, each.weight, self._payload_of(each)) for name, each in self.classes.items())

    def _payload_of(self, one: RequestClass) -> Payload:
        own = {name: getattr(one, name) for name in one.model_fields_set - {"weight"}}
        return Payload.model_validate(
            {**{name: getattr(self.payload, name) for name in self.payload.model_fields_set}, **own}
        )
