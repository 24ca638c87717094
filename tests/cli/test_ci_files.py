"""The CI files of `perfgate init`: valid by their servers' schemas, with every step run as the servers run it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from perfgate.cli.app import main
from perfgate.errors import ExitCode
from perfgate.model.interface import Model, Signature, TensorSpec
from perfgate.project.init_files import first_files

if TYPE_CHECKING:
    from tests.conftest import RankingModels

ROOT = Path(__file__).resolve().parents[2]
GITHUB, GITLAB = Path(".github/workflows/perfgate.yml"), Path(".gitlab-ci.yml")
FILES = {"github": (GITHUB, "vendor.github-workflows"), "gitlab": (GITLAB, "vendor.gitlab-ci")}
PLAIN, ODD = "models/ranker", "my \"models\": {v} #2 'x' \\ ${HOME} \n- é"
INPUT = TensorSpec("x", "float32", (None, 4))
MODEL = Model(Path("x"), PLAIN, 1, "sha256:0", 1, ("serve",), (Signature("s", "predict", (INPUT,), ()),), ())
ACTIONS = {"actions/checkout@v6", "actions/setup-python@v6", "actions/upload-artifact@v6"}


def _parsed(text: str) -> dict[str, Any]:
    document: dict[str, Any] = YAML(typ="safe").load(text)
    return document


def _text(ci: str, given: str = PLAIN, requirement: str = "perfgate") -> str:
    return first_files(replace(MODEL, given=given), ci, requirement)[FILES[ci][0]]


@pytest.mark.slow
@pytest.mark.parametrize("ci", FILES)
@pytest.mark.parametrize("given", [PLAIN, ODD])
def test_a_ci_file_is_valid_by_its_servers_schema(ci: str, given: str, tmp_path: Path) -> None:
    path = tmp_path / FILES[ci][0].name
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", FILES[ci][1], str(path)]
    path.write_text(_text(ci, given, "perfgate @ https://x/y.git"), encoding="utf-8")
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    path.write_text(_text(ci).replace("  script:" if ci == "gitlab" else "  runs-on:", "  spirit:"), encoding="utf-8")
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1, "the check can fail"


def test_only_actions_that_there_are_are_used() -> None:
    jobs = _parsed(_text("github"))["jobs"].values()
    assert {step["uses"] for job in jobs for step in job["steps"] if "uses" in step} == ACTIONS


@pytest.mark.parametrize("ci", FILES)
def test_a_model_of_any_name_stays_one_word_of_the_shell(ci: str, tmp_path: Path) -> None:
    file = _parsed(_text(ci, ODD, "a b; c"))
    lines = (
        file["perfgate"]["script"]
        if ci == "gitlab"
        else [step.get("run", "") for step in file["jobs"]["gate"]["steps"]]
    )
    shown = tmp_path / "shown"
    for name in ("python", "perfgate"):
        (tmp_path / name).write_text(f'#!/bin/sh\nprintf "%s\\0" "$@" >> {shown}\n', encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    subprocess.run(
        ["bash", "-e"], input="\n".join(lines), text=True, check=True, env={"PATH": f"{tmp_path}:/bin:/usr/bin"}
    )
    words = shown.read_text(encoding="utf-8").split("\0")
    assert words[:7] == ["-m", "pip", "install", "a b; c", "doctor", "run", ODD]


@dataclass(frozen=True)
class Server:
    """A CI server: a repository, and machines with nothing but a Python that has perfgate's dependencies."""

    origin: Path
    machines: Path
    environment: Mapping[str, str]

    def job(self, name: str, branch: str, scripts: Sequence[str], **variables: str) -> Job:
        """Check a branch out, and run scripts until one fails."""
        home = self.machines / f"{name}-{len(list(self.machines.iterdir()))}"
        self.git("clone", "-q", "--branch", branch, str(self.origin), str(home), cwd=self.machines)
        environment = {**self.environment, "CI": "true", **variables}
        done: list[subprocess.CompletedProcess[str]] = []
        for number, script in enumerate(scripts):
            file = home.with_name(f"{home.name}-{number}.sh")
            file.write_text(script, encoding="utf-8")
            done.append(
                subprocess.run(
                    ["bash", "-e", file],
                    cwd=home,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=120,
                    check=False,
                )
            )
            if done[-1].returncode:
                break
        return Job(home, tuple(done))

    def git(self, *words: str, cwd: Path) -> None:
        subprocess.run(["git", *words], cwd=cwd, env=dict(self.environment), check=True, capture_output=True)

    def push(self, work: Path, message: str) -> None:
        for words in (["add", "--all"], ["commit", "-qm", message], ["push", "-q", "origin", "HEAD"]):
            self.git(*words, cwd=work)


