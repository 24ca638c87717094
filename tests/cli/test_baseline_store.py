import json
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from perfgate.baseline.record import MetricSummary, Record, StoredModel
from perfgate.baseline.store import Store
from perfgate.cli import baseline_store
from perfgate.cli.baseline_store import list_command, rm_command, show_command
from perfgate.errors import NoBaselineError, UsageError
from perfgate.formatting import quantity
from tests.cli.conftest import Commands


def _record(second: int, name: str = "prod", note: str = "") -> Record:
    return Record(
        name=name,
        created_utc=f"2026-02-03T04:05:{second:02d}Z",
        scenario_name="ranking",
        scenario_digest="sha256:aa",
        payload_digest="sha256:bb",
        model=StoredModel("models/v1", "sha256:" + "cd" * 32, 3 * 2**20, "s3://models/v1"),
        fingerprint="0123456789abcdef",
        environment={"cpu_model": "AMD EPYC", "cores": 2.0, "tensorflow": "2.21.0"},
        metrics={"execute_ms": MetricSummary(1.5, (1.4, 1.6)), "latency_p999_ms": MetricSummary(None, (), "too few")},
        seed=7,
        perfgate_version="0.1.0",
        run_id="r1",
        note=note,
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(str(tmp_path))
    for record in (_record(1), _record(2, note="[bold]after the [fix]"), _record(3, name="canary")):
        store.add(record, None)
    return store


@pytest.fixture
def call(store: Store) -> Callable[..., Result]:
    def run(command: click.Command, *args: str, stdin: str = "") -> Result:
        options = {"env": {"PERFGATE_STORE": store.url}, "input": stdin, "standalone_mode": False}
        return CliRunner().invoke(command, args, catch_exceptions=False, **options)  # type: ignore[arg-type]

    return run


def test_list_marks_the_current_record_of_each_name(store: Store, call: Callable[..., Result]) -> None:
    _, canary, old, new = call(list_command).stdout.splitlines()
    ids = [record.id for record in store.list()]
    assert canary.split()[:3] == ["*", "canary", ids[0]]
    assert old.split()[:2] == ["prod", ids[1]]
    assert new.split()[:7] == ["*", "prod", ids[2], "ranking", "cdcdcdcdcdcd", "3.00", "yes"]
    assert new.rstrip().endswith("[bold]after the [fix]")


@pytest.mark.parametrize(("command", "arguments"), [(list_command, ()), (show_command, ("prod",))])
def test_a_note_cannot_write_to_the_terminal(
    store: Store, call: Callable[..., Result], command: click.Command, arguments: tuple[str, ...]
) -> None:
    store.add(_record(9, note="red \x1b[31m and\ntwo lines"), None)
    shown = call(command, *arguments).stdout
    assert "\x1b" not in shown
    assert "and two lines" in " ".join(shown.split())


def test_list_as_json(store: Store, call: Callable[..., Result]) -> None:
    rows = json.loads(call(list_command, "--json").stdout)
    assert [(row["name"], row["id"], row["current"]) for row in rows] == [
        (record.name, record.id, star) for record, star in zip(store.list(), (True, False, True), strict=True)
    ]


def test_list_of_an_empty_store_says_how_to_begin(tmp_path: Path, call: Callable[..., Result]) -> None:
    result = call(list_command, "--store", str(tmp_path / "none"))
    assert "perfgate baseline record" in result.stdout
    assert json.loads(call(list_command, "--store", str(tmp_path / "none"), "--json").stdout) == []


def test_show_gives_the_current_record(store: Store, call: Callable[..., Result]) -> None:
    text = call(show_command, "prod").stdout
    assert f"prod/{store.current('prod').id}" in text
    assert "AMD EPYC, 2 cores, TensorFlow 2.21.0, fingerprint 0123456789abcdef" in text
    assert "s3://models/v1" in text
    rows = [line.split() for line in text.splitlines()]
    assert ["execute_ms", "1.50", "ms", "2"] in rows
    assert ["latency_p999_ms", "n/a", "0", "too", "few"] in rows


def test_show_gives_one_record_by_id_and_as_json(store: Store, call: Callable[..., Result]) -> None:
    old = store.ids("prod")[0]
    data = json.loads(call(show_command, "prod", "--id", old, "--json").stdout)
    assert data["id"] == old
    assert data["metrics"]["execute_ms"]["value"] == 1.5


def test_what_is_not_there_is_said_by_the_store(call: Callable[..., Result]) -> None:
    with pytest.raises(NoBaselineError, match="no baseline live"):
        call(show_command, "live")
    with pytest.raises(UsageError, match="no record 'zzz'"):
        call(show_command, "prod", "--id", "zzz")
    with pytest.raises(NoBaselineError, match="no baseline live"):
        call(rm_command, "live", "--yes")


def test_rm_without_a_terminal_needs_yes(store: Store, call: Callable[..., Result]) -> None:
    with pytest.raises(UsageError, match=r"removing all 2 records of prod from .* needs confirmation"):
        call(rm_command, "prod", stdin="y\n")
    assert len(store.list()) == 3


def test_rm_removes_one_or_all(store: Store, call: Callable[..., Result]) -> None:
    old, new = store.ids("prod")
    assert call(rm_command, "prod", "--id", new, "--yes").stdout == f"removed prod/{new}\n"
    assert store.current("prod").id == old
    assert call(rm_command, "prod", "--yes").stdout == f"removed prod/{old}\n"
    assert store.names() == ("canary",)


@pytest.mark.parametrize(("answer", "left"), [("y\n", 2), ("n\n", 3), ("\n", 3)])
def test_rm_asks_on_a_terminal(
    store: Store, call: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, answer: str, left: int
) -> None:
    monkeypatch.setattr(baseline_store, "_asks", lambda: True)
    result = call(rm_command, "canary", stdin=answer)
    assert f"Remove canary/{_record(3, name='canary').id} from" in result.stderr
    assert len(store.list()) == left
    assert result.return_value == 0


@pytest.mark.slow
@pytest.mark.parametrize("width", ["60", "80", "200"])
def test_a_terminal_of_any_width_cuts_no_id_and_no_number(
    width: str, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.record("old", "--note", "words that go on and on and on, further than a terminal is wide, and then some")
    monkeypatch.setenv("COLUMNS", width)
    (record,) = commands.store.list()
    commands("baseline", "list", "--store", "kept")
    assert record.id in commands.out
    shown = commands.out
    commands("baseline", "show", "prod", "--store", "kept")
    shown += commands.out
    assert max(map(len, shown.splitlines())) <= int(width)
    assert "…" not in shown
    for name, summary in record.metrics.items():
        if summary.value is not None:
            (line,) = (line for line in commands.out.splitlines() if line.split()[:1] == [name])
            assert f" {quantity(summary.value, name)} " in line
