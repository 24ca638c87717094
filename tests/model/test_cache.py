from __future__ import annotations

from pathlib import Path

import pytest

from perfgate.model.cache import cache_dir


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/perfgate"),
        ({"HOME": "/h"}, "/h/.cache/perfgate"),
        ({"XDG_CACHE_HOME": "", "HOME": "/h"}, "/h/.cache/perfgate"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/perfgate"),
    ],
)
def test_the_cache_follows_the_environment(environ: dict[str, str], expected: str) -> None:
    assert cache_dir(environ) == Path(expected)


def test_without_a_home_the_user_database_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/passwd"))
    assert cache_dir({}) == Path("/passwd/.cache/perfgate")
