"""Command lines of `perfgate explain`: what is asked, what is refused, and what is left behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from perfgate.errors import ExitCode
from perfgate.explain.explanation import Explanation, StageChange
from perfgate.pipeline import explain_command
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.host import Host
from perfgate.pipeline.options import Options
from perfgate.pipeline.trace import TracedRun
from perfgate.results import document, explanation_document
from perfgate.results.result import ModelFacts, Result
from perfgate.scenario.effective import effective
from perfgate.scenario.schema import Scenario, Server
from perfgate.trials import Arm
from tests.cli.conftest import Commands
from tests.explain.graphs import perceptron, save
from tests.explain.samples import equal_models, extra_layer, not_traced
from tests.pipeline.fake_runs import model_of
from tests.report import example


@dataclass
class Asked:
    """Stands for the measuring: what it was asked for, and what it answers."""

    answer: Explanation = field(default_factory=extra_layer)
    comparisons: list[Comparison] = field(default_factory=list)
    servers: list[Server | None] = field(default_factory=list)
    budgets: list[float | None] = field(default_factory=list)
    stages: list[tuple[StageChange, ...]] = field(default_factory=list)

    def __call__(
        self,
        comparison: Comparison,
        options: Options,
        _: Host,
        out: Path,
        *,
        baseline_server: Server | None,
        stages: tuple[StageChange, ...],
    ) -> tuple[Explanation, TracedRun | None]:
        assert out.is_dir()
        self.comparisons.append(comparison)
        self.servers.append(baseline_server)
        self.stages.append(stages)
        self.budgets.append(options.budget)
        return self.answer, None


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    found = Asked()
    monkeypatch.setattr(explain_command, "explained", found)
    return found


@pytest.fixture
def nothing_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def explained(*_: object) -> None:
        raise AssertionError("it was measured all the same")

    monkeypatch.setattr(explain_command, "explained", explained)


def _models(asked: Asked) -> dict[Arm, str]:
    return {arm: model.given for arm, model in asked.comparisons[-1].models.items()}


def test_two_models_are_explained_and_files_are_left(commands: Commands, asked: Asked) -> None:
    said = commands("explain", "old", "slow", "-s", "s.toml", "--out", "out", "--budget", "3s")
    assert _models(asked) == {Arm.BASELINE: "old", Arm.CANDIDATE: "slow"}
    assert asked.budgets == [3.0]
    assert (asked.servers, asked.stages) == ([None], [()])
    last = said.splitlines()[-1]
    assert last.startswith("EXPLAINED Operations were added in tower/extra: +0.195 ms")
    assert last.endswith("; report: out/explain.html")
    assert explanation_document.read(Path("out")) == extra_layer()
    assert "Operations were added" in Path("out/explain.html").read_text()


def test_a_directory_is_chosen_by_time_and_scenario(commands: Commands, asked: Asked) -> None:
    asked.answer = equal_models()
    said = commands("explain", "old", "slow", "-s", "s.toml")
    (found,) = Path("reports").iterdir()
    assert "-s-explain-" in found.name
    assert said.splitlines()[-1] == f"NO CAUSE FOUND; report: {found}/explain.html"


def test_json_is_alone_on_stdout(commands: Commands, asked: Asked) -> None:
    said = commands("explain", "old", "slow", "-s", "s.toml", "--out", "out", "--json", "--quiet")
    assert json.loads(commands.out) == json.loads(Path("out/explain.json").read_text())
    assert len(said.splitlines()) == 1
    assert len(asked.comparisons) == 1


def test_what_could_not_be_traced_is_invalid_unless_the_graphs_explain_it(commands: Commands, asked: Asked) -> None:
    asked.answer = not_traced()
    commands("explain", "old", "slow", "-s", "s.toml", "--out", "out")
    asked.answer = replace(not_traced(), causes=())
    said = commands("explain", "old", "slow", "-s", "s.toml", "--out", "out", expect=ExitCode.INVALID)
    assert said.splitlines()[-1].startswith("INVALID the candidate does not load: ")


def test_the_baseline_may_be_served_with_settings_of_another_scenario(commands: Commands, asked: Asked) -> None:
    Path("other.toml").write_text("[server]\ninter_op_threads = 3\n")
    commands("explain", "old", "slow", "-s", "s.toml", "--out", "out", "--old-scenario", "other.toml")
    (server,) = asked.servers
    assert server is not None
    assert server.inter_op_threads == 3
    assert asked.comparisons[0].scenario.server.inter_op_threads == 1


def test_a_stored_baseline_is_explained_by_its_own_model(commands: Commands, asked: Asked) -> None:
    commands.record("old")
    commands("explain", "slow", "--baseline", "prod", "--store", "kept", "-s", "s.toml", "--out", "out")
    assert [model.path.name for model in asked.comparisons[0].models.values()] == ["old", "slow"]
    assert _models(asked)[Arm.BASELINE] == "prod (old)"


def test_a_projects_baseline_is_for_a_model_alone(commands: Commands, asked: Asked, run_of: MakeRun) -> None:
    Path("perfgate.toml").write_text('baseline = "prod"\nstore = "kept"\nscenario = "s.toml"\n')
    commands.record("old")
    commands("explain", "slow", "--out", "out")
    assert _models(asked)[Arm.BASELINE] == "prod (old)"
    commands("explain", "old", "slow", "--out", "out")
    assert _models(asked) == {Arm.BASELINE: "old", Arm.CANDIDATE: "slow"}
    run_of()
    commands("explain", "run", "--out", "out")
    assert _models(asked) == {Arm.BASELINE: "models/old", Arm.CANDIDATE: "models/slow"}


@pytest.mark.usefixtures("nothing_measured")
def test_a_baseline_of_numbers_only_has_no_model_to_trace(commands: Commands) -> None:
    commands.record("old", "--numbers-only")
    arguments = ("explain", "slow", "--baseline", "prod", "--store", "kept", "-s", "s.toml", "--out", "out")
    said = commands(*arguments, expect=ExitCode.USAGE)
    assert "baseline prod has numbers only, and no model to trace" in said
    assert "perfgate explain OLD NEW" in said
    assert not Path("out").exists()


@pytest.mark.usefixtures("nothing_measured")
@pytest.mark.parametrize(("option", "value"), [("--trace", "file/trace.json"), ("--out", "file/out")])
def test_what_cannot_be_written_is_said_before_measuring(commands: Commands, option: str, value: str) -> None:
    Path("file").write_text("")
    said = commands("explain", "old", "slow", "-s", "s.toml", option, value, expect=ExitCode.USAGE)
    assert "cannot write" in said
    assert option in said


@pytest.mark.usefixtures("nothing_measured")
def test_a_baseline_takes_one_model(commands: Commands) -> None:
    assert "--baseline takes one model" in commands("explain", "a", "b", "--baseline", "c", expect=ExitCode.USAGE)


@pytest.mark.usefixtures("nothing_measured")
def test_scenarios_are_explained_one_at_a_time(commands: Commands) -> None:
    Path("t.toml").write_text("")
    said = commands("explain", "old", "slow", "-s", "s.toml", "-s", "t.toml", expect=ExitCode.USAGE)
    assert "2 scenarios" in said
    assert "one scenario at a time" in said


# Runs


MakeRun = Callable[..., Path]


@pytest.fixture
def run_of(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> MakeRun:
    """Return a function that leaves the directory of a run that compared `old` and `slow`."""
    monkeypatch.setattr(
        explain_command,
        "open_arms",
        lambda scenario, given, *_: Comparison(
            scenario, {arm: model_of(Path(path).name, commands.home) for arm, path in given.items()}, "sha256:aa"
        ),
    )
    scenario = effective(Scenario(name="measured", server=Server(rpc_threads=7))).model_dump(mode="json")

    def make(names: Mapping[Arm, str] | None = None, **changes: object) -> Path:
        found = {}
        for arm, name in (names or {Arm.BASELINE: "old", Arm.CANDIDATE: "slow"}).items():
            model = model_of(name, commands.home)
            found[arm] = ModelFacts(f"models/{name}", str(model.path), model.digest, 1, 1.0)
        result: Result = replace(example.failing(), models=found, scenario=scenario, **changes)  # type: ignore[arg-type]
        (commands.home / "run").mkdir()
        document.write(result, commands.home / "run")
        return commands.home / "run"

    return make


@pytest.mark.parametrize("named", ["run", "run/result.json"])
def test_a_run_is_explained_with_the_models_and_scenario_that_it_measured(
    commands: Commands, asked: Asked, run_of: MakeRun, named: str
) -> None:
    run_of()
    commands("explain", named, "--out", "out")
    assert _models(asked) == {Arm.BASELINE: "models/old", Arm.CANDIDATE: "models/slow"}
    assert [model.path.name for model in asked.comparisons[0].models.values()] == ["old", "slow"]
    scenario = asked.comparisons[0].scenario
    assert (scenario.name, scenario.server.rpc_threads) == ("measured", 7)
    assert [stage.name for stage in asked.stages[0]] == ["send lag", "queue", "execute", "encode", "rest"]


@pytest.mark.usefixtures("nothing_measured")
@pytest.mark.parametrize("named", ["empty", "model"])
def test_what_is_no_run_is_refused(commands: Commands, named: str) -> None:
    Path("empty").mkdir()
    save(Path("model"), perceptron(16, 4))
    said = commands("explain", named, expect=ExitCode.USAGE)
    assert f"{named} is not a run" in said
    assert "perfgate explain OLD NEW" in said


@pytest.mark.usefixtures("nothing_measured")
def test_what_does_not_exist_or_runs_elsewhere_is_refused(commands: Commands) -> None:
    assert "nowhere does not exist" in commands("explain", "nowhere", expect=ExitCode.USAGE)
    for arguments in (("old", "grpc://h:1/m"), ("grpc://h:1/m", "slow"), ("http://h:1/v1/models/m",)):
        said = commands("explain", *arguments, "-s", "s.toml", expect=ExitCode.USAGE)
        assert "is a running server, which cannot be traced" in said


@pytest.mark.usefixtures("nothing_measured")
def test_a_model_that_changed_since_or_is_gone_is_refused(commands: Commands, run_of: MakeRun) -> None:
    run = run_of()
    (commands.home / "models" / "slow" / "saved_model.pb").write_text("exported again")
    said = commands("explain", str(run), expect=ExitCode.USAGE)
    assert "models/slow has changed since run" in said
    (commands.home / "models" / "slow" / "saved_model.pb").unlink()
    (commands.home / "models" / "slow").rmdir()
    assert "or is gone" in commands("explain", str(run), expect=ExitCode.USAGE)


@pytest.mark.usefixtures("nothing_measured")
def test_a_run_of_one_model_is_refused(commands: Commands, run_of: MakeRun) -> None:
    said = commands("explain", str(run_of({Arm.CANDIDATE: "slow"})), expect=ExitCode.USAGE)
    assert "measured one model only" in said


@pytest.mark.usefixtures("nothing_measured")
def test_a_run_of_running_servers_is_refused(commands: Commands, run_of: MakeRun) -> None:
    run = run_of()
    result = document.read(run)
    url = ModelFacts("grpc://h:1/m", "grpc://h:1/m", "metadata-sha256:aa", 1, 1.0)
    document.write(replace(result, models={**result.models, Arm.CANDIDATE: url}), run)
    said = commands("explain", str(run), expect=ExitCode.USAGE)
    assert "grpc://h:1/m is a running server, which cannot be traced" in said
