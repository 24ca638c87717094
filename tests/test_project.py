"""Project-wide checks: the lock file, links, targets, no trace of a particular machine."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MACHINE_PATH = re.compile(r"(?<![\w./~-])/(?:work|root|home)(?![\w-])(?!/me\b)")  # /home/me is a placeholder
NO_PATH = re.compile(r"\w+:")
PUBLIC_TARGETS = {"help", "setup", "models", "demo", "test", "lint", "docs", "bench", "check", "lock", "clean"}
PARTS_OF_TARGETS = {"ranking", "audio"}


def tracked(pattern: str = "*") -> list[Path]:
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--", pattern], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no git checkout: {error}")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: str) -> dict[str, str]:
    """Return each pinned package's name and the text of its hashes."""
    return {
        normal(name): rest
        for name, rest in re.findall(r"^([\w.-]+)==[^\n]*\n((?:    --hash.*\n)*)", lock, re.MULTILINE)
    }


def broken_links(page: Path) -> list[str]:
    targets = re.findall(r"\]\(([^)\s#]+)[^)]*\)", page.read_text())
    return [name for name in targets if not NO_PATH.match(name) and not (page.parent / name).exists()]


def test_every_file_of_the_package_is_in_what_is_installed() -> None:
    """Templates, style sheet, script and shipped scenarios: setuptools includes only what is named."""
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["perfgate"]
    packed = {file for pattern in patterns for file in (ROOT / "perfgate").glob(pattern)}
    files = {file for file in tracked("perfgate/*") if file.suffix != ".py"}
    assert {file.suffix for file in files} >= {".j2", ".css", ".js"}
    assert files - packed == set()


def test_the_lock_names_no_place_to_fetch_from() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    settings = [line for line in lock.splitlines() if line.startswith("-")]
    assert settings == []
    assert re.findall(r"\S*(?:://|file:/|\.org|\.com|\.net)\S*", lock) == []


def test_the_lock_pins_every_dependency_with_hashes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    pinned = pins((ROOT / "requirements.lock").read_text())
    assert {normal(re.split(r"[^\w.-]", one)[0]) for one in wanted} <= pinned.keys()
    assert [name for name, hashes in pinned.items() if "--hash=sha256:" not in hashes] == []


def test_an_unhashed_pin_would_show() -> None:
    assert pins("Some_thing==1.0\nother==2 \\\n    --hash=sha256:00\n") == {
        "some-thing": "",
        "other": "    --hash=sha256:00\n",
    }


def test_no_file_carries_a_path_of_one_machine() -> None:
    found = []
    for file in tracked():
        text = file.read_bytes().decode(errors="ignore")
        found += [f"{file.relative_to(ROOT)}: {match[0]}" for match in MACHINE_PATH.finditer(text)]
    assert found == []


@pytest.mark.parametrize("path", ["work/main", "root/.cache", "home/jo"])
def test_a_path_of_one_machine_would_show(path: str) -> None:
    assert MACHINE_PATH.search(f"model at '/{path}'")
    assert not MACHINE_PATH.search(f"model at 'data/{path}'")


def test_links_lead_somewhere() -> None:
    broken = {str(page.relative_to(ROOT)): broken_links(page) for page in tracked("*.md")}
    assert {page: links for page, links in broken.items() if links} == {}


def test_a_broken_link_would_show(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("[here](page.md#top) [away](https://example.invalid/x) [gone](docs/gone.md#part)")
    assert broken_links(page) == ["docs/gone.md"]


def test_make_describes_its_targets() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split()
    described = re.findall(r"^([a-z]+):.*## \S", makefile, re.MULTILINE)
    assert set(described) == PUBLIC_TARGETS
    assert set(phony) == PUBLIC_TARGETS | PARTS_OF_TARGETS


@pytest.mark.parametrize("target", ["setup", "demo", "test"])
def test_make_names_the_python_it_needs(tmp_path: Path, target: str) -> None:
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    done = subprocess.run(
        ["make", target, "PYTHON=false"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert said == [f"perfgate needs Python 3.11 or newer; name one: make PYTHON=python3.11 {target}"]


def test_ci_runs_lint_and_tests() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().splitlines()[-2:] == ["make lint", "make test"]
