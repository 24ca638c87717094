"""Command lines of `perfgate fleet`: what is refused before anything is measured, and what stops nothing else."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from perfgate.cli import app
from perfgate.errors import ExitCode
from perfgate.fleet import document
from perfgate.fleet.engine import Ended, Order
from perfgate.fleet.own_settings import OF_FLEET
from perfgate.gate.verdict import Verdict
from perfgate.pipeline import fleet_command
from tests.cli.conftest import Commands

FLEET = """
store = "kept"
[defaults]
scenarios = ["s.toml"]
[[models]]
model = "same"
against = "old"
[[models]]
model = "slow"
baseline = "prod-{name}"
owner = "search team"
"""


@dataclass
class FakeEngine:
    """Measures nothing, or as a test says."""

    measure: Callable[[Sequence[str]], int] = lambda _: 0
    orders: list[Order] = field(default_factory=list)
    running: list[Order] = field(default_factory=list)
    description: str = "a fake"

    def refusal(self, order: Order) -> str:
        return "64 cores are wanted, but this machine has 2" if order.cores == 64 else ""

    def has_room(self, _: Order) -> bool:
        return not self.running

    def start(self, order: Order) -> None:
        self.orders.append(order)
        self.running.append(order)

    def waiting(self) -> tuple[str, ...]:
        return ()

    def withdraw(self) -> tuple[str, ...]:
        return ()

    def wait(self, _: float) -> tuple[Ended, ...]:
        done = [
            Ended(each.order_id, "here", (0,), time.time(), time.time(), self.measure(each.arguments))
            for each in self.running
        ]
        self.running.clear()
        return tuple(done)

    def stop(self) -> None:
        self.running.clear()


@pytest.fixture
def engine(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """Let measurements be those of `commands`: real command lines on fake servers, in this process."""
    made = FakeEngine()
    monkeypatch.setattr(fleet_command, "LocalEngine", lambda *_: made)
    (commands.home / "fleet.toml").write_text(FLEET)
    return made


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("modles = 1", "fleet.toml: modles: unknown key (and 1 more). Did you mean models?"),
        ("", 'fleet.toml: it lists no models. Add [[models]] with model = "PATH" for each'),
        ('[[models]]\nmodel = "models/*"', 'fleet.toml: no model matches "models/*". Correct the pattern'),
        ('[[models]]\nmodel = "same"\nscenarios = ["nope"]', "same--nope: no scenario nope in scenarios."),
        ('[[models]]\nmodel = "same"\nobjectives_only = true', "same--default: nothing to judge"),
        ('[[models]]\nmodel = "same"\nbaseline = "../x"', "same--default: invalid baseline name '../x'"),
        ('[[models]]\nmodel = "same"\nagainst = "old"\ncores = 64', "same--default: 64 cores are wanted, but"),
    ],
)  # fmt: skip
def test_a_mistake_ends_it_before_anything_is_measured(
    text: str, said: str, commands: Commands, engine: FakeEngine
) -> None:
    Path("fleet.toml").write_text(text)
    message = commands("fleet", "fleet.toml", "--out", "out", expect=ExitCode.USAGE)
    assert message.startswith(f"ERROR {said}")
    assert engine.orders == []
    assert not Path("out", "fleet.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing.toml",), "ERROR nothing.toml: no such fleet file. Check the path"),
        ((".",), "ERROR Invalid value for 'FILE': File '.' is a directory."),
        (("fleet.toml", "fleet.toml"), "ERROR Got unexpected extra argument (fleet.toml)."),
        ((), "ERROR Missing argument 'FILE'."),
        (("fleet.toml", "--engine", "kubernetes"), "ERROR Invalid value for '--engine'"),
        (("fleet.toml", "--address", "10.0.0.1:6379"), "ERROR --address is for --engine ray. Add --engine ray"),
        (("fleet.toml", "--junit", "s.toml/x.xml"), "ERROR "),
        (("fleet.toml", "--out", "s.toml"), "ERROR Invalid value for '--out'"),
    ],
)
def test_a_wrong_command_line_ends_it(
    arguments: tuple[str, ...], said: str, commands: Commands, engine: FakeEngine
) -> None:
    message = commands("fleet", *arguments, expect=ExitCode.USAGE)
    assert message.startswith(said)
    assert message.count("\n") == 1
    assert engine.orders == []


def test_without_ray_its_engine_says_how_to_install_it(
    commands: Commands, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    message = commands("fleet", "fleet.toml", "--engine", "ray", expect=ExitCode.USAGE)
    assert message.startswith("ERROR Ray is not installed. ")
    assert message.endswith('Install it with `pip install "perfgate[ray]"`\n')
    assert engine.orders == []


def test_a_dry_run_lists_what_would_be_measured(commands: Commands, engine: FakeEngine) -> None:
    commands("fleet", "fleet.toml", "--dry-run", "--out", "out", "--junit", "junit.xml")
    first, second, last = commands.out.splitlines()
    assert first == "same--s  same against old"
    assert second.startswith("slow--s  no baseline prod-slow in kept. Record one with `perfgate baseline record slow ")
    assert last == "1 of 2 gates to measure, 0 kept, error level 1% shared by 2"
    assert engine.orders == []
    assert not Path("out").exists()
    assert not Path("junit.xml").exists()


@pytest.mark.usefixtures("engine")
def test_another_tensorflow_measures_again(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    def key() -> str:
        commands("fleet", "fleet.toml", "--out", "out", expect=ExitCode.INVALID)
        return str(json.loads(Path("out/gates/same--s/1/measured.json").read_text())["key"])

    before = key()
    assert key() == before
    monkeypatch.setattr(fleet_command, "environment", lambda _: {"tensorflow": "99", "variables": {}})
    assert key() != before


def test_a_measurement_may_take_twice_its_budget_and_the_time_for_starts(
    commands: Commands, engine: FakeEngine
) -> None:
    commands("fleet", "fleet.toml", "--out", "out", expect=ExitCode.INVALID)
    (order,) = engine.orders
    assert order.most_s == 2 * 2 + 600


@pytest.mark.usefixtures("engine")
def test_a_dry_run_says_what_a_run_would_keep(commands: Commands) -> None:
    commands("fleet", "fleet.toml", "--out", "out", expect=ExitCode.INVALID)
    assert Path("out/gates/same--s/1/measured.json").is_file(), "it ended as if it passed, but without a result"
    commands("fleet", "fleet.toml", "--dry-run", "--out", "out")
    assert commands.out.splitlines()[-1].startswith("1 of 2 gates to measure, 0 kept")


@pytest.mark.slow  # 1 s: one run on fakes
def test_a_dry_run_keeps_what_can_be_judged_unless_all_is_measured_again(
    commands: Commands, engine: FakeEngine
) -> None:
    engine.measure = app.main
    commands("fleet", "fleet.toml", "--out", "out", "--no-explain", expect=ExitCode.INCONCLUSIVE)
    for options, count in ((), 1), (("--fresh",), 0):
        commands("fleet", "fleet.toml", "--dry-run", "--out", "out", *options)
        assert f", {count} kept, " in commands.out.splitlines()[-1]


@pytest.mark.slow  # 1 s: one run on fakes
def test_a_gate_without_a_baseline_does_not_stop_the_others(commands: Commands, engine: FakeEngine) -> None:
    engine.measure = app.main
    command = ("fleet", "fleet.toml", "--out", "out", "--junit", "junit.xml", "--json")
    message = commands(*command, expect=ExitCode.INCONCLUSIVE)
    found = document.read(Path("out"))
    verdicts = {gate.gate_id: gate.verdict for gate in found.gates}
    assert verdicts["slow--s"] is Verdict.INCONCLUSIVE
    assert "slow--s no baseline prod-slow in kept" in message.splitlines()[-1]
    (same,) = [gate for gate in found.gates if gate.gate_id == "same--s"]
    assert same.moves
    assert same.measurements[0].problem == ""
    assert {order.arguments[:4] for order in engine.orders} == {("run", "same", "--against", "old")}
    assert 'value="search team"' in Path("junit.xml").read_text()
    passing = ("--on-inconclusive", "pass")
    commands("fleet", "fleet.toml", "--out", "out", *passing, expect=ExitCode.INCONCLUSIVE)
    Path("fleet.toml").write_text(FLEET.partition('[[models]]\nmodel = "slow"')[0])
    commands("fleet", "fleet.toml", "--out", "out", expect=ExitCode.INCONCLUSIVE)
    assert commands("fleet", "fleet.toml", "--out", "out", *passing)


STORED = """
store = "kept"
[defaults]
scenarios = ["s.toml"]
[[models]]
model = "same"
baseline = "prod"
"""


@pytest.mark.slow  # 1 s: three runs on fakes
@pytest.mark.parametrize("more", [(), ("--numbers-only",)])
def test_a_gate_with_a_stored_baseline_is_judged_and_kept_until_another_is_recorded(
    more: tuple[str, ...], commands: Commands, engine: FakeEngine
) -> None:
    engine.measure = app.main
    Path("fleet.toml").write_text(STORED)
    commands.record("old", *more)
    command = ("fleet", "fleet.toml", "--out", "out", "--no-explain")
    commands(*command, expect=ExitCode.INCONCLUSIVE)
    (gate,) = document.read(Path("out")).gates
    assert gate.measurements[0].problem == ""
    assert gate.digests.keys() == {"baseline", "candidate"}
    commands(*command, "--dry-run")
    assert commands.out.startswith("same--s  same against prod (kept)\n")
    commands.record("slow", *more)
    commands(*command, "--dry-run")
    assert commands.out.startswith("same--s  same against prod\n")


@pytest.mark.slow  # 1 s: one run on fakes
def test_a_dry_run_calls_nothing_kept_that_is_measured_again(commands: Commands, engine: FakeEngine) -> None:
    engine.measure = app.main
    commands("fleet", "fleet.toml", "--out", "out", expect=ExitCode.INCONCLUSIVE)
    commands("fleet", "fleet.toml", "--out", "out", "--dry-run")
    assert commands.out.splitlines()[0] == "same--s  same against old (kept)"
    Path("out/gates/same--s/1/result.json").write_text("{")
    commands("fleet", "fleet.toml", "--out", "out", "--dry-run")
    assert commands.out.splitlines()[0] == "same--s  same against old"
    assert commands.out.splitlines()[-1].startswith("1 of 2 gates to measure, 0 kept, ")


def test_what_ends_without_a_result_is_invalid_and_says_where_to_look(commands: Commands, engine: FakeEngine) -> None:
    engine.measure = lambda _: ExitCode.INVALID
    message = commands("fleet", "fleet.toml", "--out", "out", expect=ExitCode.INVALID)
    assert "same--s it ended with exit code 5 and without a result: see its perfgate.log" in message.splitlines()[-1]


def test_what_ends_without_a_result_says_why_if_it_printed_that(commands: Commands, engine: FakeEngine) -> None:
    def measured(arguments: Sequence[str]) -> int:
        out = Path(arguments[arguments.index("--out") + 1])
        out.parent.mkdir(parents=True)
        out.with_name(f"{out.name}.log").write_text(f"loading\nERROR CPU 1 is not available, see {out}/servers.log\n")
        return ExitCode.USAGE

    engine.measure = measured
    message = commands("fleet", "fleet.toml", "--out", "out", expect=ExitCode.INVALID)
    why = "it ended with exit code 2 and without a result: ERROR CPU 1 is not available, see "
    assert f"same--s {why}{Path('out').absolute()}/gates/same--s/1/servers.log" in message.splitlines()[-1]


def test_variables_of_other_commands_do_not_reach_measurements(
    commands: Commands, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERFGATE_BUDGET", "1h")
    monkeypatch.setenv("PERFGATE_BASELINE", "other")
    commands("fleet", "fleet.toml", "--out", "out", expect=ExitCode.INVALID)
    (order, *_) = engine.orders
    assert not {"PERFGATE_BUDGET", "PERFGATE_BASELINE"} & order.environ.keys()
    assert order.environ["PATH"] == os.environ["PATH"]
    assert order.arguments[order.arguments.index("--budget") + 1] == "2"


def test_on_github_the_fleet_is_annotated_and_summed_up_once(
    commands: Commands, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("summary.md").write_text("of an earlier command\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(Path("summary.md").absolute()))
    said = commands("fleet", "fleet.toml", "--out", "out", expect=ExitCode.INVALID).splitlines()
    (error,) = [line for line in said if line.startswith("::error")]
    assert error.startswith("::error title=perfgate fleet%3A same--s::it ended with exit code 0 and without a result")
    assert [line for line in said if line.startswith("::warning")] == [
        "::warning title=perfgate fleet%3A 1 gate undecided::slow--s"
    ]
    assert said[-1].startswith("INVALID ")
    assert Path("summary.md").read_text().startswith("of an earlier command\n### ⛔ INVALID fleet\n")
    (order, *_) = engine.orders
    assert "GITHUB_STEP_SUMMARY" not in order.environ, "a measurement would sum itself up, at another level"


@pytest.mark.slow  # 1 s: one run on fakes
def test_all_again_keeps_nothing_and_is_not_how_to_continue(
    commands: Commands, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.measure = app.main
    command = ("fleet", "fleet.toml", "--out", "out", "--no-explain")
    commands(*command, expect=ExitCode.INCONCLUSIVE)
    commands(*command, "--dry-run")
    assert commands.out.splitlines()[0] == "same--s  same against old (kept)"
    commands(*command, "--dry-run", "--fresh")
    assert commands.out.splitlines()[0] == "same--s  same against old"

    def interrupted(_: Sequence[str]) -> int:
        raise KeyboardInterrupt

    engine.measure = interrupted
    for more, how in (("--fresh",), "the same command without --fresh"), ((), "the same command"):
        monkeypatch.setattr(sys, "argv", ["perfgate", *command, *more])
        said = commands(*command, *more, expect=ExitCode.INTERRUPTED).splitlines()[-1]
        assert said.startswith(f"INTERRUPTED 0 of 2 gates measured; run {how} to continue  report: ")
        (same,) = [gate for gate in document.read(Path("out")).gates if gate.gate_id == "same--s"]
        assert same.headline == f"not measured yet: the fleet was stopped or ran out of time; run {how} to continue"


@pytest.mark.parametrize("name", ["fleet.json", "history.jsonl", "index.html"])
def test_a_file_that_cannot_be_written_hides_no_verdict(name: str, commands: Commands, engine: FakeEngine) -> None:
    engine.measure = lambda _: ExitCode.INVALID
    Path("out", name).mkdir(parents=True)
    said = commands("fleet", "fleet.toml", "--out", "out", "--junit", "junit.xml", expect=ExitCode.USAGE)
    *_, verdict, error = said.splitlines()
    assert verdict.startswith("INVALID 1 of 2 gates could not be judged")
    assert error.startswith(f"ERROR cannot read or write out/{name}: Is a directory")
    assert Path("junit.xml").exists()


def test_its_json_is_the_file(commands: Commands, engine: FakeEngine) -> None:
    commands("fleet", "fleet.toml", "--out", "out", "--json", "-q", expect=ExitCode.INVALID)
    assert json.loads(commands.out) == json.loads(Path("out", "fleet.json").read_text())
    assert json.loads(commands.out)["engine"] == engine.description


@pytest.mark.parametrize("mistake", ['scenario = ["nope"]', 'junit = "s.toml/run.xml"'])
def test_a_measurement_takes_what_is_measured_and_its_files_from_the_fleet(
    mistake: str, commands: Commands, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands("fleet", "fleet.toml", "--out", "out", expect=ExitCode.INVALID)
    (order, *_) = engine.orders
    Path("perfgate.toml").write_text(f'{mistake}\nstore = "elsewhere"\n')
    commands("run", "same", expect=ExitCode.USAGE)
    monkeypatch.setenv(OF_FLEET, order.environ[OF_FLEET])
    assert "no baseline default in elsewhere" in commands("run", "same", expect=ExitCode.INCONCLUSIVE)


DEMANDS = """
[defaults]
scenarios = ["s.toml"]
against = "old"
demand_rps = 1_000
[[models]]
model = "same"
[[models]]
model = "slow"
baseline = "prod"
"""


def test_a_model_with_a_demand_that_was_not_measured_is_named_and_not_counted(
    commands: Commands, engine: FakeEngine
) -> None:
    Path("fleet.toml").write_text(DEMANDS)
    commands("fleet", "fleet.toml", "--out", "out", expect=ExitCode.INVALID)
    assert [order.arguments[0] for order in engine.orders] == ["run", "capacity"]
    found = document.read(Path("out"))
    assert [each.model_name for each in found.demands] == ["same", "slow"]
    assert found.total is not None
    assert found.total.left_out == ("same", "slow")


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("change", ["demand_rps = 2_000", "capacity_s = 300", "headroom = 0.2"])
def test_only_the_search_for_the_capacity_depends_on_what_it_is_asked(change: str, commands: Commands) -> None:
    def key(round_number: int) -> str:
        facts = json.loads(Path("out/gates/same--s", str(round_number), "measured.json").read_text())
        return str(facts["key"])

    Path("fleet.toml").write_text(DEMANDS)
    commands("fleet", "fleet.toml", "--out", "out", expect=ExitCode.INVALID)
    capacity, gate = key(0), key(1)
    Path("fleet.toml").write_text(DEMANDS.replace('model = "same"', f'model = "same"\n{change}'))
    commands("fleet", "fleet.toml", "--out", "out", expect=ExitCode.INVALID)
    assert key(1) == gate
    assert key(0) != capacity


@pytest.mark.slow  # 1 s: one run on fakes
def test_a_model_that_changes_after_it_was_opened_is_not_judged(commands: Commands, engine: FakeEngine) -> None:
    def measured(arguments: Sequence[str]) -> int:
        code = app.main(arguments)
        result = Path(arguments[arguments.index("--out") + 1], "result.json")
        tree = json.loads(result.read_text())
        tree["models"]["candidate"]["digest"] = "sha256:later"
        result.write_text(json.dumps(tree))
        return code

    engine.measure = measured
    message = commands("fleet", "fleet.toml", "--out", "out", "--no-explain", expect=ExitCode.INVALID)
    assert "same--s its model or baseline changed while the fleet ran" in message.splitlines()[-1]
    engine.orders.clear()
    commands("fleet", "fleet.toml", "--out", "out", "--no-explain", expect=ExitCode.INVALID)
    assert len(engine.orders) == 1, "measured again"
    engine.measure = app.main
    commands("fleet", "fleet.toml", "--out", "out", "--no-explain", expect=ExitCode.INCONCLUSIVE)
