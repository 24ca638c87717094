"""A fleet file becomes gates: patterns, defaults, names, paths."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perfgate.errors import UsageError
from perfgate.fleet.file import read_fleet
from perfgate.fleet.gates import FleetGate, gates_of


def _gates(folder: Path, text: str, file: str = "fleet.toml") -> tuple[FleetGate, ...]:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return gates_of(read_fleet(path), path)


def _ids(folder: Path, text: str) -> list[str]:
    return [gate.gate_id for gate in _gates(folder, text)]


def _error(folder: Path, text: str) -> tuple[str, str]:
    with pytest.raises(UsageError) as caught:
        _gates(folder, text)
    assert "\n" not in caught.value.in_a_line
    start = f"{folder / 'fleet.toml'}: "
    assert caught.value.problem.startswith(start)
    return caught.value.problem.removeprefix(start).replace(str(folder), "HERE"), caught.value.remedy


def _model(path: Path) -> None:
    path.mkdir(parents=True)
    (path / "saved_model.pb").touch()


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Three models below `models`: two SavedModels and a base path with two versions; a hidden one and a file."""
    for name in ("ads", "feed", "ranker/1", "ranker/3", ".old"):
        _model(tmp_path / "models" / name)
    (tmp_path / "models" / "ads" / "variables").mkdir()
    (tmp_path / "models" / "README.md").touch()
    return tmp_path


def test_a_pattern_is_every_model_that_is_not_hidden(models: Path) -> None:
    assert _ids(models, '[[models]]\nmodel = "models/*"') == ["ads--default", "feed--default", "ranker--default"]
    assert _ids(models, '[[models]]\nmodel = "models/[af]*"') == ["ads--default", "feed--default"]
    assert _ids(models, '[[models]]\nmodel = "models/.o*"') == ["old--default"]


def test_at_any_depth_only_models_count_and_nothing_inside_them(models: Path) -> None:
    (models / "models" / "teams" / "empty").mkdir(parents=True)
    _model(models / "models" / "teams" / "search" / "query")
    (models / "models" / "teams" / "text.keras").touch()
    assert _ids(models, '[[models]]\nmodel = "**/*"') == [
        "ads--default", "feed--default", "ranker--default", "query--default", "text--default",
    ]  # fmt: skip


def test_a_pattern_may_be_absolute(models: Path, tmp_path: Path) -> None:
    gates = _gates(tmp_path / "elsewhere", f'[[models]]\nmodel = "{models}/models/f*"')
    assert [gate.model for gate in gates] == [str(models / "models" / "feed")]


@pytest.mark.parametrize(
    ("pattern", "remedy"),
    [
        ("models/x*", "correct the pattern (it is relative to HERE), or remove it"),
        ("models/README*", "correct the pattern (it is relative to HERE), or remove it"),
        ("models[", "correct the pattern (it is relative to HERE), or remove it"),
        ("/nowhere at all/*", "correct the pattern (it begins at the root), or remove it"),
    ],
)
def test_a_pattern_that_matches_nothing_is_an_error(pattern: str, remedy: str, models: Path) -> None:
    problem, advice = _error(models, f'[[models]]\nmodel = "{pattern}"')
    assert problem == f'no model matches "{pattern}"'
    assert advice.replace(str(models), "HERE") == remedy


def test_a_directory_that_is_really_called_so_is_no_pattern(tmp_path: Path) -> None:
    _model(tmp_path / "ranker[v1]")
    (gate,) = _gates(tmp_path, '[[models]]\nmodel = "ranker[v1]"')
    assert (gate.model, gate.gate_id) == (str(tmp_path / "ranker[v1]"), "ranker-v1--default")


