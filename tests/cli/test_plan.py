"""Command lines of `perfgate plan`: what is asked, what is refused, and what is left behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import pytest

from perfgate.errors import ExitCode
from perfgate.gate.verdict import Verdict
from perfgate.pipeline import plan_check, plan_command, planned, single_job
from perfgate.pipeline.comparison import Comparison, comparison_of
from perfgate.pipeline.host import Host
from perfgate.pipeline.options import Options
from perfgate.planning.answer import PlanAnswer
from perfgate.results import plan_check_document, plan_document
from perfgate.results.plan_store import checks_of, keep_plan, newest_plan
from perfgate.scenario.schema import Scenario
from perfgate.sketch.built import SketchFacts
from perfgate.sketch.source import SketchSource, sketch_of
from perfgate.trials import Arm
from tests.cli.conftest import HERE, Commands
from tests.pipeline import fake_runs
from tests.planning import answers
from tests.planning.answers import SKETCH

SCENARIO = """
[load]
arrivals = "poisson"
rate_rps = 100
[objectives.execute_ms]
max = 20
[objectives.latency_p99_ms]
max = 20
severity = "warn"
[budget]
replicas = 4
"""
SHARED = ("-s", "p.toml", "--out", "out", "--store", "kept")


@dataclass
class FakeBuilder:
    """Builds what a test says."""

    facts: SketchFacts
    sources: list[SketchSource] = field(default_factory=list)
    built: list[Mapping[str, int]] = field(default_factory=list)
    stopped: int = 0

    def __call__(self, source: SketchSource, *_: object) -> Self:
        self.sources.append(source)
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.stopped += 1

    def build(self, values: Mapping[str, int]) -> SketchFacts:
        self.built.append(dict(values))
        return self.facts


@dataclass
class Asked:
    """Stands for the measuring: what it was asked for, and what it answers."""

    answer: PlanAnswer = field(default_factory=answers.passes)
    questions: list[plan_command.Question] = field(default_factory=list)
    scenarios: list[Scenario] = field(default_factory=list)
    how: list[str] = field(default_factory=list)

    def one(self, _: object, question: plan_command.Question, scenario: Scenario, *__: object) -> PlanAnswer:
        return self._answered("one", question, scenario)

    def several(self, _: object, question: plan_command.Question, scenario: Scenario, *__: object) -> PlanAnswer:
        return self._answered("several", question, scenario)

    def _answered(self, how: str, question: plan_command.Question, scenario: Scenario) -> PlanAnswer:
        self.how.append(how)
        self.questions.append(question)
        self.scenarios.append(scenario)
        return self.answer


@pytest.fixture
def builder(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> FakeBuilder:
    """A directory with a sketch and its scenario, and a builder that builds the model `old`, of 2 ms."""
    (commands.home / "ranker.toml").write_text("# a sketch")
    (commands.home / "p.toml").write_text(SCENARIO)
    path = fake_runs.model_of("old", commands.home).path
    found = FakeBuilder(replace(SKETCH, path=str(path), cardinalities={"x": 50}, batch=2))
    monkeypatch.setattr(plan_command, "Builder", found)
    monkeypatch.setattr(plan_check, "Builder", found)
    return found


@pytest.fixture
def asked(builder: FakeBuilder, monkeypatch: pytest.MonkeyPatch) -> Asked:
    assert not builder.built
    found = Asked()
    monkeypatch.setattr(plan_command, "_planned", found.one)
    monkeypatch.setattr(plan_command, "_scaled", found.several)
    return found


def test_a_sketch_is_planned_with_and_files_are_left(commands: Commands, asked: Asked, builder: FakeBuilder) -> None:
    said = commands("plan", "ranker.toml", *SHARED, "--set", "layers.width=512", "--set", "embeddings.user.rows=10k")
    assert asked.how == ["one"]
    assert asked.questions[0].values == {"layers.width": 512, "embeddings.user.rows": 10_000}
    assert builder.sources[0].given == "ranker.toml"
    assert builder.stopped
    assert said.splitlines()[-1].endswith("report: out/plan.html")
    assert repr(plan_document.read(Path("out"))) == repr(answers.passes())
    assert "ranker.toml" in Path("out/plan.html").read_text()
    assert not Path("kept").exists(), "it is kept only if that is asked for"


def test_ranges_are_searched(commands: Commands, asked: Asked) -> None:
    asked.answer = answers.one_dimension()
    said = commands("plan", "ranker.toml", *SHARED, "--scale", "layers.width=256..4k", "-q")
    assert asked.how == ["several"]
    (wanted,) = asked.questions[0].ranges
    assert (wanted.dimension, wanted.low, wanted.high) == ("layers.width", 256, 4000)
    assert said.count("\n") == 1, "quiet is one line"


def test_json_goes_to_stdout(commands: Commands, asked: Asked) -> None:
    commands("plan", "ranker.toml", *SHARED, "--json", "-q")
    assert json.loads(commands.out) == json.loads(Path("out/plan.json").read_text())
    assert asked.how == ["one"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (answers.passes, ExitCode.PASS),
        (answers.breaks, ExitCode.FAIL),
        (answers.undecided, ExitCode.INCONCLUSIVE),
        (lambda: replace(answers.passes(), verdict=Verdict.INVALID), ExitCode.INVALID),
        (lambda: replace(answers.passes(), complete=False), ExitCode.INTERRUPTED),
        (lambda: replace(answers.no_numbers(), complete=False), ExitCode.INTERRUPTED),
        (answers.two_dimensions, ExitCode.PASS),
    ],
)
def test_exit_codes(commands: Commands, asked: Asked, answer: Callable[[], PlanAnswer], code: ExitCode) -> None:
    asked.answer = answer()
    commands("plan", "ranker.toml", *SHARED, "-q", expect=code)
    assert Path("out/plan.json").is_file()


def test_a_kept_plan_is_the_newest_of_its_scenario(commands: Commands, asked: Asked) -> None:
    said = commands("plan", "ranker.toml", *SHARED, "--keep")
    assert "kept as kept/plans/ranking/20261129T104502Z-" in said
    assert repr(newest_plan("kept", "ranking")) == repr(asked.answer)


def test_an_interrupted_plan_is_not_kept(commands: Commands, asked: Asked) -> None:
    """It promises little or nothing, and would be in the way of an older one."""
    asked.answer = replace(answers.passes(), complete=False)
    commands("plan", "ranker.toml", *SHARED, "--keep", expect=ExitCode.INTERRUPTED)
    assert not Path("kept").exists()


_ENDPOINT = '[target]\nkind = "endpoint"\n'
_COMMAND = '[target]\nkind = "command"\ncommand = "serve {model} {port}"\n'
_CAPACITY = "[objectives.capacity_rps]\nmin = 100\n"


@pytest.mark.parametrize(
    ("words", "scenario", "said"),
    [
        ((), "", "Missing argument 'SKETCH'"),
        (("absent.toml",), SCENARIO, "absent.toml: no such file"),
        (("p.txt",), SCENARIO, "p.txt: no such file"),
        (("ranker.toml",), "", "has no objectives, so there is nothing to hold"),
        (("ranker.toml",), '[objectives.execute_ms]\nmax = 2\nseverity = "off"\n', "has no objectives"),
        (("ranker.toml",), SCENARIO + _ENDPOINT, 'target.kind "endpoint"'),
        (("ranker.toml",), SCENARIO + _COMMAND, 'target.kind "command"'),
        (("ranker.toml", "-s", "s.toml"), SCENARIO, "one scenario at a time"),
        (("ranker.toml", "--set", "layers.width"), SCENARIO, "--set layers.width"),
        (("ranker.toml", "--set", "layers.width=0.5"), SCENARIO, "--set layers.width=0.5"),
        (("ranker.toml", "--scale", "layers.width=512"), SCENARIO, "--scale layers.width=512"),
        (("ranker.toml", "--scale", "layers.width=9..9"), SCENARIO, "LOW must be at least 1, and below HIGH"),
        (("ranker.toml", *3 * ("--scale", "a=1..2")), SCENARIO, "one dimension, or two for a frontier"),
        (("ranker.toml", *2 * ("--scale", "a=1..2")), SCENARIO, "--scale names a twice"),
        (("ranker.toml", "--scale", "a=1..2"), SCENARIO + _CAPACITY, "too short for the objective on capacity_rps"),
        (("ranker.toml", "--scale", "a=1..2", "--keep"), SCENARIO, "--scale promises nothing to keep"),
        (("out", "--check", "old", "--set", "a=1"), SCENARIO, "--set is for a sketch"),
        (("out", "--check", "old", "--scale", "a=1..2"), SCENARIO, "--scale is for a sketch"),
        (("out", "--check", "old", "--keep"), SCENARIO, "--keep is for a sketch"),
        (("--check", "old"), SCENARIO, "no plan of scenario p in kept"),
        (("absent", "--check", "old"), SCENARIO, "cannot read the plan absent"),
        (("ranker.toml", "--check", "old"), SCENARIO, "not a perfgate plan"),
    ],
)
def test_nonsense_is_refused_in_one_line(
    commands: Commands, asked: Asked, words: tuple[str, ...], scenario: str, said: str
) -> None:
    Path("p.toml").write_text(scenario)
    err = commands("plan", *words, *SHARED, expect=ExitCode.USAGE)
    assert said in err
    assert "Traceback" not in err
    assert asked.how == []


def test_an_objective_on_the_capacity_is_planned_with(commands: Commands, asked: Asked) -> None:
    """It was refused with a message about --scale, which nobody asked for."""
    Path("p.toml").write_text(SCENARIO + _CAPACITY)
    commands("plan", "ranker.toml", *SHARED, "-q")
    assert set(asked.scenarios[0].objectives) == {"execute_ms", "latency_p99_ms", "capacity_rps"}
    Path("p.toml").write_text(SCENARIO + _CAPACITY + 'severity = "off"\n')
    commands("plan", "ranker.toml", *SHARED, "-q", "--scale", "a=1..2")
    assert asked.how == ["one", "several"]


def test_the_directory_must_be_writable(commands: Commands, asked: Asked) -> None:
    Path("file").write_text("")
    commands("plan", "ranker.toml", "-s", "p.toml", "--out", "file/out", expect=ExitCode.USAGE)
    assert asked.how == []


@pytest.fixture
def fakes(builder: FakeBuilder, monkeypatch: pytest.MonkeyPatch) -> FakeBuilder:
    """Everything but processes is real: requests, runs, answers and pages."""
    home = Path.cwd()

    def opened(scenario: Scenario, given: Mapping[Arm, str], *_: object) -> Comparison:
        return comparison_of(scenario, {arm: fake_runs.model_of(Path(path).name, home) for arm, path in given.items()})

    for module in (planned, plan_check):
        monkeypatch.setattr(module, "open_arms", opened)
    monkeypatch.setattr(planned, "world_of", lambda *_: fake_runs.Bench().world())
    monkeypatch.setattr(single_job, "environment", lambda *_: HERE)
    return builder


FAST = ("--budget", "30s", "--seed", "1", "--no-progress")


@pytest.mark.slow
def test_a_whole_plan_and_its_check(commands: Commands, fakes: FakeBuilder) -> None:
    fakes.facts = replace(fakes.facts, cardinalities={})
    said = commands("plan", "ranker.toml", *SHARED, *FAST, "--keep", "--set", "layers.width=512")
    assert fakes.built == [{"layers.width": 512}]
    plan = plan_document.read(Path("out"))
    assert (plan.verdict, plan.seed) == (Verdict.PASS, 1)
    assert plan.needed is not None
    assert plan.needed.servers == 1
    assert "kept as" in said
    assert plan.plan_id == newest_plan("kept", "p").plan_id

    for trained, covered in (("same", True), ("slow", False)):
        out = f"check-{trained}"
        commands("plan", "--check", trained, "-s", "p.toml", "--store", "kept", "--out", out, *FAST, "-q")
        check = plan_check_document.read(Path(out))
        assert (check.plan_id, check.model, check.verdict) == (plan.plan_id, trained, Verdict.PASS)
        times = [each for each in check.promises if each.metric in {"execute_ms", "cpu_ms_per_request"}]
        assert [each.covered for each in times] == [covered] * len(times)
        assert len(times) == 2
    assert check.record.checks == 2
    assert len(checks_of("kept", "p")) == 2


@pytest.mark.slow
def test_ids_beyond_the_table_are_refused_before_anything_is_measured(commands: Commands, fakes: FakeBuilder) -> None:
    Path("p.toml").write_text(SCENARIO + "[payload.inputs.x]\nhigh = 51\n")
    said = commands("plan", "ranker.toml", *SHARED, *FAST, expect=ExitCode.USAGE)
    assert "asks for ids up to 51 in x, whose table has 50" in said
    assert len(fakes.built) == 1
    assert not Path("out/plan.json").exists()


@pytest.mark.slow
def test_a_plan_that_searched_a_size_cannot_be_checked(commands: Commands, fakes: FakeBuilder) -> None:
    keep_plan("kept", replace(answers.one_dimension(), promises=(), scenario={"name": "p"}))
    said = commands("plan", "--check", "old", *SHARED, *FAST, expect=ExitCode.USAGE)
    assert "promised nothing: it searched a size" in said
    assert fakes.built == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "note", "beside"),
    [
        ({"path": "gone"}, "cannot be built again, so only stored numbers are compared", False),
        ({"path": "gone", "given": "ranker.toml"}, "ranker.toml has changed since it was planned with", False),
    ],
)
def test_without_the_untrained_model_stored_numbers_are_compared(
    commands: Commands, fakes: FakeBuilder, changes: dict[str, Any], note: str, beside: bool
) -> None:
    kept: dict[str, Any] = {"path": "gone", "given": "absent.toml", "cardinalities": {}, **changes}
    keep_plan("kept", replace(answers.passes(), sketch=replace(SKETCH, **kept), scenario={"name": "p"}))
    commands("plan", "--check", "old", *SHARED, *FAST, "-q")
    check = plan_check_document.read(Path("out"))
    assert any(note in each for each in check.notes)
    assert check.beside is beside
    assert not any(each.same_speed for each in check.promises)
    assert fakes.built == []


@pytest.mark.slow
def test_the_untrained_model_is_built_again_as_it_was_planned(commands: Commands, fakes: FakeBuilder) -> None:
    source = sketch_of("ranker.toml")
    gone = replace(SKETCH, path="gone", given="ranker.toml", digest=source.digest, cardinalities={})
    keep_plan("kept", replace(answers.passes(), sketch=gone, scenario={"name": "p"}))
    commands("plan", "--check", "same", *SHARED, *FAST, "-q")
    check = plan_check_document.read(Path("out"))
    assert fakes.built == [SKETCH.dimensions]
    assert check.beside
    measured = [each for each in check.promises if each.metric == "execute_ms"]
    assert measured[0].same_speed
    assert measured[0].error == pytest.approx(0, abs=0.02), "both take 2 ms"
    assert measured[0].speed == pytest.approx(2.0 / 2.31, rel=0.02)


def test_options_are_handed_on(commands: Commands, builder: FakeBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[float | None, int | None, tuple[int, ...] | None]] = []

    def planned_(_: object, __: object, ___: object, options: Options, ____: Host, out: Path) -> PlanAnswer:
        assert out.is_dir()
        seen.append((options.budget, options.seed, options.cpus))
        return answers.passes()

    monkeypatch.setattr(plan_command, "_planned", planned_)
    commands("plan", "ranker.toml", *SHARED, "-q", "--budget", "7s", "--seed", "3", "--cpus", "0")
    assert seen == [(7.0, 3, (0,))]
    assert builder.stopped == 1
