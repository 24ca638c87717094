import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from perfgate.errors import UsageError
from perfgate.metrics import BY_NAME
from perfgate.scenario.files import json_schema, load_scenario, scenario_digest
from perfgate.scenario.schema import Scenario

SHIPPED = Path(__file__).parents[2] / "scenarios"


def _written(folder: Path, text: str, name: str = "s.toml") -> str:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_no_name_is_all_defaults() -> None:
    assert load_scenario(None, []) == Scenario()


def test_default_is_all_defaults_until_a_file_says_otherwise(tmp_path: Path) -> None:
    assert load_scenario("default", [tmp_path]) == Scenario()
    _written(tmp_path, "[payload]\nbatch_size = 3", "default.toml")
    assert load_scenario("default", [tmp_path]).payload.batch_size == 3


def test_bare_name_is_looked_up_in_order(tmp_path: Path) -> None:
    for number, folder in enumerate(("a", "b")):
        (tmp_path / folder).mkdir()
        _written(tmp_path / folder, f"[payload]\nbatch_size = {number + 1}", "x.toml")
    found = load_scenario("x", [tmp_path / "empty", tmp_path / "b", tmp_path / "a"])
    assert found.payload.batch_size == 2


def test_file_without_a_name_takes_its_stem(tmp_path: Path) -> None:
    assert load_scenario(_written(tmp_path, "", "evening.toml"), []).name == "evening"
    assert load_scenario(_written(tmp_path, 'name = "late"', "evening.toml"), []).name == "late"


def test_unknown_name_lists_what_is_there_and_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        load_scenario("rankin", [SHIPPED])
    assert caught.value.problem == f"no scenario rankin in {SHIPPED}"
    assert caught.value.remedy == "did you mean ranking? Available: audio, bursty, ranking, throughput."


def test_unknown_name_in_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no scenario x in") as caught:
        load_scenario("x", [tmp_path])
    assert ".toml" in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a =\n", ":1", "Invalid value"),
        ("a = 1\n\n[x\n", ":3", "Expected ']'"),
        ("a = [1,\n", "", "end of document"),
    ],
)
def test_syntax_error_names_file_and_line(tmp_path: Path, text: str, place: str, words: str) -> None:
    file = _written(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        load_scenario(file, [])
    assert caught.value.problem.startswith(f"{file}{place}: invalid TOML: ")
    assert words in caught.value.problem


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such scenario file"):
        load_scenario(str(tmp_path / "gone.toml"), [])
    with pytest.raises(UsageError, match=r"directory|denied"):
        load_scenario(f"{tmp_path}/", [])
    (tmp_path / "latin.toml").write_bytes(b'description = "\xe9"')
    with pytest.raises(UsageError, match="not UTF-8 at byte 15"):
        load_scenario(str(tmp_path / "latin.toml"), [])


@pytest.mark.parametrize("name", sorted(file.stem for file in SHIPPED.glob("*.toml")))
def test_shipped_scenarios_are_read_by_name_and_say_what_they_are(name: str) -> None:
    scenario = load_scenario(name, [SHIPPED])
    assert scenario.name == name
    assert scenario.description
    text = (SHIPPED / f"{name}.toml").read_text(encoding="utf-8")
    assert text.startswith("#:schema schema.json\n")


def test_the_ranking_scenario_buys_enough_requests_for_its_objectives() -> None:
    scenario = load_scenario("ranking", [SHIPPED])
    budget, rate_rps = scenario.budget, scenario.load.rate_rps or 0
    per_arm = rate_rps * budget.measure_s * (1 - budget.execute_share - budget.request_share) / 2
    assert per_arm > 662  # an objective of 1 % at 99 % with one request above the bound (docs/explanation/method.md)


def test_digest_follows_what_is_measured() -> None:
    base = {"name": "s"}
    digests = {
        scenario_digest(Scenario.model_validate({**base, **change}))
        for change in (
            {},
            {"name": "t"},
            {"payload": {"batch_size": 9}},
            {"payload": {"inputs": {"a": {"low": 1}}}},
            {"load": {"in_flight": 3}},
            {"server": {"rpc_threads": 5}},
        )
    }
    assert len(digests) == 6
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in digests)


