"""The published schemas accept and reject the same files as perfgate."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from perfgate.cli import app
from perfgate.cli.config_file import KEYS, TABLES, load_config
from perfgate.errors import ExitCode, UsageError
from perfgate.fleet.file import json_schema
from perfgate.project.init_files import first_files
from perfgate.scenario.files import load_scenario
from tests.cli.test_init import MODEL
from tests.gate.test_policy import ENTRY

ROOT = Path(__file__).resolve().parents[2]
CONFIG, SCENARIO = (
    json.loads((ROOT / name).read_text(encoding="utf-8"))
    for name in ("docs/reference/config.schema.json", "scenarios/schema.json")
)


def _blocks(*pages: str) -> list[str]:
    texts = ((ROOT / "docs" / page).read_text(encoding="utf-8") for page in pages)
    return [block for text in texts for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL)]


SCENARIO_BLOCKS = [
    *_blocks("how-to/write-a-scenario.md"),
    *(text for text in _blocks("reference/severity.md") if "[gate.metrics" in text),
]
CONFIG_BLOCKS = [
    *(
        text
        for text in _blocks("reference/settings.md", "reference/severity.md", "how-to/accept-a-regression.md")
        if text not in SCENARIO_BLOCKS
    )
]


def _complaints(text: str, schema: dict[str, Any]) -> list[str]:
    data = json.loads(json.dumps(tomllib.loads(text), default=str))
    checker = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [error.message for error in checker.iter_errors(data)]


def test_the_schemas_are_schemas_and_have_every_key() -> None:
    for schema in (CONFIG, SCENARIO):
        Draft202012Validator.check_schema(schema)
    assert list(CONFIG["properties"]) == [*KEYS, *TABLES]


def test_what_the_docs_show_is_right(tmp_path: Path) -> None:
    assert len(CONFIG_BLOCKS) == 3
    for text in CONFIG_BLOCKS:
        assert _complaints(text, CONFIG) == []
        (tmp_path / "perfgate.toml").write_text(text)
        assert load_config(tmp_path).path == tmp_path / "perfgate.toml"
    assert len(SCENARIO_BLOCKS) == 2
    for text in SCENARIO_BLOCKS:
        assert _complaints(text, SCENARIO) == []
        (tmp_path / "s.toml").write_text(text)
        load_scenario(str(tmp_path / "s.toml"), [])


@pytest.mark.parametrize("as_an_example", [False, True])
def test_what_init_writes_is_right(*, as_an_example: bool) -> None:
    files = first_files(MODEL, "none", "perfgate")
    text = files[Path("perfgate.toml")]
    if as_an_example:
        text = re.sub(r"^# (\w+ = |\[)", r"\1", text, flags=re.MULTILINE)
    assert _complaints(text, CONFIG) == []
    (scenario,) = (text for path, text in files.items() if path.parts[0] == "scenarios")
    assert _complaints(scenario, SCENARIO) == []


@pytest.mark.parametrize("path", sorted((ROOT / "scenarios").glob("*.toml")), ids=lambda path: path.stem)
def test_what_ships_is_right(path: Path) -> None:
    assert _complaints(path.read_text(encoding="utf-8"), SCENARIO) == []


@pytest.mark.parametrize(
    "text",
    [
        "bugdet = 3\n",
        "replicas = 1\n",
        "budget = 'soon'\n",
        "cpus = 'all'\n",
        "quiet = 'yes'\n",
        "color = 'red'\n",
        "store = 3\n",
        '[severity]\nexecute = "warn"\n',
        '[severity]\nexecute_ms = "loud"\n',
        ENTRY.replace("expires", "expire"),
        ENTRY.replace('up_to = "8%"\n', ""),
        ENTRY.replace('"8%"', '"much"'),
        ENTRY.replace("execute_ms", "execute"),
        ENTRY.replace("2027-03-01", '"next week"'),
        ENTRY.replace('"jo"', '" "'),
    ],
)
def test_what_perfgate_refuses_an_editor_marks(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _complaints(text, CONFIG) != []
    if "store = 3" in text:
        return  # a number is text on a command line
    monkeypatch.chdir(tmp_path)
    (tmp_path / "perfgate.toml").write_text(text)
    assert app.main(["run", "model"]) == ExitCode.USAGE
    assert "perfgate.toml" in capsys.readouterr().err


def test_a_scenario_cannot_say_what_is_the_projects(tmp_path: Path) -> None:
    text = "[gate.project.severity]\n"
    assert _complaints(text, SCENARIO) != []
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(UsageError, match=r"gate\.project: unknown key"):
        load_scenario(str(tmp_path / "s.toml"), [])


@pytest.mark.parametrize(
    ("name", "schema"), [("perfgate.toml", CONFIG), ("scenario", SCENARIO), ("fleet", json_schema())]
)
def test_the_command_prints_them(name: str, schema: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["config", "--schema", name]) == ExitCode.PASS
    assert json.loads(capsys.readouterr().out) == schema
