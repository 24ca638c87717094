"""What a scenario may say. One typed schema: validation, defaults and the JSON Schema for editors come from it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from perfgate.formatting import given
from perfgate.metrics import BY_NAME
from perfgate.scenario.amounts import AMOUNTS, amount_problem
from perfgate.scenario.forms import Amount, Part, Seconds, Table, as_seconds
from perfgate.scenario.project import Project
from perfgate.scenario.severity import Severity


class InputSpec(Table):
    """How to fill one input of the signature."""

    shape: tuple[Annotated[int, Field(ge=0)], ...] | None = None
    """Shape of one request's tensor, batch included; needed for unknown dimensions other than the first."""
    low: float | None = None
    """Lowest number, by default by the type: 0 for integers, standard normal values for floats."""
    high: float | None = None
    """End of the half-open range: integers are from `low` to `high` - 1."""
    distribution: Literal["uniform", "zipf"] = "uniform"
    """`zipf`, for integers: low is the most frequent, rank k is drawn in proportion to k ** -exponent."""
    exponent: float = Field(default=1.0, gt=0, le=10)
    """Of `zipf`; 1 is Zipf's law, the higher the more skewed."""
    vocabulary: tuple[str, ...] | None = None
    """Strings to draw from."""
    length: Annotated[int, Field(ge=0)] | tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]] = 8
    """Length of random strings where there is no vocabulary: a number, or the shortest and the longest."""

    @model_validator(mode="after")
    def _range(self) -> InputSpec:
        if self.low is not None and self.high is not None and not self.low < self.high:
            msg = f"low = {given(self.low)} must be below high = {given(self.high)}"
            raise ValueError(msg)
        if isinstance(self.length, tuple) and self.length[0] > self.length[1]:
            msg = f"length = [{self.length[0]}, {self.length[1]}] must be the shortest, then the longest"
            raise ValueError(msg)
        return self


DTypeName = Literal[
    "float32", "float64", "int32", "uint8", "int16", "int8", "string", "complex64", "int64", "bool", "bfloat16",
    "uint16", "complex128", "float16", "uint32", "uint64",
]  # fmt: skip
"""TensorFlow's types that a request can carry (perfgate.model.dtypes)."""


class TensorInfo(Table):
    """One tensor that goes into or comes out of a signature, as `SignatureDef` describes it."""

    dtype: DTypeName
    """`float32`, `int64`, `string` …"""
    shape: tuple[Annotated[int, Field(ge=-1)], ...] | None = None
    """-1 for a dimension of any size; nothing where the rank is not known."""


class SignatureDef(Table):
    """What the signature takes and gives, where the server does not say it."""

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
    """File of a recorded source, relative to the scenario file; all but `warmup_assets` need it."""
    method: Literal["predict", "classify", "regress"] = "predict"
    """Of `PredictionService`; `classify` and `regress` send `tf.Example`s."""
    signature: str = "serving_default"
    """The model's signature."""
    batch_size: int = Field(default=8, ge=1)
    """Fills the unknown first dimension of every input."""
    distinct: int = Field(default=16, ge=1, le=10_000)
    """Different requests, made once and cycled through."""
    inputs: dict[str, InputSpec] = Field(default_factory=dict)
    """How to fill each input of the signature, by name; those not named are filled by their type."""
    signature_def: SignatureDef | None = None
    """`endpoint` without TF-Serving's metadata: what the signature takes (docs/reference/targets.md)."""

    @model_validator(mode="after")
    def _file_for_recorded(self) -> Payload:
        if (self.source in _FILE_SOURCES) != (self.file is not None):
            need = "needs file" if self.source in _FILE_SOURCES else "takes no file"
            msg = f'source = "{self.source}" {need}'
            raise ValueError(msg)
        return self


class RequestClass(Payload):
    """One kind of request among several; keys that are not given are those of `[payload]`."""

    weight: float = Field(default=1.0, gt=0)
    """Its share of the requests, relative to the other classes' weights."""


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
"""What each kind of arrivals needs; it takes none of what the others need."""
_RATE_KEYS = tuple(dict.fromkeys(key for keys in _ARRIVAL_KEYS.values() for key in keys))
_OPTIONAL_KEYS = {"in_flight": "closed", "think_time_s": "closed", "speed": "trace"}
"""The one kind of arrivals that each of these may change; a default spelt out is no mistake elsewhere."""


