from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from perfgate.project import requirement
from perfgate.project.requirement import how_to_bring, installed_requirement, requirement_of
from perfgate.version import __version__

HOME = Path("/home/me/project")
GIT = {"vcs": "git", "commit_id": "f00d"}


@pytest.mark.parametrize(
    ("direct_url", "expected"),
    [
        ({"url": "https://x/perfgate-1.whl", "archive_info": {}}, "perfgate @ https://x/perfgate-1.whl"),
        ({"url": "https://x/p.git", "vcs_info": GIT}, "perfgate @ git+https://x/p.git@f00d"),
        (
            {"url": "https://x/p.git", "vcs_info": GIT, "subdirectory": "a/b"},
            "perfgate @ git+https://x/p.git@f00d#subdirectory=a/b",
        ),
        ({"url": f"file://{HOME}/my%20wheels/p.whl", "archive_info": {}}, "./my wheels/p.whl"),
        ({"url": f"file://{HOME}-of-mine", "dir_info": {"editable": True}}, None),
        ({"url": "file:///elsewhere/perfgate", "dir_info": {}}, None),
    ],
)
def test_where_a_package_came_from_is_how_it_is_installed_again(
    direct_url: dict[str, Any], expected: str | None
) -> None:
    assert requirement_of(direct_url, HOME) == expected


class Installed:
    def __init__(self, text: str | None) -> None:
        self.text = text

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return self.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [(None, f"perfgate=={__version__}"), ('{"url": "https://x/y.whl"}', "perfgate @ https://x/y.whl")],
)
def test_what_came_from_an_index_is_named_with_its_version(
    text: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requirement, "distribution", lambda _: Installed(text))
    assert installed_requirement(HOME) == expected


def test_what_only_this_machine_has_reaches_the_job_by_commands_to_paste(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(requirement, "distribution", lambda _: Installed('{"url": "file:///my%20tools/perfgate"}'))
    file = tmp_path / "job.yml"
    file.write_text(f"pip install perfgate=={__version__}\n" * 2, encoding="utf-8")
    _, _, wheel, rename, _ = (line.strip() for line in how_to_bring(file))
    assert wheel == "python -m pip wheel --no-deps -w wheels '/my tools/perfgate'"
    subprocess.run(rename, shell=True, check=True)  # noqa: S602 - run as pasted
    assert file.read_text(encoding="utf-8") == f"pip install ./wheels/perfgate-{__version__}-py3-none-any.whl\n" * 2
