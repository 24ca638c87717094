"""Both versions traced in servers of their own, on fakes."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from perfgate.cli.interrupts import Interrupts
from perfgate.experiment.fake import fake_world
from perfgate.experiment.world import World
from perfgate.explain.explanation import Explanation, StageChange
from perfgate.model.interface import ServedAs
from perfgate.model.saved_model import open_model
from perfgate.observe.fake import FakeProcessAccounts
from perfgate.pipeline import explain as pipeline_explain
from perfgate.pipeline import single_job
from perfgate.pipeline.comparison import Comparison, comparison_of
from perfgate.pipeline.explain import explained
from perfgate.pipeline.host import Host
from perfgate.pipeline.options import Options
from perfgate.pipeline.trace import TracedRun
from perfgate.results.progress import RecordingProgress
from perfgate.scenario.schema import Budget, Scenario, Server, Target
from perfgate.serving.fake import FakeLauncher, FakeReplica
from perfgate.serving.interface import ReplicaSpec
from perfgate.trials import Arm
from tests.explain.graphs import perceptron, save, spec
from tests.explain.measured import Version
from tests.explain.traceable import Clock, FakeTraced
from tests.pipeline.fake_runs import Tick

OPTIONS = Options((), 5.0, 3, 1, None, None, None, None, None, False, True, False)  # noqa: FBT003
STAGES = (StageChange("queue", (0.3, 0.4)),)
VERSIONS = {
    "old": Version([spec("out", "Softmax", "x", T="float32")]),
    "new": Version([spec("b", "Sin", "x", T="float32"), spec("out", "Softmax", "b", T="float32")]),
}


@dataclass(slots=True)
class TracedLauncher(FakeLauncher):
    """Starts servers that can be traced; records how they are served."""

    specs: list[ReplicaSpec] = field(default_factory=list)
    plain: bool = False

    def start(self, spec: ReplicaSpec) -> FakeReplica:
        self.specs.append(spec)
        made = FakeLauncher.start(self, spec)
        version = VERSIONS[spec.model_path.name]
        server = FakeTraced(made.pid, made.mean_ms, made.rng, version=version, clock=Clock())
        self.replicas[-1] = made if self.plain else server
        return self.replicas[-1]


@dataclass
class Explainer:
    """Explains on fakes, and keeps what was started."""

    home: Path
    launchers: list[TracedLauncher] = field(default_factory=list)
    known: Mapping[str, float] = field(default_factory=lambda: {"old": 2.0, "new": 2.2})
    plain: bool = False
    progress: RecordingProgress = field(default_factory=RecordingProgress)

    def comparison(self, scenario: Scenario, old: str = "old", new: str = "new") -> Comparison:
        models = {
            arm: open_model(str(self.home / name), self.home / "cache")
            for arm, name in zip(Arm, (old, new), strict=True)
        }
        return comparison_of(scenario, models)

    def launcher(self, number: int) -> TracedLauncher:
        self.launchers.append(TracedLauncher(number, self.known, plain=self.plain))
        return self.launchers[-1]

    def __call__(
        self, comparison: Comparison, server: Server | None = None, options: Options = OPTIONS
    ) -> tuple[Explanation, TracedRun | None]:
        host = Host(
            environ={}, arguments=(), now=lambda: datetime(2030, 1, 2, tzinfo=UTC), clock=lambda: 0.0,
            random_bits=lambda _: 7, cpus=lambda: (0,), use_cpus=lambda _: None, interrupts=Interrupts(),
            progress=lambda: self.progress, console=Console(file=io.StringIO()), stdout=io.StringIO(),
            stderr=io.StringIO(),
        )  # fmt: skip
        return explained(comparison, options, host, self.home / "out", baseline_server=server, stages=STAGES)


@pytest.fixture
def explainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Explainer:
    for name, sizes in (("old", (16, 4)), ("new", (16, 8, 4))):
        save(tmp_path / name, perceptron(*sizes))
    found = Explainer(tmp_path)

    def world(*_: object) -> World:
        observer = FakeProcessAccounts(lambda: 0.0)
        parts = {"launcher": found.launcher, "clock": Tick(), "observer": lambda _: observer}
        return fake_world(**parts, available_mib=lambda: 24_000.0)

    monkeypatch.setattr(pipeline_explain, "world_of", world)
    monkeypatch.setattr(single_job, "environment", lambda _: {})
    return found


def test_both_versions_are_traced_and_explained(explainer: Explainer) -> None:
    found, traced = explainer(explainer.comparison(Scenario()))
    assert found.not_traced == ""
    assert found.causes[0].code == "op added"
    assert found.stages == STAGES
    assert found.attribution is not None
    assert found.attribution.replicas == 3
    assert found.static is not None
    assert traced is not None
    assert found.attribution.executions == len(traced.trace.visits)
    assert all(launcher.stopped for launcher in explainer.launchers)
    assert {phase.name for phase in explainer.progress.phases} >= {"start 6 servers", "warm-up", "traced executions"}


def test_a_model_that_does_not_load_is_explained_by_its_graph(explainer: Explainer) -> None:
    explainer.known = {"old": 2.0}
    found, traced = explainer(explainer.comparison(Scenario()))
    assert traced is None
    assert "new does not load: broken" in found.not_traced
    assert found.attribution is None
    assert found.static is not None
    assert found.static.node_changes[0] > 0
    assert all(launcher.stopped for launcher in explainer.launchers)


def test_servers_that_cannot_be_traced_are_stopped_and_a_reason_is_given(explainer: Explainer) -> None:
    explainer.plain = True
    found, traced = explainer(explainer.comparison(Scenario()))
    assert traced is None
    assert found.not_traced
    assert all(launcher.stopped for launcher in explainer.launchers)


def test_running_servers_and_commands_are_not_started(explainer: Explainer) -> None:
    comparison = explainer.comparison(Scenario())
    models = {arm: replace(model, served_as=ServedAs("m")) for arm, model in comparison.models.items()}
    found, _ = explainer(replace(comparison, models=models))
    assert (found.not_traced, found.static) == ("running servers cannot be traced", None)
    command = Target(kind="command", command="serve {model} {port}")
    found, _ = explainer(explainer.comparison(Scenario(target=command)))
    assert found.not_traced == "servers with a command of their own cannot be traced"
    assert found.static is not None
    assert explainer.launchers == []


def test_the_baseline_is_served_with_settings_of_its_own(explainer: Explainer) -> None:
    found, _ = explainer(explainer.comparison(Scenario(), new="old"), Server(inter_op_threads=3))
    threads = {(each.label.split()[0], each.settings.inter_op_threads) for each in explainer.launchers[0].specs}
    assert threads == {("baseline", 3), ("candidate", 1)}
    assert [cause.code for cause in found.causes] == ["server settings"]
    assert "inter_op_threads 3 -> 1" in found.causes[0].sentence


@pytest.mark.parametrize(("asked", "budget", "count"), [(None, 12, 6), (None, 4, 4), (2, 12, 2), (7, 3, 7)])
def test_few_servers_are_enough(explainer: Explainer, asked: int | None, budget: int, count: int) -> None:
    scenario = Scenario(budget=Budget(replicas=budget, parents=2))
    explainer(explainer.comparison(scenario), options=replace(OPTIONS, replicas=asked, budget=0.001))
    assert len(explainer.launchers) == 1
    assert len(explainer.launchers[0].specs) == 2 * count


def test_requests_that_were_left_out_are_a_note(explainer: Explainer) -> None:
    found, _ = explainer(explainer.comparison(Scenario()))
    assert found.notes == ("1 recorded requests use other inputs or outputs of the model and were not traced",)
