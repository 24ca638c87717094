"""Options that several comparing commands share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from perfgate.errors import UsageError
from perfgate.gate.policy import NO_POLICY, Policy
from perfgate.model.cache import cache_dir
from perfgate.pipeline.ci_output import CiOutput
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.host import Host
from perfgate.pipeline.opening import open_arms
from perfgate.scenario.files import FOLDERS, load_scenario
from perfgate.scenario.overrides import server_settings
from perfgate.scenario.schema import MetricGate, Scenario
from perfgate.scenario.severity import Severity
from perfgate.trials import Arm


@dataclass(frozen=True, slots=True)
class Options:
    """The options; each field is named after its option."""

    scenarios: tuple[str, ...]
    budget: float | None
    replicas: int | None
    seed: int | None
    out: Path | None
    intra_op_threads: int | None
    inter_op_threads: int | None
    cpus: tuple[int, ...] | None
    driver_cpus: tuple[int, ...] | None
    as_json: bool
    quiet: bool
    verbose: bool
    alpha: float | None = None
    gates: int | None = None
    pids: tuple[int, ...] = ()
    signature_from: str | None = None
    on_inconclusive: str = "fail"
    junit_file: Path | None = None
    metrics_file: Path | None = None
    explain: bool = True
    """Whether to time the operations of both versions, and to explain what failed."""
    capacity: bool = True
    """Whether to measure `capacity_rps` where a scenario names it."""
    engine: str = "local"
    """Where load workers run: `local` processes, or on the nodes of a `ray` cluster."""
    address: str | None = None
    """Address of the Ray cluster; None: the one that this machine belongs to."""
    store: str | None = None
    """Where to look for a calibration; None: do not look."""
    policy: Policy = NO_POLICY
    """Verdict rules from perfgate.toml."""

    def load_scenarios(self) -> tuple[Scenario, ...]:
        """Read the scenarios; command-line flags override their keys."""
        found = tuple(self.adjusted(load_scenario(name, FOLDERS)) for name in self.scenarios or (None,))
        names = [scenario.name for scenario in found]
        if len(set(names)) < len(names):
            raise UsageError("two scenarios have the same name", "set a different `name` in each")
        return found

    def adjusted(self, scenario: Scenario) -> Scenario:
        """Return a scenario with what command-line flags override."""
        flags = {"measure_s": self.budget, "replicas": self.replicas, "explain_s": None if self.explain else 0.0}
        budget = scenario.budget.model_copy(update={name: value for name, value in flags.items() if value is not None})
        server = server_settings(self.intra_op_threads, self.inter_op_threads, self.cpus, scenario.server)
        if self.driver_cpus is not None:
            server = server.model_copy(update={"driver_cpus": self.driver_cpus})
        if self.signature_from is not None:
            target = scenario.target.model_copy(update={"signature_from": self.signature_from})
            scenario = scenario.model_copy(update={"target": target})
        levels = {name: value for name in ("alpha", "gates") if (value := getattr(self, name)) is not None}
        gate = scenario.gate.model_copy(update=levels)
        found = self.policy.over(scenario.model_copy(update={"budget": budget, "server": server, "gate": gate}))
        return found if self.capacity else without_capacity(found)

    @property
    def ci_output(self) -> CiOutput:
        """Output files besides those of the run's own directory."""
        return CiOutput(self.junit_file, self.metrics_file)

    def comparisons(self, host: Host, **given: str) -> tuple[Comparison, ...]:
        """Open the MODELs of each arm for every scenario: `comparisons(host, baseline=OLD, candidate=NEW)`."""
        models = {Arm(arm): name for arm, name in given.items()}
        named = zip(self.scenarios or (None,), self.load_scenarios(), strict=True)
        cache = cache_dir(host.environ)
        return tuple(open_arms(scenario, models, self.pids, cache, name) for name, scenario in named)


def without_capacity(scenario: Scenario) -> Scenario:
    """Return a scenario that neither gates the capacity nor has an objective for it."""
    objectives = {name: each for name, each in scenario.objectives.items() if name != "capacity_rps"}
    metrics = {**scenario.gate.metrics, "capacity_rps": MetricGate(severity=Severity.OFF)}
    gate = scenario.gate.model_copy(update={"metrics": metrics})
    return scenario.model_copy(update={"objectives": objectives, "gate": gate})