class Load(Table):
    """The scenario's traffic in the `load` lane."""

    arrivals: Arrivals = "closed"
    """When requests are sent (docs/reference/scenario-files.md#arrivals)."""
    rate_rps: float | None = Field(default=None, gt=0)
    """`constant`, `poisson` and `gamma`: requests a second."""
    cv: float | None = Field(default=None, gt=0, le=10)
    """`gamma`: coefficient of variation of the gaps; 1 is Poisson, above it arrivals come in bursts."""
    from_rps: float | None = Field(default=None, ge=0)
    """`ramp`: the rate at the beginning of each turn."""
    to_rps: float | None = Field(default=None, ge=0)
    """`ramp`: the rate at its end; arrivals are at random."""
    steps_rps: tuple[Annotated[float, Field(ge=0)], ...] | None = Field(default=None, min_length=1)
    """`steps`: rates of equally long parts of each turn, arrivals at random."""
    trace: str | None = None
    """`trace`: a file with one timestamp a line, in seconds, relative to the scenario file."""
    speed: float = Field(default=1.0, gt=0)
    """`trace`: replayed so many times as fast."""
    in_flight: int = Field(default=2, ge=1, le=1024)
    """Closed loop: requests kept in flight."""
    think_time_s: Annotated[float, BeforeValidator(as_seconds), Field(ge=0)] = 0.0
    """Closed loop: pause between an answer and the next request in its place."""
    deadline_s: Seconds = 5.0
    """A request that takes longer is an error, and counts with this time."""
    turn_s: Seconds | None = None
    """How long each server is driven at a time; by default 0.5 to 2 s, 0.25 in closed loops, and a trace's length."""
    replicas: int | None = Field(default=None, ge=1, le=64)
    """Servers an arm that the load lane visits: fewer for long turns; by default all."""
    workers: int = Field(default=1, ge=1, le=64)
    """Processes of the load generator: more where one core is not enough."""
    connections: int = Field(default=1, ge=1, le=1024)
    """Of each worker to a server."""

    @property
    def busy_workers(self) -> int:
        """Workers that have something to do: in a closed loop each has one request in flight at least."""
        return min(self.workers, self.in_flight) if self.arrivals == "closed" else self.workers

    @model_validator(mode="after")
    def _keys_of_the_arrivals(self) -> Load:
        need = _ARRIVAL_KEYS[self.arrivals]
        given = [key for key in _RATE_KEYS if getattr(self, key) is not None]
        wrong = [f"needs {key}" for key in need if key not in given]
        wrong += [f"takes {' and '.join(need) or 'in_flight'}, not {key}" for key in given if key not in need]
        fields = type(self).model_fields
        changed = [key for key in _OPTIONAL_KEYS if getattr(self, key) != fields[key].default]
        wrong += [f'takes no {key}, "{kind}" does' for key in changed if (kind := _OPTIONAL_KEYS[key]) != self.arrivals]
        rates = (self.from_rps or 0, self.to_rps or 0, *(self.steps_rps or ()))
        if self.arrivals in {"ramp", "steps"} and not wrong and max(rates) <= 0:
            wrong = ["needs a rate above 0"]
        if wrong:
            msg = f'arrivals = "{self.arrivals}" {wrong[0]}'
            raise ValueError(msg)
        return self


