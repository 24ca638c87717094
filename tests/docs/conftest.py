"""One project for all pages, with a recorded run, a second one, and a baseline `prod`."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import ROOT, begins_empty
from tests.docs.project import PREPARED, Project, short_runs
from tests.docs.standing import standing

if TYPE_CHECKING:
    from tests.conftest import RankingModels


@pytest.fixture(scope="session")
def project(ranking_models: RankingModels, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Give the project that each page begins with a copy of."""
    home = tmp_path_factory.mktemp("pages")
    (home / "project" / "models" / "ranker").mkdir(parents=True)
    subprocess.run(["git", "init", "-q"], cwd=home / "project", check=True)
    for name, model in {"v1": ranking_models.v1, "v2": ranking_models.v2, "ranker/1": ranking_models.v1}.items():
        shutil.copytree(model, home / "models" / name)  # which pages may change, other than the cache of all tests
        (home / "project" / "models" / name).symlink_to(home / "models" / name)
    shutil.copytree(ROOT / "scenarios", home / "project" / "scenarios")
    made = Project(home / "project")
    with standing(home / "servers.log") as fork_server, pytest.MonkeyPatch.context() as patch:
        short_runs(patch, fork_server)
        for line, out in PREPARED.items():
            ended = made.run(f"{line} --out {out}")
            assert ended.code in {0, 3, 4}, ended.err
        yield made


@pytest.fixture
def copied(project: Project, page: Path, tmp_path: Path) -> Project:
    """Give the page a project of its own, or an empty directory."""
    if not begins_empty(page):
        return project.copy(tmp_path / "project")
    (tmp_path / "empty").mkdir()
    return Project(tmp_path / "empty")
