"""One project for all pages, with a recorded run, a second one, and a baseline `prod`."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import ROOT
from tests.docs.project import Project, short_runs
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
        (home / "project" / "models" / name).symlink_to(model)
    shutil.copytree(ROOT / "scenarios", home / "project" / "scenarios")
    made = Project(home / "project")
    with standing(home / "servers.log") as fork_server, pytest.MonkeyPatch.context() as patch:
        short_runs(patch, fork_server)
        for line in (
            "perfgate baseline record models/v1 --name prod --scenario ranking --out reports/BEFORE",
            "perfgate compare models/v1 models/v2 --scenario ranking --out reports/RUN",
        ):
            ended = made.run(line)
            assert ended.code in {0, 3, 4}, ended.err
        yield made


@pytest.fixture
def copied(project: Project, tmp_path: Path) -> Project:
    """Give a project of the test's own."""
    return project.copy(tmp_path / "project")