@pytest.mark.parametrize("own_first", [True, False])
@pytest.mark.parametrize("own", ["models/ads", "models/../models/ads/"])
def test_an_entry_replaces_what_a_pattern_says_of_the_same_model(models: Path, own: str, own_first: bool) -> None:
    many = '[[models]]\nmodel = "models/*"\nowner = "all"\nscenarios = ["a", "b"]\n'
    one = f'[[models]]\nmodel = "{own}"\nowner = "ads"\n'
    gates = _gates(models, one + many if own_first else many + one)
    assert {gate.gate_id: gate.owner for gate in gates} == {
        "ads--default": "ads", "feed--a": "all", "feed--b": "all", "ranker--a": "all", "ranker--b": "all",
    }  # fmt: skip


def test_of_two_patterns_the_later_one_decides_scenario_by_scenario(models: Path) -> None:
    first = '[[models]]\nmodel = "models/*"\nowner = "all"\nscenarios = ["a", "x--b"]\n'
    second = '[[models]]\nmodel = "models/f*"\nowner = "feed"\nscenarios = ["a", "y--b"]\n'
    found = {gate.gate_id: gate.owner for gate in _gates(models, first + second) if gate.model_name == "feed"}
    assert found == {"feed--a": "feed", "feed--x--b": "all", "feed--y--b": "feed"}


def test_one_name_for_many_models_is_an_error(models: Path) -> None:
    problem, remedy = _error(models, '[[models]]\nmodel = "models/*"\nname = "x"')
    assert problem == "models/* matches 3 models, which cannot all be x"
    assert remedy == "remove `name`, or list the models one by one"
    assert _ids(models, '[[models]]\nmodel = "models/f*"\nname = "x"') == ["x--default"]


@pytest.mark.parametrize(
    ("text", "problem", "remedy"),
    [
        (
            '[[models]]\nmodel = "a/m"\n[[models]]\nmodel = "b/m"',
            "HERE/a/m and HERE/b/m are both m",
            "set a different `name` for one",
        ),
        (
            '[[models]]\nmodel = "a"\nname = "m--x"\nscenarios = ["y"]\n[[models]]\nmodel = "m"\nscenarios = ["x--y"]',
            "HERE/a and HERE/m are both m--x--y",
            "set a different `name` for one",
        ),
        (
            '[[models]]\nmodel = "m"\nowner = "a"\n[[models]]\nmodel = "./m/"\nowner = "b"',
            "HERE/m is listed twice, under scenario default",
            "remove one entry, or set a different `name` in it",
        ),
        (
            '[[models]]\nmodel = "m"\nscenarios = ["x", "x"]',
            "HERE/m: scenarios x and x are both x",
            "remove one, or rename its file",
        ),
        (
            '[[models]]\nmodel = "m"\nscenarios = ["x", "other/x.toml"]',
            "HERE/m: scenarios x and other/x.toml are both x",
            "remove one, or rename its file",
        ),
        (
            f'[[models]]\nmodel = "m"\nname = "{"n" * 300}"',
            "the name of HERE/m and its scenario is too long",
            "set a shorter `name`",
        ),
    ],
)
def test_gates_that_collide_are_an_error(text: str, problem: str, remedy: str, tmp_path: Path) -> None:
    assert _error(tmp_path, text) == (problem, remedy)


def test_a_model_may_be_listed_twice_under_other_scenarios_or_names(tmp_path: Path) -> None:
    text = (
        '[[models]]\nmodel = "m"\nscenarios = ["a"]\n[[models]]\nmodel = "m"\nscenarios = ["b"]\n'
        '[[models]]\nmodel = "m"\nscenarios = ["a"]\nname = "again"'
    )
    assert _ids(tmp_path, text) == ["m--a", "m--b", "again--a"]


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("models/ranker", "ranker"),
        ("models/ranker/3", "ranker-3"),
        ("models/ranker/", "ranker"),
        ("models/text.keras", "text"),
        ("my models/two towers", "two-towers"),
        ("modèles/Modèle", "Modele"),
        ("模型", "model"),
        ("_private", "private"),
        (".", "HERE"),
        ("..", "PARENT"),
    ],
)
def test_a_model_is_named_after_its_path(model: str, name: str, tmp_path: Path) -> None:
    folder = tmp_path / "PARENT" / "HERE"
    (gate,) = _gates(folder, f'[[models]]\nmodel = "{model}"')
    assert (gate.model_name, gate.gate_id, gate.model) == (name, f"{name}--default", str(folder / model))


