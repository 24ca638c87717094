"""Every command and program on the pages runs, page by page, each in its own project."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ALL, PAGES, ROOT, Block
from tests.docs.project import Project

pytestmark = [pytest.mark.live, pytest.mark.slow]


def _runs(page: Path) -> list[Block]:
    return [
        b
        for b in ALL
        if b.page == page and not b.not_run and (b.language in {"console", "python"} or b.file or b.adds_to)
    ]


RUNNING = [page for page in PAGES if _runs(page)]


@pytest.mark.parametrize("page", RUNNING, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_page_runs(page: Path, copied: Project) -> None:
    for block in _runs(page):
        if block.file:
            (copied.home / block.file).parent.mkdir(parents=True, exist_ok=True)
            (copied.home / block.file).write_text(block.text, encoding="utf-8")
        elif block.adds_to:
            with (copied.home / block.adds_to).open("a", encoding="utf-8") as file:
                file.write(f"\n{block.text}")
        elif block.language == "python":
            _python(block, copied.home)
        else:
            copied.run_all(tuple(block.commands()))


def _python(block: Block, home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", block.text],
        cwd=home,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, f"{block.where}\n{done.stderr}"
