"""One project for all pages, with a recorded run, a second one, and a baseline `prod`."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perfgate.project.init_files import objective_files, write_all
from tests.docs.pages import ROOT, begins_empty
from tests.docs.project import PREPARED, Project, short_runs
from tests.docs.standing import standing

if TYPE_CHECKING:
    from perfgate.serving.embedded import EmbeddedForkServer
    from tests.conftest import RankingModels


@pytest.fixture(scope="session")
def fork_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., EmbeddedForkServer]]:
    """Fork servers that are idle between the commands of pages."""
    with standing(tmp_path_factory.mktemp("standing") / "servers.log") as made:
        yield made


_FLEET = """
[defaults]
scenarios = ["ranking"]
budget_s = "0.5s"
replicas = 2
cores = 1
[[models]]
model = "models/v2"
against = "models/v1"
"""


@pytest.fixture(scope="session")
def project(
    ranking_models: RankingModels,
    tmp_path_factory: pytest.TempPathFactory,
    fork_server: Callable[..., EmbeddedForkServer],
) -> Project:
    """Make the project of which each page gets a copy."""
    home = tmp_path_factory.mktemp("pages")
    (home / "project" / "models" / "ranker").mkdir(parents=True)
    subprocess.run(["git", "init", "-q"], cwd=home / "project", check=True)
    for name, model in {"v1": ranking_models.v1, "v2": ranking_models.v2, "ranker/1": ranking_models.v1}.items():
        shutil.copytree(model, home / "models" / name)  # pages may change it, unlike the cache of all tests
        (home / "project" / "models" / name).symlink_to(home / "models" / name)
    shutil.copytree(ROOT / "scenarios", home / "project" / "scenarios")
    planned = objective_files("next")
    write_all({path: planned[path] for path in planned if path.parent.name}, home / "project", force=False)
    (home / "project" / "fleet.toml").write_text(_FLEET)
    made = Project(home / "project")
    with pytest.MonkeyPatch.context() as patch:
        short_runs(patch, fork_server)
        for line, out in PREPARED.items():
            ended = made.run(f"{line} --out {out}")
            assert ended.code in {0, 3, 4}, ended.err
    return made


@pytest.fixture
def copied(
    project: Project,
    page: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fork_server: Callable[..., EmbeddedForkServer],
) -> Project:
    """Give the page its own project, or an empty directory; its runs are short, and separate from other tests."""
    short_runs(monkeypatch, fork_server)
    if not begins_empty(page):
        return project.copy(tmp_path / "project")
    (tmp_path / "empty").mkdir()
    return Project(tmp_path / "empty")
