"""The reference pages match the code."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from docs.reference.make.__main__ import main
from docs.reference.make.commands import commands
from docs.reference.make.markdown import prose, sentence, table
from docs.reference.make.metrics import amount
from docs.reference.make.pages import files
from docs.reference.make.schemas import keys
from perfgate.cli.app import app
from perfgate.cli.config_file import KEYS
from perfgate.errors import ExitCode
from perfgate.metrics import BY_NAME, METRICS
from perfgate.scenario.files import json_schema
from tests.docs.pages import PAGES

ROOT = Path(__file__).resolve().parents[2]


FILES = files()


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_page_is_current(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == FILES[name], "write it again: make docs"


def test_there_is_no_page_more_that_claims_to_be_made() -> None:
    claiming = {page for page in PAGES if page.read_text(encoding="utf-8").startswith("<!-- Made from ")}
    assert claiming == {ROOT / name for name in FILES if name.endswith(".md")}


@pytest.mark.slow
def test_a_stale_page_is_written_and_a_current_one_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(tmp_path)
    assert capsys.readouterr().out.count("wrote ") == len(FILES)
    (tmp_path / "docs" / "reference" / "metrics.md").write_text("old")
    main(tmp_path)
    assert capsys.readouterr().out == "wrote docs/reference/metrics.md\n"


def _page(name: str) -> str:
    return FILES[f"docs/reference/{name}"]


def test_metrics_codes_and_settings_are_all_there() -> None:
    assert all(_page("metrics.md").count(f"\n| `{metric.name}` |") == 2 for metric in METRICS)
    assert all(f"| `{int(code)}` | {code.name.lower()} | " in _page("exit-codes.md") for code in ExitCode)
    assert all(f"\n| `{key}` | `{flag}` |" in _page("settings.md") for key, flag in KEYS.items())


def _tables(name: str) -> dict[str, list[list[str]]]:
    """Return the cells of each section's table."""
    sections = _page(name).split("\n## ")[1:]
    return {
        title: [line.replace(r"\|", "/").strip("| ").split(" | ") for line in text.splitlines() if line[:3] == "| `"]
        for title, _, text in (section.partition("\n") for section in sections)
    }


def _nowhere_empty(name: str) -> None:
    for title, rows in _tables(name).items():
        assert rows, title
        for row in rows:
            assert row[-1] not in {"-", ""}, f"{title} {row[0]} has no description"


@pytest.mark.parametrize(
    "name",
    [
        "commands.md", "scenario.md", "result.md", "runs.md", "explain.md", "capacity.md", "plan.md", "plan-check.md",
        "fleet.md", "fleet-result.md",
    ],
)  # fmt: skip
def test_everything_has_a_description(name: str) -> None:
    _nowhere_empty(name)


def test_every_command_and_option_is_there() -> None:
    found = _tables("commands.md")
    assert "perfgate baseline promote" in found
    context = click.Context(app)
    for name in app.list_commands(context):
        command = app.get_command(context, name)
        if command is not None and not isinstance(command, click.Group):
            flags = [each for each in command.params if isinstance(each, click.Option)]
            options = {option for each in flags for option in (*each.opts, *each.secondary_opts)}
            shown = {flag.strip("`") for row in found[f"perfgate {name}"] for flag in row[0].split(", ")}
            assert shown == options


def test_commands_say_values_defaults_and_variables() -> None:
    text = commands()
    assert "| `--replicas` | whole number, 2 to 64 | - | `PERFGATE_REPLICAS` | Server processes per arm. |" in text
    assert "| `--port` | whole number, 0 to 65535 | `8500` | - | gRPC port; 0: any free port. |" in text
    assert "| `PERFGATE_BUDGET` | `--budget` | `perfgate run`, `perfgate compare`, " in text


def test_scenario_tables_are_named_as_in_a_file() -> None:
    found = _tables("scenario.md")
    assert {"`[payload.inputs.NAME]`", "`[gate.metrics.METRIC]`", "`[server.batching]`"} <= found.keys()
    assert found["`[budget]`"][0][:3] == ["`measure_s`", 'number above 0 or string such as `"500ms"`, `"2min"`', "`45`"]


def test_a_key_without_description_would_show() -> None:
    schema = json_schema()
    del schema["$defs"]["Gate"]["properties"]["alpha"]["description"]
    assert keys(schema["$defs"]["Gate"], schema, link=False).splitlines()[2].endswith("| `0.01` | - |")


def test_amounts_are_as_a_scenario_writes_them() -> None:
    assert amount(BY_NAME["execute_ms"], 0.05, 0) == "5%"
    assert amount(BY_NAME["rss_peak_mb"], 0.1, 16) == "10%, at least 16 MiB"
    assert amount(BY_NAME["error_rate"], 0.02, 0) == "2 pp"
    assert amount(BY_NAME["warmup_requests"], 0.5, 40) == "50%, at least 40"


def test_markdown_is_not_broken_by_what_it_shows() -> None:
    assert table(("a",), [("x | y\nz",), ("",)]) == "| a |\n| --- |\n| x \\| y z |\n| - |"
    assert prose("reports/<run id> `<b>` (docs/reference/targets.md#command)") == (
        "reports/&lt;run id> `<b>` ([more](targets.md#command))"
    )
    assert sentence("perfgate's own") == "perfgate's own."
    assert sentence("time of it.") == "Time of it."
