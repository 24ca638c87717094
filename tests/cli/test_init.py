from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perfgate.cli.app import main
from perfgate.cli.config_file import load_config
from perfgate.cli.starting import first_files, scenario_name, write_all
from perfgate.errors import ExitCode, UsageError
from perfgate.model.interface import Model, Signature, TensorSpec
from perfgate.payload.record import record_scenario
from perfgate.scenario.files import load_scenario

if TYPE_CHECKING:
    from tests.conftest import RankingModels

PREDICT = "tensorflow/serving/predict"
INPUTS = (
    TensorSpec("ids", "int64", (None, 20)),
    TensorSpec("dense/raw", "float32", (None, 16)),
    TensorSpec("country", "string", (None,)),
    TensorSpec("image", "uint8", (None, None, None, 3)),
    TensorSpec("mask", "bool", (None, 4)),
    TensorSpec("anything", "float16", None),
    TensorSpec('od"d\n]', "int8", (None,)),
)
MODEL = Model(
    Path("x"), "models/Ranker v2/17", 17, "sha256:0", 1, ("serve",), (Signature("score", PREDICT, INPUTS, ()),), ()
)


_NAMES = {"models/Ranker v2/17": "ranker-v2", "m.keras": "m", "a/b/": "b", ".": "model", "7": "model", "é": "model"}


@pytest.mark.parametrize(("given", "name"), list(_NAMES.items()))
def test_a_scenario_is_named_after_the_model(given: str, name: str) -> None:
    assert scenario_name(replace(MODEL, given=given)) == name


def test_what_is_written_is_read_and_makes_requests_as_it_stands(tmp_path: Path) -> None:
    write_all(first_files(MODEL, "none", "perfgate"), tmp_path, force=False)
    scenario = load_scenario(str(tmp_path / "scenarios" / "ranker-v2.toml"), ())
    assert scenario.payload.signature == "score"
    assert set(scenario.payload.inputs) >= {"ids", "dense/raw", "country", "image", "anything"}
    assert scenario.payload.inputs["image"].shape == (8, 1, 1, 3)
    assert len(record_scenario(MODEL, scenario, 0).calls) == 16
    config = load_config(tmp_path)
    assert config.values == {"scenario": ["ranker-v2"], "baseline": "default", "store": "baselines"}


def test_an_input_that_cannot_be_drawn_is_a_comment_that_says_so() -> None:
    odd = (TensorSpec("ragged", "int64", (None,), "composite"), TensorSpec("handle", "resource", ()))
    model = replace(MODEL, signatures=(Signature("serving_default", PREDICT, odd, ()),))
    text = first_files(model, "none", "perfgate")[Path("scenarios/ranker-v2.toml")]
    assert not tomllib.loads(text)["payload"].get("inputs")
    assert "# is composite, which no request can carry" in text
    assert "# input handle has resource" in text


def test_a_model_without_a_signature_is_refused() -> None:
    with pytest.raises(UsageError, match="no signature"):
        first_files(replace(MODEL, signatures=()), "none", "perfgate")


def test_nothing_that_is_there_is_replaced(tmp_path: Path) -> None:
    files = first_files(MODEL, "github", "perfgate")
    (tmp_path / "perfgate.toml").write_text("seed = 1\n")
    with pytest.raises(UsageError, match=r"perfgate\.toml exists already"):
        write_all(files, tmp_path, force=False)
    assert [path.name for path in tmp_path.iterdir()] == ["perfgate.toml"]
    write_all(files, tmp_path, force=True)
    assert "baseline" in (tmp_path / "perfgate.toml").read_text(encoding="utf-8")


def _steps(text: str, ci: str) -> Iterator[str]:
    """Give the shell commands of a CI file."""
    pattern = r"^ +run: (.+)$" if ci == "github" else r"^    - (?!perfgate-run$)(.+)$"
    for step in re.findall(pattern, text.partition("artifacts:")[0] if ci == "gitlab" else text, re.MULTILINE):
        yield json.loads(step) if step.startswith('"') else step


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_the_steps_of_a_ci_file_install_look_and_gate(ci: str) -> None:
    model = replace(MODEL, given='my "models"/v 2')
    (path,) = (path for path in first_files(model, ci, "perfgate") if path.suffix == ".yml")
    install, look, gate = _steps(first_files(model, ci, "perfgate @ https://x/y.git")[path], ci)
    assert install == "python -m pip install 'perfgate @ https://x/y.git'"
    assert look == "perfgate doctor"
    assert gate.startswith("perfgate run 'my \"models\"/v 2' --out perfgate-run --junit perfgate-junit.xml")


@pytest.mark.live
@pytest.mark.slow
def test_from_init_to_a_gate_in_ci(
    ranking_models: RankingModels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = str(ranking_models.v1)
    assert main(["init", model, "--ci", "gitlab"]) == ExitCode.PASS
    with Path("perfgate.toml").open("a", encoding="utf-8") as file:
        file.write('budget = "3s"\nreplicas = 2\n')
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def shell(step: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", step], env=environment, capture_output=True, text=True, timeout=300, check=False
        )

    install, look, gate = _steps(Path(".gitlab-ci.yml").read_text(encoding="utf-8"), "gitlab")
    for step in (install, look):
        assert (done := shell(step)).returncode == 0, done.stderr
    first = shell(gate)
    assert first.returncode == ExitCode.INCONCLUSIVE, first.stderr
    assert "perfgate baseline record" in first.stderr
    assert (done := shell(f"perfgate baseline record {model}")).returncode == 0, done.stderr
    last = shell(gate)
    assert last.returncode in {ExitCode.PASS, ExitCode.INCONCLUSIVE}, last.stderr
    assert all(
        Path(name).exists() for name in ("perfgate-junit.xml", "perfgate-metrics.txt", "perfgate-run/report.html")
    )