class Batching(Table):
    """Requests of several callers executed as one, in TF-Serving's words (its `BatchingParameters`)."""

    max_batch_size: int = Field(default=1000, ge=1)
    """Rows of a batch."""
    batch_timeout_micros: int = Field(default=0, ge=0)
    """How long a batch waits to become full."""
    num_batch_threads: int = Field(default=2, ge=1, le=1024)
    """Batches executed at a time."""
    max_enqueued_batches: int = Field(default=10, ge=1)
    """Batches that may wait; further requests are refused."""
    allowed_batch_sizes: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Ascending, the last one max_batch_size; batches are padded up to the next of them."""
    pad_variable_length_inputs: bool = False
    """Pad inputs of different shapes to one."""
    enable_large_batch_splitting: bool = False
    """Split a request of more rows than a batch holds; it may have max_batch_size rows."""
    max_execution_batch_size: int | None = Field(default=None, ge=1, le=65536)
    """Rows of a batch where large requests are split, at most max_batch_size; by default as many."""

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
    """Ops run side by side; 0: one per core."""
    cpus: tuple[int, ...] | None = None
    """CPU numbers the servers may use; none given: all."""
    driver_cpus: tuple[int, ...] | None = None
    """CPU numbers the load generator may use; none given: all."""
    huge_pages: bool = True
    """Ask glibc for huge pages in the servers: sharper measurements (docs/explanation/method.md)."""
    random_layout: bool = True
    """Draw each server's memory layout anew: else a luck that all servers of a model share counts as its change."""
    rpc_threads: int = Field(default=4, ge=1)
    """Requests worked on at a time, over gRPC and over REST each; with batching more, so that they fill the queue."""
    batching: Batching | None = None
    """Form batches of requests; without it each is executed by itself."""
    batching_parameters_file: str | None = None
    """TF-Serving's batching file (text `BatchingParameters`) in place of `batching`, relative to the scenario file."""

    @model_validator(mode="after")
    def _one_batching(self) -> Server:
        if self.batching is not None and self.batching_parameters_file is not None:
            msg = "give batching or batching_parameters_file, not both"
            raise ValueError(msg)
        return self


class Target(Table):
    """What answers the requests. A MODEL that is a URL is always an `endpoint`."""

    kind: Literal["embedded", "in_process", "command", "endpoint"] = "embedded"
    """perfgate's own server, the model with no RPC, what a command line starts, or one that runs
    (docs/reference/targets.md)."""
    protocol: Literal["grpc", "rest"] = "grpc"
    """What requests are sent by."""
    command: str | None = None
    """`command`: line that starts a server, with {port}, {rest_port}, {model}, {name} filled in; no shell."""
    environment: dict[str, str] = Field(default_factory=dict)
    """`command`: variables over perfgate's own, with the same fields filled in."""
    ready_s: Seconds = 120.0
    """`command`: it must answer within this time."""
    pid_file: str | None = None
    """`command` that daemonises: where it writes its process number; fields are filled in."""
    cgroup: str | None = None
    """Control group whose CPU time and memory are the server's; fields are filled in."""
    prometheus_url: str | None = None
    """Page to read the server's CPU time and memory from; fields are filled in."""
    model_name: str = "default"
    """`command`: name that requests carry, {name}."""
    tls_ca_file: str | None = None
    """Certificates that a TLS server is checked against, in place of the system's; relative to the scenario file."""
    tls_server_name: str | None = None
    """Name that its certificate must carry, where it is not the address."""
    metadata: dict[str, str] = Field(default_factory=dict)
    """Sent with every request: gRPC metadata or HTTP headers."""
    signature_from: str | None = None
    """`endpoint` without TF-Serving's metadata: a SavedModel that has its signatures; relative to the scenario file."""

    @model_validator(mode="after")
    def _command_for_commands(self) -> Target:
        if (self.kind == "command") != (self.command is not None):
            need = "needs command" if self.kind == "command" else "takes no command"
            msg = f'kind = "{self.kind}" {need}'
            raise ValueError(msg)
        return self