@dataclass(frozen=True)
class Job:
    home: Path
    steps: tuple[subprocess.CompletedProcess[str], ...]

    @property
    def code(self) -> int:
        """Return how it ended: with the code of the failed step."""
        return self.steps[-1].returncode

    @property
    def said(self) -> str:
        return self.steps[-1].stderr


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """Install this environment's packages into its Python, except perfgate, which the job installs."""
    home = tmp_path / "python"
    venv.create(home, symlinks=True)
    (packages,) = (home / "lib").glob("python*/site-packages")
    for path in Path(pytest.__file__).resolve().parents[1].iterdir():
        if "perfgate" not in path.name:
            (packages / path.name).symlink_to(path)
    git = {f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    pip = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    environment = {
        "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        **git,
        **pip,
    }
    origin, machines = tmp_path / "origin.git", tmp_path / "machines"
    machines.mkdir()
    server = Server(origin, machines, environment)
    server.git("init", "-q", "--bare", "-b", "main", str(origin), cwd=tmp_path)
    return server


def _wheel(directory: Path) -> Path:
    """Build it from a copy, because setuptools leaves files beside the sources."""
    source = directory.parent / "source"
    shutil.copytree(ROOT / "perfgate", source / "perfgate", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w"]
    subprocess.run([*command, str(directory), str(source)], check=True, capture_output=True)
    (wheel,) = directory.glob("*.whl")
    return wheel


def _shorten(scenario: Path) -> None:
    """Gate what seconds can decide even on a busy machine: CPU time by 10 %; the slow model takes 20 % more."""
    text = scenario.read_text(encoding="utf-8").partition("# Objectives")[0]
    text = re.sub(r"^\[(gate\.metrics\.\w+)\]\n.*", r"[\1]\ngate = false", text, flags=re.MULTILINE)
    text = text.replace("cpu_ms_per_request]\ngate = false", 'cpu_ms_per_request]\ncatch = "20%"')
    budget = "[budget]\nmeasure_s = 5\nreplicas = 3\nparents = 1\nexecute_share = 1\nrequest_share = 0\n"
    scenario.write_text(text + budget, encoding="utf-8")


def _put(model: Path, work: Path) -> None:
    shutil.rmtree(work / PLAIN, ignore_errors=True)
    shutil.copytree(model, work / PLAIN)


def _scripts(text: str, job: str) -> Iterator[str]:
    yield from (step["run"] for step in _parsed(text)["jobs"][job]["steps"] if "run" in step)


def _decided(server: Server, branch: str, scripts: Sequence[str], **variables: str) -> Job:
    """Rerun a job if the machine was too busy to decide, as a user would; report it if three runs did not decide."""
    for _ in range(3):
        job = server.job(branch, branch, scripts, **variables)
        if job.code != ExitCode.INCONCLUSIVE:
            return job
    pytest.skip(f"undecided three times on this machine: {job.said.splitlines()[-1]}")


@pytest.mark.live
@pytest.mark.alone
@pytest.mark.slow
def test_from_init_to_red_and_green_jobs(
    server: Server, ranking_models: RankingModels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    server.git("clone", "-q", str(server.origin), str(work), cwd=tmp_path)
    _put(ranking_models.v1, work)
    wheel = _wheel(work / "wheels").relative_to(work)
    monkeypatch.chdir(work)
    for ci in FILES:
        assert main(["init", PLAIN, "--ci", ci, "--force", "--install", f"./{wheel}"]) == ExitCode.PASS
    _shorten(work / "scenarios/ranker.toml")
    server.push(work, "begin")
    github, gitlab = (path.read_text(encoding="utf-8") for path in (GITHUB, GITLAB))
    gate, baseline = tuple(_scripts(github, "gate")), tuple(_scripts(github, "baseline"))
    on_github = {"GITHUB_ACTIONS": "true", "GITHUB_SHA": "f00d", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}

    first = server.job("first", "main", gate, **on_github)
    assert (len(first.steps), first.code) == (3, ExitCode.INCONCLUSIVE), first.said
    assert "perfgate baseline record MODEL" in first.said

    recorded = server.job("recorded", "main", baseline, **on_github)
    assert (len(recorded.steps), recorded.code) == (3, 0), recorded.said
    server.git("pull", "-q", cwd=work)
    assert '"f00d"' in next(work.glob("baselines/default/*.json")).read_text(encoding="utf-8")

    for branch, model, code in (
        ("same", ranking_models.v1_again, ExitCode.PASS),
        ("slow", ranking_models.v2, ExitCode.FAIL),
    ):
        server.git("switch", "-qc", branch, cwd=work)
        _put(model, work)
        server.push(work, branch)
        (tmp_path / "summary.md").unlink(missing_ok=True)
        judged = _decided(server, branch, gate, **on_github)
        assert judged.code == code, judged.said
        assert ("::error" in judged.said) == (code == ExitCode.FAIL)
        assert "cpu_ms_per_request" in (tmp_path / "summary.md").read_text(encoding="utf-8")
        for name in ("perfgate-junit.xml", "perfgate-run/report.html"):
            assert (judged.home / name).is_file()

    script = "set -o pipefail\n" + "\n".join(_parsed(gitlab)["perfgate"]["script"])
    judged = _decided(server, "slow", [script], GITLAB_CI="true")
    assert judged.code == ExitCode.FAIL, judged.said
    assert "perfgate_verdict" in (judged.home / "perfgate-metrics.txt").read_text(encoding="utf-8")
