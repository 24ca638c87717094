"""The page on targets agrees with the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from perfgate.gate.judge import judge
from perfgate.gate.verdict import Verdict
from perfgate.scenario.files import load_scenario
from perfgate.scenario.schema import Gate, Objective, Target
from perfgate.serving.command import check_command
from perfgate.serving.endpoint_url import is_endpoint, parse_endpoint
from perfgate.serving.fields import FIELDS
from perfgate.stats.table import TrialTable
from perfgate.trials import Arm, Depth, Lane
from tests.stats.build import fact, load_trials, requests, trial

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "targets.md").read_text(encoding="utf-8")
KINDS = get_args(Target.model_fields["kind"].annotation)


def _section(kind: str) -> str:
    return PAGE.split(f"\n## {kind}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_a_section_with_an_example(kind: str, tmp_path: Path) -> None:
    examples = re.findall(r"```toml\n(.*?)```", _section(kind), re.DOTALL)
    assert examples
    for example in examples:
        file = tmp_path / "example.toml"
        file.write_text(example, encoding="utf-8")
        for named in re.findall(r'^tls_ca_file = "(.*)"', example, re.MULTILINE):
            (tmp_path / named).touch()
        target = load_scenario(str(file), []).target
        assert target.kind == kind
        if kind == "command":
            check_command(target)


def test_every_field_is_explained() -> None:
    rows = " ".join(line.split("|")[1] for line in _section("command").splitlines() if line.startswith("| "))
    assert set(re.findall(r"\{(\w+)\}", rows)) == FIELDS.keys()


def test_the_urls_are_urls() -> None:
    urls = re.findall(r"\b(?:grpcs?|https?)://10\.\S+", _section("endpoint"))
    assert len(urls) == 3
    for url in urls:
        assert is_endpoint(url)
        parse_endpoint(url)


def test_the_page_is_linked() -> None:
    for page in ("README.md", "docs/reference/scenario-files.md"):
        assert "targets.md" in (ROOT / page).read_text(encoding="utf-8")


def _one_replica_an_arm() -> TrialTable:
    visits = [
        trial(block, arm, number, requests([2.0]), Lane.COST, Depth.REQUEST)
        for block in range(30)
        for number, arm in enumerate(Arm)
    ]
    load = load_trials(1, lambda *_: [2.0] * 1000)
    return TrialTable.of([*visits, *load], [fact(number, arm) for number, arm in enumerate(Arm)])


def test_one_replica_an_arm_is_inconclusive_with_the_reason_that_the_page_names() -> None:
    judgement = judge(_one_replica_an_arm(), Gate(), {})
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "service_mean_ms needs at least 2 replicas with data per arm" in judgement.reasons
    assert "service_mean_ms needs at least 2 replicas with data per arm" in PAGE


@pytest.mark.parametrize(("bound_ms", "verdict"), [(5.0, Verdict.PASS), (1.0, Verdict.FAIL)])
def test_with_one_replica_objectives_still_work(bound_ms: float, verdict: Verdict) -> None:
    judgement = judge(_one_replica_an_arm(), Gate(), {"latency_p99_ms": Objective(max=bound_ms)})
    (objective,) = judgement.objectives
    assert objective.verdict is verdict
    assert judgement.verdict is (Verdict.FAIL if verdict is Verdict.FAIL else Verdict.INCONCLUSIVE)