class MetricGate(Table):
    """How one metric is gated: the regression to catch, or the tolerance itself, and how much a failure counts.

    The first two are shares, or amounts in the metric's unit where arms are compared by difference
    (docs/reference/metrics.md).
    """

    catch: Amount | None = None
    """The regression to find reliably, `"5%"` or `0.05`; the tolerance is half of it."""
    tolerance: Amount | None = None
    """The accepted change itself; not together with `catch`."""
    severity: Severity | None = None
    """`error`: a failure fails the run; `warn`: it is shown only; `off`: not judged. None: as perfgate.toml says, else
    `error`."""
    gate: bool | None = Field(default=None, exclude=True, json_schema_extra={"deprecated": True})
    """`false` is the older word for `severity = "off"`."""

    @model_validator(mode="before")
    @classmethod
    def _older_word(cls, value: object) -> object:
        if isinstance(value, dict) and value.get("gate") is False:
            if value.get("severity", "off") != "off":
                raise ValueError('gate = false is severity = "off": give severity alone')
            return {**value, "severity": "off"}
        return value

    @model_validator(mode="after")
    def _one_of_both(self) -> MetricGate:
        if self.catch is not None and self.tolerance is not None:
            msg = "give catch or tolerance, not both: tolerance is half of catch"
            raise ValueError(msg)
        return self


class Objective(Table):
    """An absolute bound (SLO) on one metric of the candidate."""

    max: float | None = None
    """The value must be at most this, in the metric's unit; `error_rate` is a share."""
    min: float | None = None
    """The value must be at least this; exactly one of both is given."""
    severity: Severity = Severity.ERROR
    """`error`: one that is broken fails the run; `warn`: it is shown only; `off`: not judged."""

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


class Gate(Table):
    """When a difference counts."""

    alpha: float = Field(default=0.01, gt=0, lt=0.5)
    """One-sided error level of both bounds."""
    metrics: dict[str, MetricGate] = Field(default_factory=dict)
    """Metrics by name (docs/reference/metrics.md): a table here gates the metric, or changes how."""
    project: Project = Project()
    """Of perfgate.toml; no key of a scenario file."""

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
    """How long to measure, and how the time is shared among the lanes."""

    measure_s: Seconds = 45.0
    """Measuring time, start-up and warm-up not counted."""
    replicas: int = Field(default=12, ge=2, le=64)
    """Server processes an arm; of `command` targets 4 unless it is given."""
    parents: int = Field(default=1, ge=1, le=8)
    """Fork servers, from which both arms are forked."""
    looks: int = Field(default=8, ge=1, le=20)
    """Instants in each lane at which it ends if all that it decides is decided; 1: none before its time is up."""
    execute_share: Part = 0.6
    """Share of the time for executions inside the server."""
    request_share: Part = 0.2
    """Share for single requests; the rest is the `load` lane's."""

    @model_validator(mode="after")
    def _shares(self) -> Budget:
        if self.execute_share + self.request_share > 1:
            msg = "execute_share + request_share must be at most 1"
            raise ValueError(msg)
        return self


class Scenario(Table):
    """A whole scenario file."""

    name: str = Field(default="default", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """By default the file's stem; baselines are found by it. Letters, digits and `. _ -` after a letter or digit."""
    description: str = ""
    """One line for people."""
    payload: Payload = Payload()
    """What a request carries."""
    classes: dict[str, RequestClass] = Field(default_factory=dict)
    """Several kinds of requests in one stream, by name; none: all are as `payload` says."""
    load: Load = Load()
    """Traffic of the `load` lane."""
    target: Target = Target()
    """What answers the requests."""
    server: Server = Server()
    """Settings of the embedded server."""
    gate: Gate = Gate()
    """When a difference counts."""
    objectives: dict[str, Objective] = Field(default_factory=dict)
    """Absolute bounds on the new version, by metric."""
    budget: Budget = Budget()
    """How long to measure."""

    @field_validator("objectives")
    @classmethod
    def _objectives(cls, value: dict[str, Objective]) -> dict[str, Objective]:
        return _known_metrics(value)

    def request_classes(self) -> tuple[tuple[str, float, Payload], ...]:
        """Name, weight and payload of each request class, what a class does not say taken from `payload`."""
        if not self.classes:
            return (("", 1.0, self.payload),)
        return tuple((name, each.weight, self._payload_of(each)) for name, each in self.classes.items())

    def _payload_of(self, one: RequestClass) -> Payload:
        own = {name: getattr(one, name) for name in one.model_fields_set - {"weight"}}
        return Payload.model_validate(
            {**{name: getattr(self.payload, name) for name in self.payload.model_fields_set}, **own}
        )