def test_names_do_not_depend_on_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (gate,) = _gates(Path(), '[[models]]\nmodel = "3"')
    assert gate.model_name == f"{tmp_path.name}-3"


@pytest.mark.parametrize(
    ("given", "name", "found", "gate_id"),
    [
        ("bursty", "bursty", "bursty", "m--bursty"),
        ("bursty.toml", "bursty", "HERE/bursty.toml", "m--bursty"),
        ("more/bursty.toml", "bursty", "HERE/more/bursty.toml", "m--bursty"),
        ("../more/late évening.toml", "late évening", "HERE/../more/late évening.toml", "m--late-evening"),
        ("/etc/bursty.toml", "bursty", "/etc/bursty.toml", "m--bursty"),
        ("夜.toml", "夜", "HERE/夜.toml", "m--scenario"),
    ],
)
def test_scenarios_are_names_or_files_beside_the_fleet_file(
    given: str, name: str, found: str, gate_id: str, tmp_path: Path
) -> None:
    (gate,) = _gates(tmp_path, f'[[models]]\nmodel = "m"\nscenarios = ["{given}"]')
    assert (gate.scenario_name, gate.gate_id) == (name, gate_id)
    assert (gate.scenario or "").replace(str(tmp_path), "HERE") == found


def test_without_scenarios_it_is_the_default_one(tmp_path: Path) -> None:
    one, other = _gates(
        tmp_path, '[defaults]\nscenarios = ["x"]\n[[models]]\nmodel = "a"\n[[models]]\nmodel = "b"\nscenarios = []'
    )
    assert (one.scenario, one.scenario_name) == ("x", "x")
    assert (other.scenario, other.scenario_name) == (None, "default")


@pytest.mark.parametrize(
    ("defaults", "own", "baseline", "against"),
    [
        ("", "", "default", None),
        ('baseline = "prod-{name}"', "", "prod-m", None),
        ('baseline = "prod-{name}"', 'baseline = "nightly"', "nightly", None),
        ('baseline = "prod-{name}"', 'against = "released/{name}"', None, "HERE/released/m"),
        ('against = "released/{name}"', 'baseline = "nightly"', "nightly", None),
        ('against = "released/{name}"', "objectives_only = true", None, None),
        ('against = "released/{name}"', "objectives_only = false", None, "HERE/released/m"),
        ('against = "/abs/{name}"', 'name = "n"', None, "/abs/n"),
        ("objectives_only = true", "", None, None),
        ("objectives_only = true", "objectives_only = false", "default", None),
        ("objectives_only = true", 'against = "old"', None, "HERE/old"),
    ],
)
def test_a_model_s_own_way_to_compare_replaces_the_default_one(
    defaults: str, own: str, baseline: str | None, against: str | None, tmp_path: Path
) -> None:
    (gate,) = _gates(tmp_path, f'[defaults]\n{defaults}\n[[models]]\nmodel = "m"\n{own}')
    assert gate.baseline == baseline
    assert (gate.against and gate.against.replace(str(tmp_path), "HERE")) == against


