from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from perfgate import __version__
from perfgate.cli import requirement
from perfgate.cli.requirement import installed_requirement, requirement_of

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


@pytest.mark.parametrize(
    ("text", "expected"),
    [(None, f"perfgate=={__version__}"), ('{"url": "https://x/y.whl"}', "perfgate @ https://x/y.whl")],
)
def test_what_came_from_an_index_is_named_with_its_version(
    text: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Installed:
        def read_text(self, name: str) -> str | None:
            assert name == "direct_url.json"
            return text

    monkeypatch.setattr(requirement, "distribution", lambda _: Installed())
    assert installed_requirement(HOME) == expected
