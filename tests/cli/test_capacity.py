"""Command lines of `perfgate capacity`: what is asked, what is refused, and what is left behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from perfgate.capacity.answer import CapacityAnswer
from perfgate.errors import ExitCode
from perfgate.pipeline import capacity_command
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.host import Host
from perfgate.pipeline.options import Options
from perfgate.results import capacity_document
from perfgate.trials import Arm
from tests.capacity import answers
from tests.cli.conftest import Commands


@dataclass
class Asked:
    """Stands for the measuring: what it was asked for, and what it answers."""

    answer: CapacityAnswer = field(default_factory=answers.one_arm)
    comparisons: list[Comparison] = field(default_factory=list)

    def __call__(self, comparison: Comparison, _: Options, __: Host, out: Path) -> CapacityAnswer:
        assert out.is_dir()
        self.comparisons.append(comparison)
        return self.answer


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    found = Asked()
    monkeypatch.setattr(capacity_command, "_searched", found)
    return found


def _models(asked: Asked) -> dict[Arm, str]:
    return {arm: model.given for arm, model in asked.comparisons[-1].models.items()}


def test_one_version_is_searched_and_files_are_left(commands: Commands, asked: Asked) -> None:
    said = commands("capacity", "slow", "-s", "s.toml", "--out", "out")
    assert _models(asked) == {Arm.CANDIDATE: "slow"}
    assert said.splitlines()[-1].startswith("CAPACITY models/ranker/2 412/s [")
    assert said.splitlines()[-1].endswith("report: out/capacity.html")
    assert capacity_document.read(Path("out")) == answers.one_arm()
    assert Path("out/capacity.csv").read_text().count("\n") == 1 + len(answers.one_arm().arms[0].points)
    assert "412" in Path("out/capacity.html").read_text()


def test_a_decline_beyond_the_tolerance_fails(commands: Commands, asked: Asked) -> None:
    asked.answer = answers.two_arms()
    said = commands("capacity", "old", "slow", "-s", "s.toml", "--out", "out", "-q", expect=ExitCode.FAIL)
    assert _models(asked) == {Arm.BASELINE: "old", Arm.CANDIDATE: "slow"}
    assert said.startswith("FAIL capacity_rps -16.1% [-18.9, -13.2]")
    assert said.count("\n") == 1, "quiet is one line"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (answers.no_difference, ExitCode.PASS),
        (answers.undecided, ExitCode.INCONCLUSIVE),
        (lambda: replace(answers.one_arm(), complete=False), ExitCode.INTERRUPTED),
    ],
)
def test_exit_codes(commands: Commands, asked: Asked, answer: Callable[[], CapacityAnswer], code: ExitCode) -> None:
    asked.answer = answer()
    commands("capacity", "old", "slow", "-s", "s.toml", "--out", "out", "-q", expect=code)


def test_a_demand_becomes_servers(commands: Commands, asked: Asked) -> None:
    asked.answer = answers.two_arms()
    said = commands(
        "capacity",
        "old",
        "slow",
        "-s",
        "s.toml",
        "--out",
        "out",
        "--demand",
        "20M",
        "--spare",
        "2",
        expect=ExitCode.FAIL,
    )
    needs = capacity_document.read(Path("out")).needs
    assert needs is not None
    assert (needs.demand_rps, needs.headroom, needs.spare) == (20e6, 0.3, 2)
    assert "20,000,000 requests/s" in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--demand", "20 apples"), "20 apples"),
        (("--demand", "0"), "above 0"),
        (("--demand", "20M", "--headroom", "100%"), "--headroom"),
        (("--demand", "20M", "--cost-per-hour", "cheap"), "--cost-per-hour"),
        (("--headroom", "20%"), "--headroom needs --demand"),
        (("--cost-per-hour", "0.1"), "--cost-per-hour needs --demand"),
    ],
)
def test_nonsense_is_refused_in_one_line(
    commands: Commands, asked: Asked, options: tuple[str, ...], words: str
) -> None:
    said = commands("capacity", "old", "-s", "s.toml", "--out", "out", *options, expect=ExitCode.USAGE)
    assert words in said
    assert said.count("\n") == 1
    assert not asked.comparisons
    assert not Path("out").exists()


def test_a_baseline_takes_one_model(commands: Commands, asked: Asked) -> None:
    said = commands("capacity", "old", "slow", "--baseline", "prod", expect=ExitCode.USAGE)
    assert "--baseline takes one model" in said
    assert not asked.comparisons


def test_one_scenario_at_a_time(commands: Commands, asked: Asked) -> None:
    Path("t.toml").write_text("[budget]\nmeasure_s = 2\n")
    said = commands("capacity", "old", "-s", "s.toml", "-s", "t.toml", expect=ExitCode.USAGE)
    assert "one scenario at a time" in said
    assert not asked.comparisons
