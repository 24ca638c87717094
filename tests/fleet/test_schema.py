"""Every mistake in a fleet file is one line that says what to write instead."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from perfgate.errors import UsageError
from perfgate.fleet.file import json_schema, read_fleet
from perfgate.fleet.schema import Correction, Family, FleetFile

ROOT = Path(__file__).resolve().parents[2]
MODEL = '[[models]]\nmodel = "m"\n'


def _read(folder: Path, text: str, name: str = "fleet.toml") -> FleetFile:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return read_fleet(file)


def _error(folder: Path, text: str) -> tuple[str, str]:
    with pytest.raises(UsageError) as caught:
        _read(folder, text)
    problem = caught.value.problem
    assert problem.startswith(f"{folder / 'fleet.toml'}")
    assert "\n" not in problem
    return problem.removeprefix(f"{folder / 'fleet.toml'}").lstrip(": "), caught.value.remedy


@pytest.mark.parametrize(
    ("text", "problem", "remedy"),
    [
        ("", "it lists no models", 'add [[models]] with model = "PATH" for each'),
        ("modles = 1\n" + MODEL, "modles: unknown key", "did you mean models?"),
        (MODEL + 'agianst = "x"', "models[0].agianst: unknown key", "did you mean against?"),
        ("[defaults]\nbudget = 3\n" + MODEL, "defaults.budget: unknown key", "did you mean budget_s?"),
        ("budget_s = 3\n" + MODEL, "budget_s: unknown key", "budget_s belongs in [defaults] or [[models]]"),
        (MODEL + "alpha = 0.1", "models[0].alpha: unknown key", "alpha belongs in the top of the file"),
        ('[defaults]\nmodel = "m"\n' + MODEL, "defaults.model: unknown key", "model belongs in [[models]]"),
        ("models = 3", "models = 3", "must be an array"),
        ("models = []", "models = []", "must be a non-empty array"),
        ('models = ["m"]', 'models[0] = "m"', "must be a table"),
        ('[models]\nmodel = "m"', "models must be an array of tables", "write [[models]], with double brackets"),
        ("[[defaults]]\n" + MODEL, "defaults = [{}]", "must be a table"),
        ('[[models]]\nname = "m"', "models[0]: model is missing", "set it: a directory, a .keras file, or a pattern"),
        ("[[models]]\nmodel = 3", "models[0].model = 3", "must be a string"),
        ('[[models]]\nmodel = ""', 'models[0].model = ""', "must be a path or a name, in printable characters"),
        ('[[models]]\nmodel = "a\\u0000"', 'models[0].model = "a\\u0000"', "must be a path or a name, in printable"),
        ('[[models]]\nmodel = "grpc://h:1/m"', 'models[0].model = "grpc://h:1/m"', "must be a path: a fleet's"),
        (MODEL + 'against = "s3://b/m"', 'models[0].against = "s3://b/m"', "must be a path: a fleet's"),
        (MODEL + 'name = "a b"', 'models[0].name = "a b"', "must be letters, digits, '.', '_' or '-', starting with"),
        (MODEL + 'name = "../m"', 'models[0].name = "../m"', "must be letters, digits, '.', '_' or '-', starting with"),
        (MODEL + 'scenarios = "x"', 'models[0].scenarios = "x"', "must be an array"),
        (MODEL + 'scenarios = [""]', 'models[0].scenarios[0] = ""', "must be a path or a name, in printable"),
        (MODEL + 'baseline = ""', 'models[0].baseline = ""', "must be a path or a name, in printable characters"),
        (MODEL + 'baseline = "{model}"', 'models[0].baseline = "{model}"', "must be without {model}: only {name} is"),
        (MODEL + 'owner = "{team}"', 'models[0].owner = "{team}"', "must be without {team}: only {name} is replaced"),
        (MODEL + 'owner = "a\\nb"', 'models[0].owner = "a\\nb"', "must be in printable characters"),
        (MODEL + 'against = "a\\u0000b"', 'models[0].against = "a\\u0000b"', "must be in printable characters"),
        (MODEL + 'resources = {"a\\nb" = 1}', 'models[0].resources = {"a\\nb": 1}', "must be in printable characters"),
        (MODEL + "budget_s = 0", "models[0].budget_s = 0", "must be greater than or equal to 0.1"),
        (MODEL + 'budget_s = "fast"', 'models[0].budget_s = "fast"', "must be a number of seconds, or a duration"),
        (MODEL + "budget_s = true", "models[0].budget_s = true", "must be a number of seconds or a duration such as"),
        (MODEL + "replicas = 1", "models[0].replicas = 1", "must be greater than or equal to 2"),
        (MODEL + "cores = 0", "models[0].cores = 0", "must be greater than or equal to 1"),
        (MODEL + "priority = 1.5", "models[0].priority = 1.5", "must be a whole number"),
        (MODEL + "demand_rps = inf", "models[0].demand_rps = Infinity", "must be a finite number"),
        (MODEL + 'demand_rps = "20X"', 'models[0].demand_rps = "20X"', "must be requests per second"),
        (MODEL + 'headroom = "x"', 'models[0].headroom = "x"', 'must be a number, such as 0.05 or "5%"'),
        (MODEL + 'headroom = "100%"', 'models[0].headroom = "100%"', "must be less than 1"),
        (MODEL + 'resources = {gpu = "a"}', 'models[0].resources.gpu = "a"', "must be a number"),
        (MODEL + "resources = {tpu = 0}", 'models[0].resources = {"tpu": 0}', "must be above 0, and whole"),
        (MODEL + "resources = {tpu = 1.5}", 'models[0].resources = {"tpu": 1.5}', "must be above 0, and whole"),
        (MODEL + "resources = {CPU = 1}", 'models[0].resources = {"CPU": 1}', "must be without CPU: `cores` reserves"),
        (MODEL + 'resources = {"" = 1}', 'models[0].resources = {"": 1}', "must be without an empty name"),
        ("alpha = 0.5\n" + MODEL, "alpha = 0.5", "must be less than 0.5"),
        ("rounds = 3\n" + MODEL, "rounds = 3", "must be less than or equal to 2"),
        ('family = "all"\n' + MODEL, 'family = "all"', "must be 'fleet' or 'gate'"),
        ('correction = "none"\n' + MODEL, 'correction = "none"', "must be 'holm' or 'benjamini-hochberg'"),
        ('name = "a/b"\n' + MODEL, 'name = "a/b"', "must be letters, digits, '.', '_' or '-', starting with"),
        ('store = ""\n' + MODEL, 'store = ""', "must be a path or a name, in printable characters"),
        ("[[models", "invalid TOML: Expected ']]'", "check for an unclosed string or bracket at the end of the file"),
        ("[[models]]\nmodel = m", "2: invalid TOML: Invalid value, column 9", "fix line 2"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_a_remedy(text: str, problem: str, remedy: str, tmp_path: Path) -> None:
    said, advice = _error(tmp_path, text)
    assert said.startswith(problem)
    assert advice.startswith(remedy)
    assert "more)" not in said, "one mistake counts once"


@pytest.mark.parametrize(
    ("keys", "both"),
    [
        ('baseline = "a"\nagainst = "b"', "baseline and against"),
        ('against = "b"\nobjectives_only = true', "against and objectives_only"),
        ('baseline = "a"\nobjectives_only = true', "baseline and objectives_only"),
    ],
)
@pytest.mark.parametrize("table", ["defaults", "models[0]"])
def test_two_ways_to_compare_exclude_each_other(keys: str, both: str, table: str, tmp_path: Path) -> None:
    text = f"[defaults]\n{keys}\n{MODEL}" if table == "defaults" else f"{MODEL}{keys}"
    assert _error(tmp_path, text) == (f"{table}: invalid combination of keys", f"{both} cannot be used together")


@pytest.mark.parametrize(
    "text",
    [
        "cores = true", "priority = true", "memory_mib = true", "memory_mib = 1e300", "demand_rps = true",
        'replicas = "2"', 'objectives_only = "yes"', "budget_s = true", "headroom = true",
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused_and_not_converted(text: str, tmp_path: Path) -> None:
    problem, remedy = _error(tmp_path, MODEL + text)
    assert problem.startswith(f"models[0].{text.partition(' ')[0]} = ")
    assert remedy.startswith("must be ")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    problem, remedy = _error(tmp_path, "alpha = 3\n[[models]]\nmodel = 1\n")
    assert problem == "alpha = 3 (and 1 more)"
    assert remedy.splitlines() == ["must be less than 0.5", "models[0].model = 1: must be a string"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"\xff", "not UTF-8 at byte 0"), (None, "no such fleet file"), ("folder", "Is a directory")],
)
def test_a_file_that_cannot_be_read_is_named(content: bytes | str | None, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "fleet.toml"
    if content == "folder":
        file.mkdir()
    elif isinstance(content, bytes):
        file.write_bytes(content)
    with pytest.raises(UsageError, match=problem) as caught:
        read_fleet(file)
    assert str(file) in caught.value.problem
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("file", "name"),
    [("nightly.toml", "nightly"), ("my fleet.toml", "my-fleet"), ("é.toml", "fleet"), (".toml", "toml")],
)
def test_a_fleet_is_named_after_its_file(file: str, name: str, tmp_path: Path) -> None:
    assert _read(tmp_path, MODEL, file).name == name


def test_its_own_name_comes_first(tmp_path: Path) -> None:
    assert _read(tmp_path, 'name = "models"\n' + MODEL).name == "models"


def test_what_is_not_set_has_defaults(tmp_path: Path) -> None:
    fleet = _read(tmp_path, MODEL)
    assert (fleet.family, fleet.correction, fleet.alpha, fleet.rounds) == (Family.FLEET, Correction.HOLM, 0.01, 2)
    assert (fleet.most_s, fleet.store) == (None, "baselines")
    assert (fleet.models[0].cores, fleet.models[0].headroom) == (2, 0.3)


def test_durations_and_shares_have_written_forms(tmp_path: Path) -> None:
    fleet = _read(tmp_path, 'most_s = "2h"\n' + MODEL + 'budget_s = "500ms"\nheadroom = "30%"\n')
    assert (fleet.most_s, fleet.models[0].budget_s, fleet.models[0].headroom) == (7200.0, 0.5, 0.3)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        (MODEL, True),
        ('most_s = "2h"\n' + MODEL + 'budget_s = "500ms"\nheadroom = "30%"\nresources = {avx512 = 1}', True),
        (MODEL + "budget_s = 12\nheadroom = 0.5", True),
        ("", False),
        (MODEL + "budget = 12", False),
        (MODEL + 'budget_s = "fast"', False),
        (MODEL + 'headroom = "30"', False),
        (MODEL + 'name = "a b"', False),
        ('correction = "none"\n' + MODEL, False),
    ],
)
def test_the_schema_for_editors_agrees(text: str, valid: bool, tmp_path: Path) -> None:
    assert Draft202012Validator(json_schema()).is_valid(tomllib.loads(text)) is valid
    if valid:
        _read(tmp_path, text)
    else:
        _error(tmp_path, text)


def test_every_key_is_described() -> None:
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    tables: list[dict[str, Any]] = [schema, schema["$defs"]["Defaults"], schema["$defs"]["FleetModel"]]
    bare = [
        key
        for table in tables
        for key, value in table["properties"].items()
        if not value.keys() & {"description", "$ref"}
    ]
    assert bare == []
    assert "null" not in json.dumps(schema)
