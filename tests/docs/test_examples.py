"""Code on the pages is correct: commands exist, and perfgate accepts the files."""

from __future__ import annotations

import importlib.util
import io
import re
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from perfgate.cli.config_file import load_config
from perfgate.fleet.schema import FleetFile
from perfgate.scenario.schema import Scenario
from perfgate.sketch.schema import Sketch
from tests.docs.pages import ALL, PAGES, ROOT, Block, blocks
from tests.test_documented_commands import check

_LANGUAGES = {"console", "python", "toml", "yaml", "json", "text", "mermaid"}
_COMMAND = re.compile(r"^(\$ )?(perfgate|python|make|pip|curl) \S", re.MULTILINE)


def _of(*languages: str) -> list[Block]:
    return [block for block in ALL if block.language in languages]


def _name(block: Block) -> str:
    return block.where


@pytest.mark.parametrize("block", ALL, ids=_name)
def test_it_says_what_it_is(block: Block) -> None:
    assert block.language in _LANGUAGES
    assert block.language != "text" or not _COMMAND.search(block.text), "a command: let the block be `console`"
    assert block.language != "console" or list(block.commands()), "no line begins with `$ `"


@pytest.mark.parametrize("block", _of("console"), ids=_name)
def test_its_commands_are_commands(block: Block) -> None:
    for command in block.commands():
        if command.words[0] == "perfgate":
            check(command.line)
        elif command.words[:2] == ("python", "-m"):
            assert importlib.util.find_spec(command.words[2]), command.line


@pytest.mark.parametrize("block", _of("toml"), ids=_name)
def test_its_toml_is_a_scenario_a_sketch_a_fleet_or_settings(block: Block, tmp_path: Path) -> None:
    tables = tomllib.loads(block.text)
    if tables.keys() & {"inputs", "embeddings", "blocks"}:
        Sketch.model_validate(tables)
        return
    if tables.keys() & {"models", "defaults", "correction", "family"}:
        FleetFile.model_validate({"models": [{"model": "models/*"}], **tables})
        return
    if tables.keys() <= Scenario.model_fields.keys():
        Scenario.model_validate(tables)
        return
    (tmp_path / "perfgate.toml").write_text(block.text, encoding="utf-8")
    assert load_config(tmp_path).path


@pytest.mark.parametrize("block", _of("python", "yaml", "json"), ids=_name)
def test_its_python_is_python_and_its_data_can_be_read(block: Block) -> None:
    if block.language == "python":
        compile(block.text, block.where, "exec")
    else:  # YAML reads JSON, too
        assert YAML(typ="safe").load(io.StringIO(block.text))


@pytest.mark.parametrize("block", [block for block in ALL if block.not_run], ids=_name)
def test_what_does_not_run_says_why(block: Block) -> None:
    assert len(block.not_run.split()) >= 3
    pytest.skip(block.not_run)


def test_there_are_pages_and_blocks() -> None:
    assert ROOT / "docs" / "reference" / "server.md" in PAGES
    assert len(_of("console")) > 10


def test_directives_belong_to_the_next_block_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- not run: there is no such server -->\n\n```console\n$ perfgate run x \\\n    -q\n```\n\n"
        "<!-- exits 0 or 4: equal models -->\n```console\n$ perfgate run y  # why\nPASS\n$ ls\n```\n\n```text\nz\n```\n"
        "<!-- file: a.toml -->\n```toml\nx = 1\n```\n"
    )
    away, equal, last, file = blocks(page)
    assert away.not_run == "there is no such server"
    assert [command.words for command in away.commands()] == [("perfgate", "run", "x", "-q")]
    assert [(command.words[0], sorted(command.exits)) for command in equal.commands()] == [
        ("perfgate", [0, 4]),
        ("ls", [0]),
    ]
    assert (last.not_run, last.exits, last.file) == ("", frozenset(), "")
    assert file.file == "a.toml"