@pytest.mark.parametrize(
    "change",
    [
        {"description": "words"},
        {"gate": {"alpha": 0.02, "metrics": {"execute_ms": {"catch": "3%"}}}},
        {"objectives": {"latency_p99_ms": {"max": 9}}},
        {"budget": {"measure_s": "3min"}},
        {"payload": {"batch_size": 8}},  # the default, written explicitly
        {"load": {"deadline_s": "5000ms"}},
    ],
)
def test_digest_leaves_out_how_it_is_judged_and_spelt(change: dict[str, object]) -> None:
    assert scenario_digest(Scenario.model_validate(change)) == scenario_digest(Scenario())


def test_digest_of_the_defaults_stays_what_stored_records_hold() -> None:
    # A change here orphans every stored record: if a default changed on purpose, raise DIGEST_VERSION with it.
    assert scenario_digest(Scenario()) == "sha256:46129173b2e9f09daf87049130b9d399c57f410f8ce6e44f85843a27dc65e48b"


NAMED_FILES = [
    ('[payload]\nsource = "npz"\nfile = "{}"', lambda s: s.payload.file),
    ('[classes.a]\nsource = "json"\nfile = "{}"', lambda s: s.classes["a"].file),
    ('[load]\narrivals = "trace"\ntrace = "{}"', lambda s: s.load.trace),
    ('[server]\nbatching_parameters_file = "{}"', lambda s: s.server.batching_parameters_file),
]


@pytest.mark.parametrize(("text", "named"), NAMED_FILES)
def test_files_are_found_beside_the_scenario_and_count_by_their_content(
    tmp_path: Path, text: str, named: Callable[[Scenario], str | None]
) -> None:
    digests = {}
    for folder, content in (("here", "# 1\n"), ("moved/there", "# 1\n"), ("other", "# 2\n")):
        (tmp_path / folder / "data").mkdir(parents=True)
        (tmp_path / folder / "data" / "f").write_text(content)
        scenario = load_scenario(_written(tmp_path / folder, text.format("data/f")), [])
        assert named(scenario) == str(tmp_path / folder / "data" / "f")
        digests[folder] = scenario_digest(scenario)
    assert digests["here"] == digests["moved/there"] != digests["other"]


@pytest.mark.parametrize(("text", "named"), NAMED_FILES)
def test_a_file_that_is_not_there_is_named_in_one_line(
    tmp_path: Path, text: str, named: Callable[[Scenario], str | None]
) -> None:
    with pytest.raises(UsageError, match=r"s\.toml: [a-z_.]+: no such file: .*/gone$") as caught:
        load_scenario(_written(tmp_path, text.format("gone")), [])
    assert "\n" not in caught.value.problem + caught.value.remedy
    (tmp_path / "gone").write_text("# 1\n")
    scenario = load_scenario(_written(tmp_path, text.format("gone")), [])
    assert named(scenario)
    (tmp_path / "gone").unlink()
    with pytest.raises(UsageError, match="cannot read"):
        scenario_digest(scenario)


def test_mistakes_in_tables_come_before_their_files(tmp_path: Path) -> None:
    for text in ("payload = 3", "[classes]\na = 1", "[load]\ntrace = 1"):
        with pytest.raises(UsageError, match=r"s\.toml: "):
            load_scenario(_written(tmp_path, text), [])


def test_json_schema_file_is_current() -> None:
    text = (SHIPPED / "schema.json").read_text(encoding="utf-8")
    assert text == json.dumps(json_schema(), indent=2) + "\n", "write it again: make docs"


def test_json_schema_knows_metrics_and_written_forms() -> None:
    schema = json_schema()
    gate = schema["$defs"]["Gate"]["properties"]["metrics"]
    assert set(gate["propertyNames"]["enum"]) == set(BY_NAME)
    assert schema["properties"]["objectives"]["propertyNames"] == gate["propertyNames"]
    number, text = schema["$defs"]["MetricGate"]["properties"]["catch"]["anyOf"]
    assert number == {"type": "number", "exclusiveMinimum": 0}
    assert re.match(text["pattern"], "5%")
    measure = schema["$defs"]["Budget"]["properties"]["measure_s"]
    assert re.match(measure["anyOf"][1]["pattern"], "45s")
    assert measure["default"] == 45.0
    assert "null" not in json.dumps(schema)


def test_the_page_has_every_table_and_its_example_is_a_scenario(tmp_path: Path) -> None:
    docs = SHIPPED.parent / "docs"
    page = (docs / "reference" / "scenario-files.md").read_text(encoding="utf-8")
    assert not {key for key in Scenario.model_fields if key not in {"name", "description"} and f"`[{key}" not in page}
    written = (docs / "how-to" / "write-a-scenario.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", written, re.DOTALL)
    assert load_scenario(_written(tmp_path, example), []).load.rate_rps == 50
