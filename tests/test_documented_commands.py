"""Every command line in the documentation is accepted by perfgate."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from perfgate.cli.app import app
from perfgate.errors import ExitCode
from tests.docs.pages import ALL

ROOT = Path(__file__).resolve().parents[1]


def _shown() -> Iterator[tuple[str, str]]:
    for block in ALL:
        for line in block.text.splitlines():
            text = line.strip().removeprefix("$ ")
            if text.startswith("perfgate "):
                yield str(block.page.relative_to(ROOT)), text


def check(line: str) -> None:
    """Find the command and each of its options; KeyError for an unknown option."""
    words = shlex.split(line, comments=True)[1:]
    context = click.Context(app)
    command: click.Command = app
    while isinstance(command, click.Group) and words:
        found = command.get_command(context, words.pop(0))
        assert found is not None, line
        command = found
    options = {name: each for each in command.params for name in (*each.opts, *each.secondary_opts)}
    for word in words:
        if word.startswith("-") and word not in {"-h", "--help", "--version"}:
            assert options[word.split("=")[0]] is not None


def test_there_are_command_lines_to_check() -> None:
    assert len(list(_shown())) > 60
    assert {"README.md", "docs/tutorial.md", "docs/how-to/inconclusive.md"} <= {page for page, _ in _shown()}


@pytest.mark.parametrize(("page", "line"), list(_shown()))
def test_it_is_a_command_line_of_perfgate(page: str, line: str) -> None:  # noqa: ARG001 - names the test
    check(line)


@pytest.mark.parametrize("line", ["perfgate rum x", "perfgate run x --bugdet 3s", "perfgate baseline reccord x"])
def test_the_check_can_fail(line: str) -> None:
    with pytest.raises((AssertionError, KeyError)):
        check(line)


def test_the_readme_knows_every_exit_code() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    verdicts = text[text.index("## The verdict") : text.index("## Why it can be believed")]
    assert all(str(int(code)) in verdicts for code in ExitCode)