def test_other_values_are_the_model_s_own_or_the_defaults(tmp_path: Path) -> None:
    text = """
        [defaults]
        owner = "team {name}"
        priority = 1
        budget_s = "12s"
        replicas = 4
        cores = 3
        memory_mib = 512
        resources = {avx512 = 1}
        demand_rps = 100
        [[models]]
        model = "a"
        [[models]]
        model = "b"
        owner = "b's"
        priority = 0
        resources = {}
        headroom = "50%"
    """
    one, other = _gates(tmp_path, text)
    shared = (12.0, 4, 3, 512.0, 100.0)
    assert (one.budget_s, one.replicas, one.cores, one.memory_mib, one.demand_rps) == shared
    assert (other.budget_s, other.replicas, other.cores, other.memory_mib, other.demand_rps) == shared
    assert (one.owner, one.priority, one.resources, one.headroom) == ("team a", 1, {"avx512": 1.0}, 0.3)
    assert (other.owner, other.priority, other.resources, other.headroom) == ("b's", 0, {}, 0.5)


_WORDS = st.text(st.sampled_from('ab*?[]{}-_ é.1"\\\n'), max_size=8).filter(lambda text: ".." not in text)
_NUMBERS = st.sampled_from(["0", "1", "-3", "1.5", "1e300", "nan", "inf", "-inf", "9" * 60, "2020-01-01", "true"])
_KEYS = st.sampled_from(
    [
        "name", "family", "correction", "alpha", "rounds", "most_s", "store", "scenarios", "baseline", "against",
        "objectives_only", "owner", "priority", "budget_s", "replicas", "cores", "memory_mib", "resources",
        "demand_rps", "headroom", "model", "models", "defaults", "unknown", "resources.a", "resources.'b c'",
    ]
)  # fmt: skip


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


_SCALARS = _WORDS.map(_quoted) | _NUMBERS
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]")
        | inner.map(lambda each: "{a = " + each + "}")
    ),
    max_leaves=4,
)
_PLAUSIBLE = st.sampled_from(
    [
        ("owner", '"team {name}"'), ("baseline", '"prod-{name}"'), ("against", '"old/{name}"'), ("budget_s", '"3s"'),
        ("scenarios", '["a", "b.toml"]'), ("scenarios", "[]"), ("name", '"x"'), ("objectives_only", "true"),
        ("headroom", '"20%"'), ("resources.tpu", "2"), ("priority", "-1"), ("demand_rps", "1e3"),
    ]
)  # fmt: skip
_LINES = st.integers(0, 9).flatmap(lambda dice: _PLAUSIBLE if dice else st.tuples(_KEYS, _VALUES))


def _tables(most: int) -> st.SearchStrategy[str]:
    return st.lists(_LINES, max_size=most, unique_by=lambda line: line[0].partition(".")[0]).map(
        lambda lines: "".join(f"{key} = {value}\n" for key, value in lines)
    )


_MODELS = st.sampled_from(['"m"', '"n/m"', '"models/ads"', '"models/*"', '"**"', '"models/f*"']) | _WORDS.map(_quoted)
_FILES = st.builds(
    lambda name, wild, defaults, models: name + wild + defaults + "".join(
        f"[[models]]\nmodel = {model}\n{own}" for model, own in models
    ),
    st.sampled_from(["", 'name = "fleet"\n', 'correction = "benjamini-hochberg"\n']),
    st.integers(0, 9).flatmap(lambda dice: st.just("") if dice else _tables(2)),
    st.just("") | _tables(3).map(lambda text: f"[defaults]\n{text}"),
    st.lists(st.tuples(_MODELS, _tables(3)), max_size=3),
)  # fmt: skip


@pytest.mark.slow  # 2 s: 150 files
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=_FILES)
def test_whatever_the_file_says_it_is_gates_or_a_usage_error(text: str, models: Path) -> None:
    try:
        gates: Any = _gates(models, text)
    except UsageError as error:
        assert error.problem.isprintable()  # noqa: PT017 - either way is right
        assert error.remedy  # noqa: PT017
    else:
        assert gates
        assert len({gate.gate_id for gate in gates}) == len(gates)
        assert all("/" not in gate.gate_id and len(gate.gate_id) <= 200 for gate in gates)
        assert tomllib.loads(text)["models"]
